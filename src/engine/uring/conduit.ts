import { Flow, Phase } from "../../flow/flow.ts";
import { Relay } from "../../flow/relay.ts";
import type { Exchange } from "../../kinds/valkey/exchange.ts";
import { CompletingConduit } from "../../relay/completing-conduit.ts";
import type { Hall } from "../../relay/hall.ts";
import { Lane } from "../../relay/lane.ts";
import type { Meter } from "../../relay/ledger/meter.ts";
import { Chain } from "./chain.ts";
import type { AttemptOwner, UringAttempt } from "./connector.ts";
import type { EndHost, UringEnd, UringLane } from "./end.ts";
import { InsideEnd } from "./inside-end.ts";
import type { Listener } from "./listener.ts";
import { Direction } from "./memory.ts";

/** A listener of the uring engine. */
export type UringListener = Listener<UringConduit>;

/** All relays of a loop. */
export type UringHall = Hall<UringConduit, UringListener>;

/** The part of the loop that a relay uses. */
interface UringHost extends EndHost {
  readonly hall: UringHall;
  readonly meter: Meter;
  readonly exchange: Exchange<UringListener>;
}

/**
 * A relay on io_uring. A tenancy ends when the relay is over, the kernel has no operation of either
 * end, and both ends are closed.
 *
 * Owner: the loop.
 */
export class UringConduit
  extends CompletingConduit<UringEnd, Chain, UringAttempt, UringListener, UringHall>
  implements AttemptOwner
{
  readonly relay: Relay;
  readonly up: UringLane;
  readonly down: UringLane;
  /** Bytes that had moved at the last look for resets, and whether one was looked for since. */
  private movedAtSweep = 0;
  private isSwept = true;

  constructor(
    private readonly loop: UringHost,
    listener: UringListener,
  ) {
    super(loop.hall, listener);
    const { receiveMax, flowLimit, receiveBelow } = loop.memory;
    const flow = () => new Flow(receiveMax, flowLimit, receiveBelow);
    this.relay = new Relay(flow(), flow());
    const { meter } = loop;
    this.up = new Lane(this.relay.up, new Chain(loop, Direction.Up), meter, this);
    this.down = new Lane(this.relay.down, new Chain(loop, Direction.Down), meter, this);
  }

  /** The end of an accepted client, or the one whose owner is inside. */
  clientEnd(client: number | InsideEnd): UringEnd {
    if (typeof client !== "number") return client.join(this, this.up, this.down);
    return this.loop.ends.open(client, this, this.up, this.down);
  }

  protected override dial(): void {
    if (this.listener.options.mode !== "valkey") {
      super.dial();
      return;
    }
    const { exchange } = this.loop;
    const client = exchange.enter(this.listener, () => this.summary());
    const inside = new InsideEnd(this.loop, client);
    client.begin(inside);
    this.joins(inside.join(this, this.down, this.up));
  }

  get sources(): readonly string[] {
    return this.listener.options.sourceAddresses;
  }

  attemptAnswered(attempt: UringAttempt, descriptor: number): void {
    const { ends, hall } = this.loop;
    hall.dialer.answered(this, attempt, ends.open(descriptor, this, this.down, this.up));
  }

  attemptLost(attempt: UringAttempt, code: string): void {
    this.loop.hall.dialer.attemptFailed(this, attempt, code);
  }

  override accept(id: number, client: UringEnd, listener: UringListener): void {
    this.movedAtSweep = 0;
    this.isSwept = true;
    super.accept(id, client, listener);
  }

  /**
   * Whether the source was reset although a receive reported its end: a send may have consumed the
   * error. A reset connection has no peer any more. One that has merely ended still has, unless our
   * own FIN went there, and then no send can have met an error.
   */
  protected override isReset(lane: UringLane): boolean {
    if (!this.loop.sender.hidesResets) return false;
    const other = lane === this.up ? this.down : this.up;
    if (other.flow.phase === Phase.Ended || lane.source === null) return false;
    if (lane.source.isInside) return false;
    return lane.source.otherAddress === null;
  }

  /** From now on the kernel detects that an end has vanished silently. */
  keepAlive(): void {
    if (this.relay.dialing) {
      this.listener.young.add(this);
      return;
    }
    for (const end of [this.client, this.upstream]) {
      if (end?.isInside === false)
        this.loop.tuning.keepAlive(end.descriptor, this.listener.keepAliveValues);
    }
  }

  /**
   * Looks for an unreported reset, once after bytes have moved.
   *
   * @returns whether there is nothing to look for until bytes move again
   */
  lookForReset(): boolean {
    const moved = this.movedBytes;
    if (moved === this.movedAtSweep) {
      if (this.isSwept) return true;
      this.isSwept = true;
      this.client?.lookForReset();
      this.upstream?.lookForReset();
      return true;
    }
    this.movedAtSweep = moved;
    this.isSwept = false;
    return false;
  }
}
