/** Milliseconds in which a limited message is logged once. */
export const WINDOW_MS = 1_000;

/**
 * Lets one message through per window and counts the others. While a window is open a further
 * message costs an increment: no text, no clock, no timer. When it closes, what was held back is
 * told as a number, in a new window; a silent window ends it.
 *
 * Owner: {@link LogObserver} or what it is made of. Its timer does not keep the process alive.
 */
export class Limit {
  private heldBack = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;

  /**
   * @param tell logs how many messages were held back since the last one
   * @param windowMs milliseconds of a window, at least 1
   */
  constructor(
    private readonly tell: (heldBack: number) => void,
    private readonly windowMs: number,
  ) {}

  /** Asks for one message. @returns whether it may be logged now; else it is counted */
  take(): boolean {
    if (this.timer !== null) {
      this.heldBack++;
      return false;
    }
    this.open();
    return true;
  }

  /** No window is open, and nothing held back. */
  get isIdle(): boolean {
    return this.timer === null;
  }

  /** Tells what was held back and ends the window: nothing is pending any more. */
  flush(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const { heldBack } = this;
    this.heldBack = 0;
    if (heldBack > 0) this.tell(heldBack);
  }

  private open(): void {
    this.timer = setTimeout(() => {
      const again = this.heldBack > 0;
      this.flush();
      if (again) this.open();
    }, this.windowMs);
    this.timer.unref();
  }
}

/**
 * A condition that comes and goes, perhaps thousands of times a second: at most one line per
 * window, and the last line always says how things stand.
 */
export class Condition {
  private on = false;
  /** What the log says. */
  private told = false;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private heldBack = 0;

  /**
   * @param tell logs that the condition is on or off now, and how often it came on in between
   * @param windowMs milliseconds of a window, at least 1
   */
  constructor(
    private readonly tell: (on: boolean, heldBack: number) => void,
    private readonly windowMs: number,
  ) {}

  /** The condition came or went. */
  set(on: boolean): void {
    this.on = on;
    if (this.timer === null) this.report();
    else if (on) this.heldBack++;
  }

  /** Tells what is still untold and ends the window. */
  flush(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.heldBack > 0 || this.on !== this.told) this.say();
  }

  private report(): void {
    this.say();
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.heldBack > 0 || this.on !== this.told) this.report();
    }, this.windowMs);
    this.timer.unref();
  }

  private say(): void {
    const { heldBack } = this;
    this.heldBack = 0;
    this.told = this.on;
    this.tell(this.on, heldBack);
  }
}
