import type { ProxyOptions } from "../config/options.ts";
import type { Listeners } from "./listeners.ts";
import type { OwnAddresses } from "./own-addresses.ts";
import { keyed } from "./plan.ts";
import type { Next, Part, Stage } from "./stage.ts";

type Wanted = Pick<ProxyOptions, "listeners" | "reserved">;

/** Keeps {@link OwnAddresses} up to date: wanted listeners, open ones, and reserved addresses. */
export class OwnListeners implements Part {
  private held: Wanted = { listeners: [] };

  constructor(
    private readonly own: OwnAddresses,
    private readonly listeners: Pick<Listeners, "addressOf" | "placesOf" | "places">,
  ) {}

  /** Before the commit, both the wanted and the open listeners are ours. */
  stage({ wanted }: Next): Stage {
    this.set(wanted);
    return {
      commit: () => {
        this.held = wanted;
        // Ports that the system picked are known only now.
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
