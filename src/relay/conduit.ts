import type { Address } from "../base/address.ts";
import { type Reason, Side } from "../base/reason.ts";
import type { End, Queue } from "../engine/end.ts";
import { clientOf } from "../entry/access/client-address.ts";
import type { Steps } from "../entry/steps.ts";
import { Phase } from "../flow/flow.ts";
import { type Relay, RelayEffect, RelayPhase } from "../flow/relay.ts";
import type { Descriptors } from "../system/descriptors.ts";
import { Arrival, type ArrivalListener } from "./arrival.ts";
import type { DialAttempt, Dialing, DialingListener } from "./dialer.ts";
import type { Lane, LaneOwner } from "./lane.ts";
import type { Copies } from "./mirror/copies.ts";
import type { Mirror } from "./mirror/mirror.ts";
import { streamModes } from "./mode.ts";
import type { Pacer } from "./pacer.ts";

/** What of a listener its conduits need. */
export interface ConduitListener extends ArrivalListener, DialingListener {
  readonly account: ArrivalListener["account"];
  readonly options: ArrivalListener["options"];
  readonly paces: { readonly up: Pacer | null; readonly down: Pacer | null };
  readonly lingering: { add(relay: never): void };
  begin(relay: never): void;
  forget(relay: never): void;
}

/** What conduits need of their engine. */
export interface ConduitHost<T> {
  readonly descriptors: Descriptors;
  readonly copies: Copies;
  readonly dialer: {
    dial(conduit: T): void;
    /** Ends what is under way of a dial. */
    drop(conduit: T): void;
    failed(conduit: T, reason: Reason, detail: string): void;
  };
  /** A tenancy begins, and nothing was done for it yet. */
  started(conduit: T): void;
  /** Both ends are closed and all memory is released: the conduit may be used again. */
  finished(conduit: T): void;
}

/**
 * A relay over two connections, whatever carries them: reports what they tell to the {@link Relay} and its
 * flows, and carries out what those answer. Reused from tenant to tenant.
 *
 * A carrier may call back from whatever it is asked for: therefore every method here first brings its facts
 * into the relay and only then touches a connection.
 *
 * Owner: an engine.
 */
export abstract class Conduit<
    E extends End,
    Q extends Queue,
    Attempt extends DialAttempt,
    L extends ConduitListener,
    Host extends ConduitHost<never>,
  >
  extends Arrival<L>
  implements Dialing<E>, LaneOwner
{
  abstract override readonly relay: Relay;
  abstract override readonly up: Lane<E, Q>;
  abstract override readonly down: Lane<E, Q>;
  client: E | null = null;
  upstream: E | null = null;
  readonly attempts: Attempt[] = [];
  untried: readonly Address[] = NONE;
  /** It ends in an orderly way though neither end has asked for it. */
  protected isRetired = false;
  /** It is over, and waits for its ends to be closed. */
  protected closing = false;

  /** @param listener whose client it carries now; set anew by `accept` */
  constructor(
    protected readonly host: Host,
    listener: L,
  ) {
    super(listener);
  }

  /** The end of a client that was accepted. @param connection as the carrier accepts them */
  abstract clientEnd(connection: never): E;
  /** Passes the end on to `side`, unless it is closed already. */
  protected abstract sendFin(side: Side): void;
  /** Makes everything in flight complete. */
  protected abstract abandon(): void;
  /** Ends the relay when that is due: after facts that may have been the last ones. */
  abstract settle(): void;
  /** From now on the kernel finds out when an end is gone without a word. */
  abstract keepAlive(): void;
  /** Once nothing is in flight and both ends are closed, the tenancy is over: {@link over}. */
  protected abstract finish(): void;

  /** A client connected: the beginning of a tenancy. */
  accept(id: number, client: E, listener: L): void {
    const { host } = this;
    const { options, paces } = listener;
    const { upstreamInside } = options;
    const { dials, discardsUp, discardsDown } = streamModes[options.mode];
    // The address now, as it cannot be had any more when the connection is closed.
    this.begins(
      id,
      clientOf(options.address, () => client.otherAddress),
      listener,
    );
    host.started(this as never);
    this.client = client;
    this.isRetired = false;
    host.descriptors.opened(upstreamInside ? 2 : 1);
    if (options.address.kind === "unix") client.keepUrgentBytes();
    listener.begin(this as never);
    this.up.discards = discardsUp;
    this.down.discards = discardsDown;
    this.up.setPace(paces.up);
    this.down.setPace(paces.down);
    const effects = this.relay.accepted(dials);
    this.down.target = client;
    this.up.setSource(client, false);
    this.receive(effects);
  }

  firstBytesOf(lane: Lane<E, Q>): void {
    if (lane === this.down) this.firstBytesCame();
  }

  stepLate(reason: Reason): void {
    this.up.giveUpStep(reason, false);
    this.settle();
  }

  reply(bytes: Uint8Array): boolean {
    return this.client?.sendFirst(bytes) ?? false;
  }

  abstract sourceEnded(lane: Lane<E, Q>): void;
  abstract sourceReset(lane: Lane<E, Q>): void;
  abstract sourceBroken(lane: Lane<E, Q>): void;
  abstract targetLost(lane: Lane<E, Q>): void;

  override expectSteps(steps: Steps): void {
    super.expectSteps(steps);
    this.up.steps = steps;
  }

  dialed(upstream: E, where: Address): void {
    this.answered(where);
    this.upstream = upstream;
    this.up.target = upstream;
    const header = this.headerForUpstream();
    // The connection is new, so there is room for all of it, unless it is gone already.
    const isTold = header.length === 0 || upstream.sendFirst(header);
    if (this.copy !== null && header.length > 0) this.copy.push(header);
    this.perform(this.relay.dialed());
    if (!isTold && !this.isLeaving) this.terminate("upstream_reset");
  }

  mirror(mirror: Mirror): void {
    this.copy = this.host.copies.begin(mirror, this.id);
    this.up.copy = this.copy;
  }

  dialFailed(reason: Reason): void {
    this.dialLost(reason);
    this.perform(this.relay.dialFailed(this.endFor(reason), this.goesOn));
    if (this.relay.phase !== RelayPhase.Free) this.settle();
  }

  dialAgain(): void {
    this.forgetTried();
    this.host.dialer.dial(this as never);
  }

  notDialed(reason: Reason): void {
    this.perform(this.relay.dialFailed(reason, false));
    if (this.relay.phase !== RelayPhase.Free) this.settle();
  }

  giveUpDial(reason: Reason): boolean {
    if (this.upstreamSlot === null || this.relay.phase !== RelayPhase.Dialing) return false;
    this.host.dialer.failed(this as never, reason, "");
    return true;
  }

  /** Ends the relay, which is idle, by a FIN to both ends. */
  retire(reason: Reason): void {
    // One that ends already for another reason must not look as if it had come to its end.
    if (this.relay.reason === null) this.isRetired = true;
    this.terminate(reason);
  }

  /** Ends the relay now, whatever it is doing. */
  terminate(reason: Reason): void {
    this.perform(this.relay.terminate(reason));
  }

  /**
   * Everything of a flow was sent: its target gets the end. That is a FIN, unless the source was
   * reset: then the target is reset too, but not before its last bytes have left our kernel, which a
   * reset would discard.
   */
  end(lane: Lane<E, Q>): void {
    if (!this.relay.passesEnd) {
      this.linger();
      return;
    }
    lane.flow.ended();
    lane.copy?.finish();
    const isUp = lane === this.up;
    if (isUp && lane.discards) {
      // Nobody stands behind a sink: its answer to the client's FIN is a FIN.
      this.down.start(this.relay.sourceEnded(Side.Upstream));
      this.settle();
    } else {
      // The relay's decision comes first, as a carrier may call back from what follows.
      this.settle();
      this.sendFin(isUp ? Side.Upstream : Side.Client);
    }
  }

  /** Ends the flows of which everything was sent, once the other end has it all. */
  linger(): void {
    if (this.unsent > 0) {
      this.listener.lingering.add(this as never);
      return;
    }
    for (const { flow } of [this.up, this.down]) {
      if (flow.phase === Phase.Draining && flow.sending && flow.size === 0) flow.ended();
    }
    this.settle();
  }

  protected override perform(effects: RelayEffect): void {
    if ((effects & RelayEffect.Dial) !== 0) this.host.dialer.dial(this as never);
    if ((effects & RelayEffect.Begin) !== 0) this.begin();
    if ((effects & RelayEffect.Terminate) !== 0) this.abandon();
    if ((effects & RelayEffect.Close) !== 0) {
      this.closing = true;
      this.finish();
    }
  }

  /**
   * Whether it is retired, and nothing is lost by that. A request that came in that very moment is, and
   * whoever sent it must not think otherwise.
   */
  protected get endsCleanly(): boolean {
    const { up, down } = this.relay;
    return this.isRetired && up.lostBytes === 0 && down.lostBytes === 0;
  }

  /** What stands for a dial comes to nothing: it is under way, or waits for an upstream. */
  protected dropDial(): void {
    if (!this.relay.dialing) return;
    this.host.dialer.drop(this as never);
    this.branch.waiting.delete(this as never);
    this.perform(this.relay.dialFailed("connect_failed", false));
  }

  /** Nothing of it is left: the next tenant may come. */
  protected over(): void {
    const { host, listener } = this;
    this.closing = false;
    this.copy?.leave(this.endsCleanly);
    this.ends();
    listener.forget(this as never);
    if (listener.options.upstreamInside) host.descriptors.closed(1);
    this.up.clear();
    this.down.clear();
    this.relay.free();
    host.finished(this as never);
  }

  protected override get unsent(): number {
    const { client, upstream } = this;
    return (client?.unsent ?? 0) + (upstream?.unsent ?? 0);
  }

  protected override get unread(): number {
    const { client, upstream } = this;
    return (client?.unread ?? 0) + (upstream?.unread ?? 0);
  }

  override get ownAddress(): Uint8Array | null {
    return this.client?.ownAddress ?? null;
  }

  /** The end of `side`; null when it is closed, or not there yet. */
  protected endOf(side: Side): E | null {
    return side === Side.Client ? this.client : this.upstream;
  }

  /** The side that is the source of a lane. */
  protected sourceSide(lane: Lane<E, Q>): Side {
    return lane === this.up ? Side.Client : Side.Upstream;
  }

  /** The lane whose source is `side`. */
  protected laneFrom(side: Side): Lane<E, Q> {
    return side === Side.Client ? this.up : this.down;
  }

  /** The lane whose target is `side`. */
  protected laneTo(side: Side): Lane<E, Q> {
    return side === Side.Client ? this.down : this.up;
  }

  private begin(): void {
    const { upstream } = this;
    // An upstream that was connected just now has sent nothing yet.
    if (upstream !== null) this.down.setSource(upstream, true);
    this.up.start(this.relay.up.sent(0));
    this.settle();
  }
}

const NONE: readonly Address[] = [];
