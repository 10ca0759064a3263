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

/** The part of a listener that conduits use. */
export interface ConduitListener extends ArrivalListener, DialingListener {
  readonly account: ArrivalListener["account"];
  readonly options: ArrivalListener["options"];
  readonly paces: { readonly up: Pacer | null; readonly down: Pacer | null };
  readonly lingering: { add(relay: never): void };
  begin(relay: never): void;
  forget(relay: never): void;
}

/** The part of the engine that conduits use. */
export interface ConduitHost<T> {
  readonly descriptors: Descriptors;
  readonly copies: Copies;
  readonly dialer: {
    dial(conduit: T): void;
    drop(conduit: T): void;
    failed(conduit: T, reason: Reason, detail: string): void;
  };
  /** A tenancy begins; nothing was done for it yet. */
  started(conduit: T): void;
  /** Both ends are closed and all memory is released: the conduit may be reused. */
  finished(conduit: T): void;
}

/**
 * A relay over two connections of any carrier. It reports their facts to the {@link Relay} and its
 * flows, and carries out what they decide. Reused from tenant to tenant.
 *
 * A carrier may call back from within any call. So every method first reports its facts to the
 * relay and only then touches a connection.
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
  /** It ends with a FIN to both ends, though neither has ended. */
  protected isRetired = false;
  /** The relay is over and waits for its ends to close. */
  protected closing = false;

  /** @param listener the listener of the first client; `accept` sets it for each */
  constructor(
    protected readonly host: Host,
    listener: L,
  ) {
    super(listener);
  }

  /** Opens the client's end. @param connection in the form in which the carrier accepts it */
  abstract clientEnd(connection: never): E;
  /** Sends FIN to `side`, unless it is closed. */
  protected abstract sendFin(side: Side): void;
  /** Makes everything in flight complete. */
  protected abstract abandon(): void;
  /** Lets the relay end, after facts that may have been its last. */
  abstract settle(): void;
  /** Makes the kernel detect ends that have vanished. */
  abstract keepAlive(): void;
  /** Calls {@link over} once nothing is in flight and both ends are closed. */
  protected abstract finish(): void;

  /** A client was accepted: a tenancy begins. */
  accept(id: number, client: E, listener: L): void {
    const { host } = this;
    const { options, paces } = listener;
    const { upstreamInside } = options;
    const { dials, discardsUp, discardsDown } = streamModes[options.mode];
    // Read the address now: once the connection is closed, the kernel no longer knows it.
    this.begins(
      id,
      clientOf(options.address, () => client.otherAddress),
      listener,
    );
    host.started(this as never);
    this.client = client;
    this.isRetired = false;
    host.descriptors.opened((client.isInside ? 0 : 1) + (upstreamInside ? 1 : 0));
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
    // It precedes TLS, and so the handshake: then the carrier has sent it. Else a new connection has
    // room for all of it, unless it is already gone.
    const wasTold = header.length === 0 || this.upstreamTls !== null;
    const isTold = wasTold || upstream.sendFirst(header);
    if (this.copy !== null && header.length > 0) this.copy.push(header);
    this.perform(this.relay.dialed());
    if (!isTold && !this.isLeaving) this.terminate("upstream_reset");
  }

  /** Instead of an upstream it gets an end inside this process. */
  protected joins(inside: E): void {
    this.decided();
    this.upstream = inside;
    this.up.target = inside;
    this.perform(this.relay.dialed());
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

  /** Ends an idle relay with a FIN to both ends. */
  retire(reason: Reason): void {
    // A relay that already ends for another reason must not look like one that ended regularly.
    if (this.relay.reason === null) this.isRetired = true;
    this.terminate(reason);
  }

  /** Ends the relay now, whatever it is doing. */
  terminate(reason: Reason): void {
    this.perform(this.relay.terminate(reason));
  }

  /**
   * All bytes of a flow were sent, so its target gets the end: a FIN, or a reset if the source was
   * reset. A reset waits until the last bytes have left our kernel, because it would discard them.
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
      // A sink answers the client's FIN with a FIN.
      this.down.start(this.relay.sourceEnded(Side.Upstream));
      this.settle();
    } else {
      // The relay decides first, as the carrier may call back from within `sendFin`.
      this.settle();
      this.sendFin(isUp ? Side.Upstream : Side.Client);
    }
  }

  /** Ends flows whose bytes were all sent, once the other end has acknowledged them. */
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
    if ((effects & RelayEffect.Dial) !== 0) this.dial();
    if ((effects & RelayEffect.Begin) !== 0) this.begin();
    if ((effects & RelayEffect.Terminate) !== 0) this.abandon();
    if ((effects & RelayEffect.Close) !== 0) {
      this.closing = true;
      this.finish();
    }
  }

  /** Looks for an upstream. */
  protected dial(): void {
    this.host.dialer.dial(this as never);
  }

  /**
   * Whether it was retired without losing bytes. If a request came in the same moment it is lost,
   * and its sender must see a reset.
   */
  protected get endsCleanly(): boolean {
    const { up, down } = this.relay;
    return this.isRetired && up.lostBytes === 0 && down.lostBytes === 0;
  }

  /** Gives up a dial that is under way or waits for an upstream. */
  protected dropDial(): void {
    if (!this.relay.dialing) return;
    this.host.dialer.drop(this as never);
    this.branch.waiting.delete(this as never);
    this.perform(this.relay.dialFailed("connect_failed", false));
  }

  /** The tenancy is over: the next one may begin. */
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

  /** The end of `side`; null if it is closed, or not connected yet. */
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
    // The upstream has just connected and has sent nothing yet.
    if (upstream !== null) this.down.setSource(upstream, true);
    this.up.start(this.relay.up.sent(0));
    this.settle();
  }
}

const NONE: readonly Address[] = [];
