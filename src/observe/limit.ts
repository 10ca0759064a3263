/** A limited message is logged once in this many milliseconds. */
export const WINDOW_MS = 1_000;

/**
 * Lets one message through per window and counts the others. While a window is open another message
 * costs an increment: no text, no clock, no timer. When the window closes, the count of suppressed
 * messages is logged and a new window opens; a window without messages is the last one.
 *
 * Owner: {@link LogObserver} or one of its parts. Its timer does not keep the process alive.
 */
export class Limit {
  private heldBack = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;

  /**
   * @param tell logs how many messages were suppressed since the last line
   * @param windowMs milliseconds of a window, at least 1
   */
  constructor(
    private readonly tell: (heldBack: number) => void,
    private readonly windowMs: number,
  ) {}

  /** Asks to log a message. @returns whether it may be logged now; otherwise it is counted */
  take(): boolean {
    if (this.timer !== null) {
      this.heldBack++;
      return false;
    }
    this.open();
    return true;
  }

  /** No window is open, and nothing is suppressed. */
  get isIdle(): boolean {
    return this.timer === null;
  }

  /** Logs the count of suppressed messages and closes the window. */
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
 * A state that may come and go thousands of times a second: it is logged at most once per window,
 * and the last line always shows the current state.
 */
export class Condition {
  private on = false;
  /** What was logged last. */
  private told = false;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private heldBack = 0;

  /**
   * @param tell logs that the state is on or off, and how often it came on in between
   * @param windowMs milliseconds of a window, at least 1
   */
  constructor(
    private readonly tell: (on: boolean, heldBack: number) => void,
    private readonly windowMs: number,
  ) {}

  /** The state came or went. */
  set(on: boolean): void {
    this.on = on;
    if (this.timer === null) this.report();
    else if (on) this.heldBack++;
  }

  /** Logs what is not logged yet, and closes the window. */
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
