import { holds } from "../model/fuzz.ts";
import type { SimulatedCarrier } from "./carrier.ts";
import { LISTENER_ROW } from "./settings.ts";
import type { Story } from "./story.ts";

/** Milliseconds in which a relay that has ended lets another one go on. */
const AT_ONCE_MS = 5;

/** Looks whether anybody waits for what there is. */
export class Waits {
  private since = { upstream: Infinity, place: Infinity };

  constructor(private readonly of: { readonly carrier: SimulatedCarrier; readonly story: Story }) {}

  check(now: number): void {
    const { carrier, story } = this.of;
    const { hall, listener } = carrier;
    // Of what the control plane opens nobody is told.
    if (listener === null || story.operator) return;
    const isRoom = listener.main.waiting.hasQueue && !listener.main.choice.chooser.isFull;
    const most = story.edge?.maxRelays ?? 0;
    const isPlace =
      listener.entry.lacking === "listener_full" && hall.table.running(LISTENER_ROW) < most;
    this.since.upstream = isRoom ? Math.min(this.since.upstream, now) : Infinity;
    this.since.place = isPlace ? Math.min(this.since.place, now) : Infinity;
    // What takes its time is a step of the clock, and not who waits.
    holds(now - this.since.upstream <= AT_ONCE_MS, "room at an upstream is for who waits, at once");
    holds(now - this.since.place <= AT_ONCE_MS, "a place is for who waits, at once");
  }
}
