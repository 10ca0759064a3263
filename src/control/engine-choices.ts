import type { UringOptions } from "../config/options.ts";
import {
  type Carried,
  carrierOf,
  type EngineChoice,
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
    // One that was not needed is not asked for here: it might not run on this machine.
    const choice = this.known.get(listener.engine);
    if (choice?.name === name) return choice;
    return { ...this.chosen(name), why: "TLS ends or begins there" };
  }

  private chosen(wanted: WantedEngine): EngineChoice {
    const known = this.known.get(wanted);
    if (known !== undefined) return known;
    const choice = this.select(wanted, this.uring);
    this.known.set(wanted, choice);
    return choice;
  }
}
