import type { UringOptions } from "../config/options.ts";
import {
  type Carried,
  carrierOf,
  type EngineChoice,
  needsSockets,
  selectEngine,
  type WantedEngine,
} from "../engine/select.ts";

/**
 * Which engine each listener gets. What can run here is found out once: a listener with `auto` stays
 * where it is, whatever becomes of the system. An engine that cannot run is tried again when it is
 * asked for again.
 */
export class EngineChoices {
  private readonly known = new Map<WantedEngine, EngineChoice>();

  /** @param select for tests to replace */
  constructor(
    private readonly uring: UringOptions,
    private readonly select: typeof selectEngine = selectEngine,
  ) {}

  /** @throws EngineUnsupportedError when the one that was asked for cannot run here */
  of(listener: Carried): EngineChoice {
    const name = carrierOf(listener, (wanted) => this.chosen(wanted).name);
    if (!needsSockets(listener)) return this.chosen(listener.engine);
    return { ...this.chosen(name), why: "as a listener with TLS needs it" };
  }

  private chosen(wanted: WantedEngine): EngineChoice {
    const known = this.known.get(wanted);
    if (known !== undefined) return known;
    const choice = this.select(wanted, this.uring);
    this.known.set(wanted, choice);
    return choice;
  }
}
