import type { Alarms } from "./alarms.ts";

/** After this many relays the loop waits for a quiet moment. */
const TIDY_AFTER = 1000;
/** A moment is quiet if this many milliseconds bring at most this many events. */
const QUIET_MS = 100;
const QUIET_EVENTS = 16;

/**
 * Collects garbage. The runtime would do that by timers of its event loop, to which a loop's thread
 * never returns, so that the garbage of thousands of relays would stay. In a quiet moment it does
 * no harm.
 */
export class Tidying {
  /** Relays accepted since the last collection. */
  private untidy = 0;

  /**
   * @param events returns how many completions there were so far
   * @param tidy collects garbage
   */
  constructor(
    private readonly alarms: Alarms,
    private readonly events: () => number,
    private readonly tidy: () => void,
  ) {}

  /** A client was accepted. */
  accepted(): void {
    if (++this.untidy === TIDY_AFTER) this.awaitQuiet();
  }

  private awaitQuiet(): void {
    const before = this.events();
    this.alarms.set(QUIET_MS, () => {
      if (this.events() - before > QUIET_EVENTS) {
        this.awaitQuiet();
        return;
      }
      this.untidy = 0;
      this.tidy();
    });
  }
}
