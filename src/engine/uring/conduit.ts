import type { Address } from "../../config/options.ts";
import { clientOf } from "../../edge/access/client-address.ts";
import { Flow, Phase } from "../../flow/flow.ts";
import { type Reason, Side } from "../../flow/reason.ts";
import { Relay, RelayEffect, RelayPhase } from "../../flow/relay.ts";
import type { Mirror } from "../mirror/mirror.ts";
import { Reception } from "../reception.ts";
import { DialAttempts } from "./dial-attempts.ts";
import { Direction, Lane } from "./lane.ts";
import type { Listener } from "./listener.ts";
import type { Loop } from "./loop.ts";
import { Operation, ticketLow } from "./ticket.ts";

/**
 * A relay on io_uring: reports completions to the {@link Relay} and its flows, and carries out what
 * they answer. It has a slot, which its tickets name, and is reused from tenant to tenant.
 *
 * `pending` counts the operations of it that the kernel has. A tenancy ends when the relay is over
 * and none is left: then both descriptors are closed and the slot is free.
 *
 * Owner: the loop.
 */
export class Conduit extends Reception<Listener> {
  readonly relay: Relay;
  readonly up: Lane;
  readonly down: Lane;
  client = -1;
  upstream = -1;
  /** Operations that the kernel has. */
  pending = 0;
  /** Zero-copy sends that are over but whose bytes the kernel still needs. */
  notices = 0;
  /** Set when a dial is given up: why, whatever its completion says. */
  givenUp: Reason | null = null;
  readonly attempts = new DialAttempts();
  private closing = false;
  /** It ends in an orderly way though neither end has asked for it. */
  private isRetired = false;
  private swept = false;
  /** Bytes that had moved at the last look for resets, and whether they were looked for since. */
  private movedAtSweep = 0;
  private isSwept = true;

  constructor(
    private readonly loop: Loop,
    readonly slot: number,
    listener: Listener,
  ) {
    super(listener);
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
  ticket(operation: Operation, attempt = 0): number {
    return ticketLow(operation, this.slot, attempt);
  }

  /** A client connected: the beginning of a tenancy. */
  accept(id: number, client: number, listener: Listener): void {
    const { loop } = this;
    const peer = () => loop.sockets.otherAddress(client);
    this.begins(id, clientOf(listener.options.address, peer), listener);
    loop.started(this);
    this.client = client;
    // The dial of the tenant before, which this one may never come to.
    this.givenUp = null;
    this.swept = false;
    this.movedAtSweep = 0;
    this.isSwept = true;
    this.isRetired = false;
    const { mode, upstreamInside } = listener.options;
    loop.descriptors.opened(upstreamInside ? 2 : 1);
    if (listener.options.address.kind === "unix") loop.dialer.keepUrgentBytes(client);
    listener.begin(this);
    this.up.discards = mode === "sink";
    this.down.discards = mode === "oneway";
    this.up.setPace(listener.paces.up);
    this.down.setPace(listener.paces.down);
    const effects = this.relay.accepted(mode !== "sink");
    this.up.source = client;
    this.down.target = client;
    this.up.arm();
    this.receive(effects);
  }

  protected expectHeader(isExpected: boolean): void {
    this.up.hasPreamble = isExpected;
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

  /** The upstream answered. */
  dialed(where: Address): void {
    this.answered(where);
    this.up.target = this.upstream;
    const { sockets } = this.loop;
    const header = this.headerForUpstream();
    // The connection is new, so there is room for all of it, unless it is gone already.
    const isTold = header.length === 0 || sockets.sendNow(this.upstream, header) === header.length;
    if (this.copy !== null && header.length > 0) this.copy.push(header);
    this.perform(this.relay.dialed());
    if (!isTold) this.terminate("upstream_reset");
  }

  /** Its first dial begins: beside it the mirror's, which gets what the upstream gets. */
  mirror(mirror: Mirror): void {
    this.copy = this.loop.copies.begin(mirror, this.id);
    this.up.copy = this.copy;
  }

  /** The dial in flight failed or was given up. */
  dialFailed(reason: Reason): void {
    this.dialLost(reason);
    this.perform(this.relay.dialFailed(this.endFor(reason), this.goesOn));
  }

  dialAgain(): void {
    this.forgetTried();
    this.loop.dialer.dial(this);
  }

  notDialed(reason: Reason): void {
    this.perform(this.relay.dialFailed(reason, false));
    if (this.relay.phase !== RelayPhase.Free) this.settle();
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
    for (const descriptor of [this.client, this.upstream]) {
      if (descriptor >= 0) this.loop.dialer.keepAlive(descriptor, this.listener);
    }
  }

  /** Ends the relay, which is idle, by a FIN to both ends. */
  retire(reason: Reason): void {
    // One that ends already for another reason must not look as if it had come to its end.
    if (this.relay.reason === null) this.isRetired = true;
    this.terminate(reason);
  }

  giveUpDial(reason: Reason): boolean {
    if (this.upstreamSlot === null || this.relay.phase !== RelayPhase.Dialing) return false;
    this.loop.dialer.giveUp(this, reason);
    return true;
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

  /** Ends the relay now, whatever it is doing. */
  terminate(reason: Reason): void {
    this.perform(this.relay.terminate(reason));
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

  /**
   * Everything of a flow was sent: its target gets the end. That is a FIN, unless the source was
   * reset: then the target is reset too, but not before its last bytes have left our kernel, which a
   * reset would discard.
   */
  end(lane: Lane): void {
    if (!this.relay.passesEnd) {
      this.linger();
      return;
    }
    lane.flow.ended();
    lane.copy?.finish();
    if (lane === this.up && lane.discards) {
      // Nobody stands behind a sink: its answer to the client's FIN is a FIN.
      this.down.start(this.relay.sourceEnded(Side.Upstream));
      return;
    }
    const other = lane === this.up ? this.down : this.up;
    // When both flows are over the descriptors are closed, which sends the FIN just as well.
    if (other.flow.phase !== Phase.Ended) this.loop.sockets.endSending(lane.target);
  }

  /** Ends the flows of which everything was sent, once the other end has it all. */
  linger(): void {
    if (this.unsent > 0) {
      this.listener.lingering.add(this);
      return;
    }
    for (const { flow } of [this.up, this.down]) {
      if (flow.phase === Phase.Draining && flow.sending && flow.size === 0) flow.ended();
    }
    this.settle();
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

  protected perform(effects: RelayEffect): void {
    if ((effects & RelayEffect.Dial) !== 0) this.loop.dialer.dial(this);
    if ((effects & RelayEffect.Begin) !== 0) this.begin();
    if ((effects & RelayEffect.Terminate) !== 0) this.abandon();
    if ((effects & RelayEffect.Close) !== 0) {
      this.closing = true;
      this.finish();
    }
  }

  private begin(): void {
    this.down.source = this.upstream;
    // An upstream that was connected just now has sent nothing yet.
    this.down.arm(true);
    this.up.start(this.relay.up.sent(0));
    this.settle();
  }

  /** Makes everything in flight complete. */
  private abandon(): void {
    const { down } = this.relay;
    this.loop.dialer.giveUp(this, "connect_failed");
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

  /** Once nothing is in flight the descriptors are closed and the tenancy is over. */
  private finish(): void {
    if (this.pending > 0) {
      this.sweep();
      return;
    }
    this.closeEnds();
    // What was sent without copying is the kernel's until it says so; a reset makes it do that.
    if (this.notices > 0) return;
    const { loop, relay } = this;
    this.closing = false;
    this.copy?.leave(this.isRetired);
    this.ends();
    this.listener.forget(this);
    if (this.listener.options.upstreamInside) loop.descriptors.closed(1);
    this.up.clear();
    this.down.clear();
    this.attempts.clear();
    relay.free();
    loop.finished(this);
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
    this.client = -1;
    this.upstream = -1;
    for (const descriptor of [client, upstream]) {
      if (descriptor < 0) continue;
      loop.closeSocket(descriptor, isClean);
      loop.descriptors.closed(1);
    }
  }

  protected get ownAddress(): Uint8Array | null {
    return this.client < 0 ? null : this.loop.sockets.ownAddress(this.client);
  }

  protected get unsent(): number {
    return this.unsentTo(this.client) + this.unsentTo(this.upstream);
  }

  protected get unread(): number {
    return this.unreadOf(this.client) + this.unreadOf(this.upstream);
  }

  private unreadOf(descriptor: number): number {
    return descriptor < 0 ? 0 : this.loop.sockets.unreadBytes(descriptor);
  }

  private unsentTo(descriptor: number): number {
    return descriptor < 0 ? 0 : this.loop.sockets.unsentBytes(descriptor);
  }
}

function sourceSide(lane: Lane): Side {
  return lane.direction === Direction.Up ? Side.Client : Side.Upstream;
}
