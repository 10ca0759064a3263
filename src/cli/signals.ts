import { EXIT } from "./exit-codes.ts";

/** What asks this program to end. */
export type StopSignal = "SIGINT" | "SIGTERM";

/**
 * Milliseconds in which a signal that comes again is the same one. A terminal sends Ctrl-C to all
 * programs in it, and those that had started others, such as `bun run` and `timeout`, pass it on: one
 * key is then two signals, some milliseconds apart. A person who means it seldom is as quick, and
 * presses once more.
 */
export const ECHO_MS = 500;

/** The exit code of a program that this signal ended. */
export function exitCodeOf(signal: StopSignal): number {
  return EXIT[signal];
}

/**
 * The signals that ask to end, one after the other.
 *
 * A signal that nobody waits for yet is kept; when a second one comes before the first was taken,
 * or any after {@link exitAtOnce}, the program is busy with something that it cannot leave, such as
 * a slow name service or a reader that does not read: it exits there and then. The same one again
 * within {@link ECHO_MS} is not a second one.
 */
export class StopSignals {
  private kept: StopSignal | null = null;
  private waiting: ((signal: StopSignal) => void) | null = null;
  private impatient = false;
  /** When each of them has last counted. */
  private readonly countedAt = new Map<StopSignal, number>();

  /**
   * Takes over SIGINT and SIGTERM of this process.
   *
   * @param now milliseconds of a clock that never goes back
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

  /** From now on every signal ends the program where it stands. */
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

  /** Counted from the one that has counted, so that a key that is held down does end the program. */
  private isEcho(signal: StopSignal): boolean {
    const now = this.now();
    if (now - (this.countedAt.get(signal) ?? Number.NEGATIVE_INFINITY) < ECHO_MS) return true;
    this.countedAt.set(signal, now);
    return false;
  }
}

/** What asks for something while the program runs on. */
export type WorkSignal = "SIGHUP" | "SIGUSR1" | "SIGUSR2";

/**
 * A signal at which there is something to do, and which would end the program if nobody took it. One
 * that comes before anybody has said what to do then is kept; once that is over, it does nothing.
 */
export class WorkSignals {
  private isKept = false;
  private act: (() => void) | null = null;
  private isOver = false;

  /** Takes over this signal of this process. */
  constructor(signal: WorkSignal) {
    process.on(signal, () => this.arrived());
  }

  /** What to do at each of them, and at the one that was kept. */
  onEach(act: () => void): void {
    this.act = act;
    if (!this.isKept) return;
    this.isKept = false;
    act();
  }

  /** From now on they do nothing. */
  end(): void {
    this.isOver = true;
  }

  private arrived(): void {
    if (this.isOver) return;
    if (this.act === null) this.isKept = true;
    else this.act();
  }
}
