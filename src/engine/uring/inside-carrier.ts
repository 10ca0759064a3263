import type { Clock } from "../../base/clock.ts";
import type { ListenerOptions, MemoryOptions } from "../../config/options.ts";
import type { ExchangeCarrier } from "../../kinds/valkey/carrier.ts";
import type { Inside, InsideOwner } from "../../relay/inside.ts";
import type { UringHall, UringListener } from "./conduit.ts";
import type { EndHost } from "./end.ts";
import { InsideEnd } from "./inside-end.ts";
import { Listener } from "./listener.ts";

/** The part of the loop that relays with an end inside need. */
interface InsideHost extends EndHost {
  readonly hall: UringHall;
  readonly alarms: Clock;
}

/** What an exchange needs of this engine. Owner: a loop. */
export class InsideCarrier implements ExchangeCarrier<UringListener> {
  readonly clock: Clock;
  /** As much as the pool has at most. */
  readonly holdingsMax: number;

  constructor(
    private readonly loop: InsideHost,
    { segmentCount, segmentSize }: MemoryOptions,
  ) {
    this.clock = loop.alarms;
    this.holdingsMax = segmentCount * segmentSize;
  }

  get isStopping(): boolean {
    return this.loop.hall.isStopping;
  }

  insideListener(options: ListenerOptions, before: UringListener | null): UringListener {
    const { hall } = this.loop;
    return new Listener(hall.partsOf(options, options.address, before), hall.dialer, -1);
  }

  dialInside(listener: UringListener, owner: InsideOwner): Inside {
    const inside = new InsideEnd(this.loop, owner);
    this.loop.hall.accept(listener, inside);
    return inside;
  }

  /** Every turn ends with a flush. */
  atTurnEnd(): void {}
}
