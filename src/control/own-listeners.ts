import type { ProxyOptions } from "../config/options.ts";
import type { Listeners } from "./listeners.ts";
import type { OwnAddresses } from "./own-addresses.ts";
import { keyed } from "./plan.ts";
import type { Next, Part, Stage } from "./stage.ts";

/** What is wanted of it. */
type Wanted = Pick<ProxyOptions, "listeners" | "reserved">;

/** Says what is our own: these listeners, those that are open all the same, and what else this process listens on. */
export class OwnListeners implements Part {
  private held: Wanted = { listeners: [] };

  constructor(
    private readonly own: OwnAddresses,
    private readonly listeners: Pick<Listeners, "addressOf" | "placesOf" | "places">,
  ) {}

  /** From now on nothing is dialled that is to be our own, or still is. */
  stage({ wanted }: Next): Stage {
    this.set(wanted);
    return {
      commit: () => {
        this.held = wanted;
        // Ports that the system has picked are known only now.
        this.set(wanted);
      },
      discard: () => this.set(this.held),
    };
  }

  private set({ listeners, reserved = [] }: Wanted): void {
    const all = Array.from(keyed(listeners), ([key, options]) => ({
      options,
      address: this.listeners.addressOf(key) ?? options.address,
      places: this.listeners.placesOf(key),
    }));
    this.own.set(all, this.listeners.places, reserved);
  }
}
