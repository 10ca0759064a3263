import { Flow, Phase } from "../../flow/flow.ts";
import { Side } from "../../flow/reason.ts";
import { Relay, RelayPhase } from "../../flow/relay.ts";
import { Conduit } from "../conduit.ts";
import { Lane } from "../lane.ts";
import { Chain } from "./chain.ts";
import type { AttemptOwner, UringAttempt } from "./connector.ts";
import type { EndOwner, UringEnd, UringLane } from "./end.ts";
import type { Listener } from "./listener.ts";
import type { Loop } from "./loop.ts";
import { Direction } from "./memory.ts";

/**
 * A relay on io_uring. A tenancy ends when the relay is over, the kernel has nothing of either end, and both
 * are closed.
 *
 * Owner: the loop.
 */
export class UringConduit
  extends Conduit<UringEnd, Chain, UringAttempt, Listener, Loop["hall"]>
  implements AttemptOwner, EndOwner
{
  readonly relay: Relay;
  readonly up: UringLane;
  readonly down: UringLane;
  /** Bytes that had moved at the last look for resets, and whether they were looked for since. */
  private movedAtSweep = 0;
  private isSwept = true;

  constructor(
    private readonly loop: Loop,
    listener: Listener,
  ) {
    super(loop.hall, listener);
    const { receiveMax, flowLimit, receiveBelow } = loop.memory;
    const flow = () => new Flow(receiveMax, flowLimit, receiveBelow);
    this.relay = new Relay(flow(), flow());
    const { meter } = loop;
    this.up = new Lane(this.relay.up, new Chain(loop, Direction.Up), meter, this);
    this.down = new Lane(this.relay.down, new Chain(loop, Direction.Down), meter, this);
  }

  takeClient(descriptor: number): UringEnd {
    return this.loop.ends.open(descriptor, this, this.up, this.down);
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

  override accept(id: number, client: UringEnd, listener: Listener): void {
    this.movedAtSweep = 0;
    this.isSwept = true;
    super.accept(id, client, listener);
  }

  /** A receive brought the end (FIN). */
  sourceEnded(lane: UringLane): void {
    if (lane.hasPreamble) {
      this.headerEnded("preamble_invalid");
      lane.preambleOver();
    }
    if (lane === this.up && this.waitedEnough()) return;
    if (this.loop.sender.hidesResets && this.isReset(lane)) {
      this.sourceReset(lane);
      return;
    }
    const side = this.sourceSide(lane);
    lane.start(this.relay.sourceEnded(side));
    if (this.relay.phase === RelayPhase.Relaying || this.relay.phase === RelayPhase.Dialing) {
      this.listener.halfClosed.add(this);
    }
    this.settle();
  }

  /**
   * Whether the source was reset, though a receive has said that it ended: a send may have taken the
   * error. A connection that was reset has no other end any more; one that has only ended still has,
   * unless our own FIN went there, and then no send can have met anything.
   */
  private isReset(lane: UringLane): boolean {
    const other = lane === this.up ? this.down : this.up;
    if (other.flow.phase === Phase.Ended || lane.source === null) return false;
    return this.addressOf(lane.source) === null;
  }

  /** A receive failed: what came before has been received, and nothing more comes. */
  sourceReset(lane: UringLane): void {
    const side = this.sourceSide(lane);
    const effects = this.relay.reset(side);
    this.resetSeen(side);
    lane.start(effects);
    this.settle();
  }

  /**
   * The source was reset while it was not read. What it sent before lies in the kernel and is still
   * read as its target takes it; nothing can be sent to it any more.
   */
  sourceBroken(lane: UringLane): void {
    this.lost(this.sourceSide(lane));
  }

  /** A send failed: the target takes nothing any more. */
  targetLost(lane: UringLane): void {
    this.lost(lane === this.up ? Side.Upstream : Side.Client);
    if (lane.flow.sending) lane.flow.sent(0);
    lane.drop();
    this.settle();
  }

  /** From now on the kernel finds out when an end is gone without a word. */
  keepAlive(): void {
    if (this.relay.dialing) {
      this.listener.young.add(this);
      return;
    }
    for (const end of [this.client, this.upstream]) {
      if (end !== null) this.loop.tuning.keepAlive(end.descriptor, this.listener.keepAliveValues);
    }
  }

  /**
   * Looks for a reset that was not told, once after bytes have moved.
   *
   * @returns whether there is nothing more to be looked for until bytes move again
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

  /** Ends the relay when that is due: after facts that may have been the last ones. */
  settle(): void {
    if (this.mustLinger) {
      this.listener.lingering.add(this);
      return;
    }
    this.perform(this.relay.settle());
    if (this.closing) this.finish();
  }

  /**
   * A reset ends the relay, but the last bytes of a flow that has ended before it have not arrived yet:
   * closing by a reset would discard them. The stall timeout bounds the wait.
   */
  private get mustLinger(): boolean {
    const { phase, reason, up, down } = this.relay;
    if (phase !== RelayPhase.Relaying || reason === null || !up.over || !down.over) return false;
    return this.unsent > 0;
  }

  /** When both flows are over the descriptors are closed, which sends the FIN just as well. */
  protected sendFin(side: Side): void {
    const end = this.endOf(side);
    if (end !== null && this.relay.from(side).phase !== Phase.Ended) {
      this.loop.sockets.endSending(end.descriptor);
    }
  }

  private lost(side: Side): void {
    if (this.relay.targetLost(side)) this.resetSeen(side);
    (side === Side.Client ? this.up : this.down).hurry();
    this.settle();
  }

  /** One end was reset: the other one may take what is left, as long as it takes some. */
  private resetSeen(side: Side): void {
    const target = side === Side.Client ? this.down : this.up;
    // The send in flight, if there is one, fails by itself; what is queued goes when it does.
    const isPending = target.target?.sendPending ?? false;
    if (target.flow.sending && !isPending && target.flow.phase === Phase.Aborted) {
      target.flow.sent(0);
    }
    target.drop();
    if (this.relay.phase !== RelayPhase.Relaying) return;
    this.listener.halfClosed.delete(this);
    this.listener.wasReset.add(this);
  }

  /** Makes everything in flight complete. */
  protected abandon(): void {
    const { down } = this.relay;
    this.dropDial();
    this.client?.sweep();
    this.upstream?.sweep();
    if (this.up.discards) {
      // Behind a sink there is no upstream whose completions would end what stands for it.
      if (down.receiving) down.stopped();
    }
    for (const lane of [this.up, this.down]) {
      const { flow, source, target } = lane;
      if (flow.receiving && source !== null && !source.armed) flow.stopped();
      if (flow.sending && target !== null && !target.sendPending) flow.sent(0);
      if (lane.discards && flow.sending) flow.sent(0);
    }
    this.settle();
  }

  protected finish(): void {
    const { client, upstream, relay } = this;
    if ((client?.pending ?? 0) + (upstream?.pending ?? 0) > 0) {
      client?.sweep();
      upstream?.sweep();
      return;
    }
    const { reason, up, down } = relay;
    // A request that came in that very moment is lost, and whoever sent it must not think otherwise.
    const isRetired = this.isRetired && up.lostBytes === 0 && down.lostBytes === 0;
    const isClean = isRetired || reason === "client_fin" || reason === "upstream_fin";
    client?.close(isClean);
    upstream?.close(isClean);
  }

  endClosed(end: UringEnd): void {
    if (end === this.client) this.client = null;
    else this.upstream = null;
    if (this.client === null && this.upstream === null) this.over();
  }

  protected get ownAddress(): Uint8Array | null {
    return this.client === null ? null : this.loop.sockets.ownAddress(this.client.descriptor);
  }

  protected addressOf(end: UringEnd): Uint8Array | null {
    return this.loop.sockets.otherAddress(end.descriptor);
  }

  protected unsentTo(end: UringEnd): number {
    return this.loop.sockets.unsentBytes(end.descriptor);
  }

  protected unreadOf(end: UringEnd): number {
    return this.loop.sockets.unreadBytes(end.descriptor);
  }

  protected keepUrgentBytes(end: UringEnd): void {
    this.loop.tuning.keepUrgentBytes(end.descriptor);
  }

  protected sendFirst(end: UringEnd, bytes: Uint8Array): boolean {
    return this.loop.sockets.sendNow(end.descriptor, bytes) === bytes.length;
  }

  private sourceSide(lane: UringLane): Side {
    return lane === this.up ? Side.Client : Side.Upstream;
  }
}
