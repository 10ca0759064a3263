import { Flow, Phase } from "../../flow/flow.ts";
import { type Reason, Side } from "../../flow/reason.ts";
import { Relay, RelayPhase } from "../../flow/relay.ts";
import { Conduit } from "../conduit.ts";
import type { AttemptOwner, UringAttempt } from "./connector.ts";
import { Direction, Lane } from "./lane.ts";
import type { Listener } from "./listener.ts";
import type { Loop } from "./loop.ts";
import { Operation, ticketLow } from "./ticket.ts";

/**
 * A relay on io_uring, of whose completions it is told. It has a slot, which its tickets name.
 *
 * `pending` counts the operations of it that the kernel has. A tenancy ends when the relay is over
 * and none is left: then both descriptors are closed and the slot is free.
 *
 * Owner: the loop.
 */
export class UringConduit
  extends Conduit<number, UringAttempt, Lane, Listener, Loop["hall"]>
  implements AttemptOwner
{
  readonly relay: Relay;
  readonly up: Lane;
  readonly down: Lane;
  /** Operations that the kernel has. */
  pending = 0;
  /** Zero-copy sends that are over but whose bytes the kernel still needs. */
  notices = 0;
  private swept = false;
  /** Bytes that had moved at the last look for resets, and whether they were looked for since. */
  private movedAtSweep = 0;
  private isSwept = true;

  constructor(
    private readonly loop: Loop,
    readonly slot: number,
    listener: Listener,
  ) {
    super(loop.hall, listener);
    const { receiveMax, flowLimit, receiveBelow } = loop.memory;
    const flow = () => new Flow(receiveMax, flowLimit, receiveBelow);
    this.relay = new Relay(flow(), flow());
    this.up = new Lane(this.relay.up, Direction.Up, this, loop);
    this.down = new Lane(this.relay.down, Direction.Down, this, loop);
  }

  /** Part of every ticket of this tenant. */
  get generation(): number {
    return this.relay.generation;
  }

  /** The low word of a ticket of this relay. */
  ticket(operation: Operation): number {
    return ticketLow(operation, this.slot);
  }

  get sources(): readonly string[] {
    return this.listener.options.sourceAddresses;
  }

  attemptAnswered(attempt: UringAttempt, descriptor: number): void {
    this.loop.hall.dialer.answered(this, attempt, descriptor);
  }

  attemptLost(attempt: UringAttempt, code: string): void {
    this.loop.hall.dialer.attemptFailed(this, attempt, code);
  }

  override accept(id: number, client: number, listener: Listener): void {
    this.swept = false;
    this.movedAtSweep = 0;
    this.isSwept = true;
    super.accept(id, client, listener);
  }

  /** The client has sent bytes before its header was complete. @returns how many are the header's */
  preamble(bytes: Uint8Array): number {
    return this.headerBytes(bytes);
  }

  /** Whether bytes that were taken for a header's may still be the flow's. */
  get isUndecided(): boolean {
    return this.undecided.length > 0;
  }

  preambleLate(reason: Reason): void {
    this.headerEnded(reason);
    this.up.preambleOver();
    this.settle();
  }

  /** A receive brought the end (FIN). */
  sourceEnded(lane: Lane): void {
    if (lane.hasPreamble) {
      this.headerEnded("preamble_invalid");
      lane.preambleOver();
    }
    if (lane === this.up && this.waitedEnough()) return;
    if (this.loop.sender.hidesResets && this.isReset(lane)) {
      this.sourceReset(lane);
      return;
    }
    const side = sourceSide(lane);
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
  private isReset(lane: Lane): boolean {
    const other = lane === this.up ? this.down : this.up;
    if (other.flow.phase === Phase.Ended || lane.source < 0) return false;
    return this.loop.sockets.otherAddress(lane.source) === null;
  }

  /** A receive failed: what came before has been received, and nothing more comes. */
  sourceReset(lane: Lane): void {
    const side = sourceSide(lane);
    const effects = this.relay.reset(side);
    this.resetSeen(side);
    lane.start(effects);
    this.settle();
  }

  /**
   * The source was reset while it was not read. What it sent before lies in the kernel and is still
   * read as its target takes it; nothing can be sent to it any more.
   */
  sourceBroken(lane: Lane): void {
    this.lost(sourceSide(lane));
  }

  /** A send failed: the target takes nothing any more. */
  targetLost(lane: Lane): void {
    this.lost(lane.direction === Direction.Up ? Side.Upstream : Side.Client);
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
      if (end !== null) this.loop.tuning.keepAlive(end, this.listener.keepAliveValues);
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
      this.up.lookForReset();
      this.down.lookForReset();
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
      this.loop.sockets.endSending(end);
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
    if (target.flow.sending && !target.sendPending && target.flow.phase === Phase.Aborted) {
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
    this.sweep();
    if (this.up.discards) {
      // Behind a sink there is no upstream whose completions would end what stands for it.
      if (down.receiving) down.stopped();
    }
    for (const lane of [this.up, this.down]) {
      const { flow } = lane;
      if (flow.receiving && !lane.armed && lane.source >= 0) flow.stopped();
      if (flow.sending && !lane.sendPending && lane.target >= 0) flow.sent(0);
      if (lane.discards && flow.sending) flow.sent(0);
    }
    this.settle();
  }

  /** Cancels whatever the kernel has of this relay. */
  private sweep(): void {
    if (this.swept || this.pending === 0) return;
    this.swept = true;
    for (const lane of [this.up, this.down]) {
      if (lane.armed) this.cancel(Operation.ReceiveUp + lane.direction);
      if (lane.sendPending) this.cancel(Operation.SendUp + lane.direction);
      if (lane.watching) this.cancel(Operation.WatchUp + lane.direction);
    }
  }

  private cancel(operation: Operation): void {
    this.loop.prepare.cancel(this.ticket(operation), this.generation);
  }

  protected finish(): void {
    if (this.pending > 0) {
      this.sweep();
      return;
    }
    this.closeEnds();
    // What was sent without copying is the kernel's until it says so; a reset makes it do that.
    if (this.notices > 0) return;
    this.over();
  }

  /** Closes both descriptors, if that was not done. */
  private closeEnds(): void {
    const { loop, relay } = this;
    const { reason, up, down } = relay;
    // A request that came in that very moment is lost, and whoever sent it must not think otherwise.
    const isRetired = this.isRetired && up.lostBytes === 0 && down.lostBytes === 0;
    const isClean = isRetired || reason === "client_fin" || reason === "upstream_fin";
    const { client, upstream } = this;
    // Before, so that nothing that fails meanwhile has them closed twice: another's would be hit.
    this.client = null;
    this.upstream = null;
    for (const descriptor of [client, upstream]) {
      if (descriptor === null) continue;
      loop.closeSocket(descriptor, isClean);
      loop.hall.descriptors.closed(1);
    }
  }

  protected get ownAddress(): Uint8Array | null {
    return this.client === null ? null : this.loop.sockets.ownAddress(this.client);
  }

  protected addressOf(end: number): Uint8Array | null {
    return this.loop.sockets.otherAddress(end);
  }

  protected unsentTo(end: number): number {
    return this.loop.sockets.unsentBytes(end);
  }

  protected unreadOf(end: number): number {
    return this.loop.sockets.unreadBytes(end);
  }

  protected keepUrgentBytes(end: number): void {
    this.loop.tuning.keepUrgentBytes(end);
  }

  protected sendFirst(end: number, bytes: Uint8Array): boolean {
    return this.loop.sockets.sendNow(end, bytes) === bytes.length;
  }
}

function sourceSide(lane: Lane): Side {
  return lane.direction === Direction.Up ? Side.Client : Side.Upstream;
}
