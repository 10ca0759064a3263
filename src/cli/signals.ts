import { EXIT } from "./exit-codes.ts";

/** The signals that ask this program to end. */
export type StopSignal = "SIGINT" | "SIGTERM";

/**
 * Repeats of a signal within this many milliseconds are ignored. A terminal sends Ctrl-C to all its
 * programs, and some of them, such as `bun run` and `timeout`, pass it on to their children: one
 * key is then two signals, some milliseconds apart. A person is rarely as quick, and can
 * press once more.
 */
export const ECHO_MS = 500;

/** The exit code of a program that a signal ended. */
export function exitCodeOf(signal: StopSignal): number {
  return EXIT[signal];
}

/**
 * Receives the signals that ask to end, one after the other.
 *
 * A signal that nothing waits for yet is kept. If a second one comes before the first was taken,
 * or any after {@link exitAtOnce}, the program is busy with something that it cannot leave (such as
 * a slow name service or a reader that does not read), and exits at once. Repeats of a signal
 * within {@link ECHO_MS} do not count.
 */
export class StopSignals {
  private kept: StopSignal | null = null;
  private waiting: ((signal: StopSignal) => void) | null = null;
  private impatient = false;
  /** When each signal last counted. */
  private readonly countedAt = new Map<StopSignal, number>();

  /**
   * Handles SIGINT and SIGTERM of this process.
   *
   * @param now returns milliseconds of a monotonic clock
   */
  constructor(private readonly now: () => number = () => performance.now()) {
    process.on("SIGINT", () => this.arrived("SIGINT"));
    process.on("SIGTERM", () => this.arrived("SIGTERM"));
  }

  /** The next signal; one caller at a time. */
  next(): Promise<StopSignal> {
    return new Promise((resolve) => {
      const { kept } = this;
      this.kept = null;
      if (kept !== null) resolve(kept);
      else this.waiting = resolve;
    });
  }

  /** From now on every signal ends the program at once. */
  exitAtOnce(): void {
    this.impatient = true;
  }

  private arrived(signal: StopSignal): void {
    if (this.isEcho(signal)) return;
    if (this.impatient || this.kept !== null) process.exit(EXIT[signal]);
    const { waiting } = this;
    this.waiting = null;
    if (waiting === null) this.kept = signal;
    else waiting(signal);
  }

  /**
   * Measured from the last signal that counted, so that a key that is held down ends the program.
   */
  private isEcho(signal: StopSignal): boolean {
    const now = this.now();
    if (now - (this.countedAt.get(signal) ?? Number.NEGATIVE_INFINITY) < ECHO_MS) return true;
    this.countedAt.set(signal, now);
    return false;
  }
}

/** Signals that ask for something while the program goes on. */
export type WorkSignal = "SIGHUP" | "SIGUSR1" | "SIGUSR2";

/**
 * A signal with a task, which would end the program if it were not handled. A signal
 * that comes before the task is known is kept; after the end it does nothing.
 */
export class WorkSignals {
  private isKept = false;
  private act: (() => void) | null = null;
  private isOver = false;

  /** Handles this signal of this process. */
  constructor(signal: WorkSignal) {
    process.on(signal, () => this.arrived());
  }

  /** Sets the task for each signal, and for the one that was kept. */
  onEach(act: () => void): void {
    this.act = act;
    if (!this.isKept) return;
    this.isKept = false;
    act();
  }

  /** Ignores the signal from now on. */
  end(): void {
    this.isOver = true;
  }

  private arrived(): void {
    if (this.isOver) return;
    if (this.act === null) this.isKept = true;
    else this.act();
  }
}
