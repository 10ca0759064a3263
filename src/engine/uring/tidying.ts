import type { Alarms } from "./alarms.ts";

/** After so many relays a quiet moment is waited for. */
const TIDY_AFTER = 1000;
/** A moment is quiet when so long there were so few events. */
const QUIET_MS = 100;
const QUIET_EVENTS = 16;

/**
 * The runtime collects garbage by timers of its event loop, to which a loop's thread never returns, so
 * that what a thousand relays have left would stay for good. A quiet moment does nobody harm.
 */
export class Tidying {
  /** Relays accepted since it was tidied up. */
  private untidy = 0;

  /**
   * @param events how many completions there were so far
   * @param tidy collects what relays have left
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
