import { cleanUpOrThrow } from "../../clean-up.ts";
import { ipKind } from "../../config/ip.ts";
import type { Address } from "../../config/options.ts";
import { clientOf } from "../../edge/access/client-address.ts";
import { Flow, Phase } from "../../flow/flow.ts";
import type { Reason } from "../../flow/reason.ts";
import { Side } from "../../flow/reason.ts";
import { Relay, RelayEffect, RelayPhase } from "../../flow/relay.ts";
import type { Descriptors } from "../descriptors.ts";
import { otherEnd, ownEnd, unreadBytes, unsentBytes } from "../libc.ts";
import { keepUrgentBytes, receiveNow } from "../linux.ts";
import type { Meter } from "../meter.ts";
import type { Copies } from "../mirror/copies.ts";
import type { Mirror } from "../mirror/mirror.ts";
import { Reception } from "../reception.ts";
import { encodeSockaddr, SOCKADDR_IP_SIZE, SOCKADDR_SIZE_MAX } from "../sockaddr.ts";
import { type BunSocket, CHUNK_MAX } from "./bun-socket.ts";
import type { Attempt } from "./dialer.ts";
import { Lane, type LaneOwner } from "./lane.ts";
import type { Listener } from "./listener.ts";
import type { Reservoir } from "./reservoir.ts";
import type { Turn } from "./turn.ts";

/** What a flow may hold: one chunk that waits, and the last one that a reset may bring. */
const FLOW_LIMIT = 2 * CHUNK_MAX;

/** What a conduit needs of its engine. */
export interface ConduitHost {
  /** The memory of the up flows and of the down flows. */
  readonly reservoirs: { readonly up: Reservoir; readonly down: Reservoir };
  readonly descriptors: Descriptors;
  readonly meter: Meter;
  readonly turn: Turn;
  readonly copies: Copies;
  /** Dials the next upstream of the conduit's listener. */
  dial(conduit: Conduit): void;
  /** Ends the dial that is under way, which fails for this reason. */
  giveUpDial(conduit: Conduit, reason: Reason): void;
  /** Nobody waits for the dial that is under way any more, if there is one. */
  dropDial(conduit: Conduit): void;
  /** A tenancy begins, and nothing was done for it yet. */
  started(conduit: Conduit): void;
  /** Both ends are closed and all memory is released: the conduit may be used again. */
  finished(conduit: Conduit): void;
}

/**
 * A relay on Bun's sockets: reports what Bun's callbacks say to the {@link Relay} and its flows, and
 * carries out what they answer. Reused from tenant to tenant by the engine.
 *
 * Bun calls back synchronously from `terminate` and `shutdown`: therefore every method here first
 * brings its facts into the relay and only then touches a socket.
 */
export class Conduit extends Reception<Listener> implements LaneOwner {
  readonly relay: Relay;
  readonly up: Lane;
  readonly down: Lane;
  client: BunSocket<Conduit> | null = null;
  upstream: BunSocket<Attempt> | null = null;
  /** The attempts of the dial in flight, the oldest first: more than one only for a host name. */
  readonly attempts: Attempt[] = [];
  /** The addresses of the same name that are still to be tried. */
  untried: readonly Address[] = [];

  /** Old enough for the kernel to ask silent ends whether they live. */
  private keepsAlive = false;
  /** It ends in an orderly way though neither end has asked for it. */
  private isRetired = false;
  private closing = false;

  /** @param listener whose client it carries now; set anew by `accept` */
  constructor(
    private readonly host: ConduitHost,
    listener: Listener,
  ) {
    super(listener);
    const flow = () => new Flow(CHUNK_MAX, FLOW_LIMIT, 0);
    this.relay = new Relay(flow(), flow());
    this.up = new Lane(this.relay.up, host.reservoirs.up, host.meter, host.turn, this);
    this.down = new Lane(this.relay.down, host.reservoirs.down, host.meter, host.turn, this);
  }

  /** A client connected: the beginning of a tenancy. */
  accept(id: number, client: BunSocket<Conduit>, listener: Listener): void {
    // The address now, as Bun cannot tell it any more when the socket is closed.
    const peer = () => addressOf(client);
    this.begins(id, clientOf(listener.options.address, peer), listener);
    this.host.started(this);
    this.client = client;
    if (isLinux && listener.options.address.kind === "unix") keepUrgentBytes(client.fd);
    this.keepsAlive = false;
    this.isRetired = false;
    listener.begin(this);
    const { mode, upstreamInside } = listener.options;
    this.host.descriptors.opened(upstreamInside ? 2 : 1);
    this.up.discards = mode === "sink";
    this.down.discards = mode === "oneway";
    this.up.setPace(listener.paces.up);
    this.down.setPace(listener.paces.down);
    const effects = this.relay.accepted(mode !== "sink");
    this.up.setSource(client);
    this.down.target = client;
    this.receive(effects);
  }

  protected expectHeader(isExpected: boolean): void {
    this.up.hasPreamble = isExpected;
  }

  /** The client has sent bytes before its header was complete. @returns those that are the flow's */
  preamble(chunk: Uint8Array): Uint8Array {
    const { undecided: before } = this;
    const taken = this.headerBytes(chunk);
    if (this.up.hasPreamble || this.isLeaving) return NOTHING;
    const rest = chunk.subarray(taken);
    // What was taken before the stream showed that it has no header.
    return taken === 0 && before.length > 0 ? Buffer.concat([before, rest]) : rest;
  }

  preambleLate(reason: Reason): void {
    this.giveBack(this.headerEnded(reason));
  }

  /** Bytes that were taken for a header's are the flow's. */
  private giveBack(bytes: Uint8Array): void {
    if (bytes.length > 0 && !this.isLeaving) this.up.receive(bytes);
  }

  /** The upstream answered. */
  dialed(upstream: BunSocket<Attempt>, where: Address): void {
    this.answered(where);
    this.upstream = upstream;
    if (isLinux) keepUrgentBytes(upstream.fd);
    this.up.target = upstream;
    if (this.keepsAlive) this.listener.keepAlive(upstream);
    const header = this.headerForUpstream();
    // The connection is new, so there is room for all of it, unless it is gone already.
    const isTold = header.length === 0 || upstream.write(header) === header.length;
    if (this.copy !== null && header.length > 0) this.copy.push(header);
    this.perform(this.relay.dialed());
    if (!isTold && !this.isLeaving) this.terminate("upstream_reset");
  }

  /** Its first dial begins: beside it the mirror's, which gets what the upstream gets. */
  mirror(mirror: Mirror): void {
    this.copy = this.host.copies.begin(mirror, this.id);
    this.up.copy = this.copy;
  }

  /** The dial in flight failed or was given up. */
  dialFailed(reason: Reason): void {
    this.dialLost(reason);
    this.perform(this.relay.dialFailed(this.endFor(reason), this.goesOn));
  }

  dialAgain(): void {
    this.forgetTried();
    this.host.dial(this);
  }

  notDialed(reason: Reason): void {
    this.perform(this.relay.dialFailed(reason, false));
  }

  /** Bun's `end`: a FIN came from `side`. */
  sourceEnded(side: Side): void {
    if (side === Side.Client && this.up.hasPreamble) {
      this.giveBack(this.headerEnded("preamble_invalid"));
      if (this.isLeaving) return;
    }
    if (side === Side.Client && this.waitedEnough()) return;
    this.lane(side).start(this.relay.sourceEnded(side));
    if (this.relay.phase !== RelayPhase.Free) this.listener.halfClosed.add(this);
    this.settle();
  }

  /**
   * Bun's `close`: the descriptor of `side` is closed. Without an error that is the natural end after
   * both FINs, or, on a unix socket only, an end that went away without waiting for the other FIN.
   */
  closed(side: Side, failed: boolean): void {
    const target = this.laneTo(side);
    this.lane(side).source = null;
    target.target = null;
    if (side === Side.Client) this.client = null;
    else this.upstream = null;
    this.host.descriptors.closed(1);
    const source = this.lane(side).flow;
    // A stream that lost bytes must not look complete: its target gets no FIN.
    const cut = failed || target.flow.sending || source.lostBytes > 0;
    if (cut || this.relay.phase === RelayPhase.Terminating) {
      this.reset(side);
    } else {
      this.sourceEnded(side);
    }
    if (this.closing) this.finish();
  }

  /** Ends the relay, which is idle, by a FIN to both ends. */
  retire(reason: Reason): void {
    // One that ends already for another reason must not look as if it had come to its end.
    if (this.relay.reason === null) this.isRetired = true;
    this.terminate(reason);
  }

  giveUpDial(reason: Reason): boolean {
    if (this.upstreamSlot === null || this.relay.phase !== RelayPhase.Dialing) return false;
    this.host.giveUpDial(this, reason);
    return true;
  }

  /** Ends the relay now, whatever it is doing. */
  terminate(reason: Reason): void {
    this.perform(this.relay.terminate(reason));
  }

  /** From now on the kernel finds out when an end is gone without a word. */
  keepAlive(): void {
    this.keepsAlive = true;
    for (const end of [this.client, this.upstream]) if (end !== null) this.listener.keepAlive(end);
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
      this.settle();
    } else {
      // The relay's decision comes first, as Bun calls back from what follows.
      this.settle();
      this.sendFin(lane === this.up ? Side.Upstream : Side.Client);
    }
  }

  /**
   * Sends FIN to `side`. When its own FIN has been read nothing else can come: closing at once saves
   * the notice that both are through, and three system calls.
   */
  private sendFin(side: Side): void {
    const end = side === Side.Client ? this.client : this.upstream;
    if (this.relay.from(side).phase === Phase.Open) end?.shutdown();
    else end?.close();
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

  /** A lane's target takes nothing any more. */
  targetGone(lane: Lane): void {
    const side = lane === this.up ? Side.Upstream : Side.Client;
    this.receiveLast(side);
    // What came may have ended the relay.
    if (this.relay.phase !== RelayPhase.Free) this.reset(side);
  }

  /**
   * A send has met a reset before Bun has told what came ahead of it, such as an upstream's last answer. It is
   * still in the kernel, and lost with the socket.
   */
  private receiveLast(side: Side): void {
    const end = side === Side.Client ? this.client : this.upstream;
    const lane = this.lane(side);
    if (!isLinux || end === null || this.relay.phase !== RelayPhase.Relaying) return;
    for (let goesOn = true; goesOn; ) {
      const waiting = Math.min(unreadBytes(end.fd), CHUNK_MAX);
      if (waiting === 0 || lane.flow.phase !== Phase.Open || lane.source !== end) return;
      const chunk = new Uint8Array(waiting);
      const size = receiveNow(end.fd, chunk);
      if (size <= 0) return;
      // One chunk more than the target takes is kept, as far as there is room.
      goesOn = lane.flow.receiving;
      lane.receive(chunk.subarray(0, size));
    }
  }

  private reset(side: Side): void {
    const target = this.laneTo(side);
    const effects = this.relay.reset(side);
    // The send in flight comes to nothing, and what is queued behind it.
    if (target.flow.sending) target.flow.sent(0);
    target.drop();
    const lane = this.lane(side);
    lane.start(effects);
    lane.hurry();
    if (this.relay.phase === RelayPhase.Relaying) {
      this.listener.halfClosed.delete(this);
      this.listener.wasReset.add(this);
    }
    this.settle();
  }

  private settle(): void {
    this.perform(this.relay.settle());
  }

  protected perform(effects: RelayEffect): void {
    if ((effects & RelayEffect.Dial) !== 0) this.host.dial(this);
    if ((effects & RelayEffect.Begin) !== 0) this.begin();
    if ((effects & RelayEffect.Terminate) !== 0) this.resetEnds();
    if ((effects & RelayEffect.Close) !== 0) {
      this.closing = true;
      this.finish();
    }
  }

  private begin(): void {
    this.down.setSource(this.upstream as BunSocket<Attempt>);
    this.up.start(this.relay.up.sent(0));
    this.settle();
  }

  /** Resets what is still open; the `close` callbacks complete what is in flight. */
  private resetEnds(): void {
    // Without a dial in flight it waits for an upstream.
    if (this.relay.dialing) {
      this.host.dropDial(this);
      this.listener.waiting.delete(this);
      this.perform(this.relay.dialFailed("connect_failed", false));
    }
    if (this.up.discards) this.endSink();
    for (const end of [this.client, this.upstream]) {
      if (this.isRetired) end?.close();
      else end?.terminate();
    }
    this.settle();
  }

  /** Resets what {@link terminate} has left open, because of the defect that the worker has met. */
  resetLeft(): void {
    const { client, upstream, attempts } = this;
    cleanUpOrThrow([
      () => client?.terminate(),
      () => upstream?.terminate(),
      ...attempts.map((attempt) => () => attempt.abandon()),
    ]);
  }

  /** Behind a sink there is no upstream whose closing would complete what is in flight there. */
  private endSink(): void {
    const { up, down } = this.relay;
    if (down.receiving) down.stopped();
    if (up.sending) up.sent(0);
    this.up.drop();
  }

  /** Once nothing is in flight and both descriptors are closed, the tenancy is over. */
  private finish(): void {
    if (this.client !== null || this.upstream !== null) return;
    this.closing = false;
    this.copy?.leave(this.isRetired);
    this.ends();
    this.listener.forget(this);
    if (this.listener.options.upstreamInside) this.host.descriptors.closed(1);
    this.up.clear();
    this.down.clear();
    this.relay.free();
    this.host.finished(this);
  }

  protected get ownAddress(): Uint8Array | null {
    const address = new Uint8Array(SOCKADDR_SIZE_MAX);
    return this.client !== null && ownEnd(this.client.fd, address) ? address : null;
  }

  protected get unsent(): number {
    return unsentTo(this.client) + unsentTo(this.upstream);
  }

  protected get unread(): number {
    return unreadOf(this.client) + unreadOf(this.upstream);
  }

  private lane(source: Side): Lane {
    return source === Side.Client ? this.up : this.down;
  }

  private laneTo(target: Side): Lane {
    return target === Side.Client ? this.down : this.up;
  }
}

const NOTHING = new Uint8Array(0);
const isLinux = process.platform === "linux";

/** Bytes for this end that only our kernel has; 0 when it is closed. */
function unsentTo(end: BunSocket<unknown> | null): number {
  return end === null ? 0 : unsentBytes(end.fd);
}

/** Bytes of this end that we have not received; 0 when it is closed. */
function unreadOf(end: BunSocket<unknown> | null): number {
  return end === null ? 0 : unreadBytes(end.fd);
}

/**
 * A connected end's IP address: one system call into a few bytes, where Bun makes two and two strings.
 * Null when it cannot be had.
 */
function addressOf(end: BunSocket<unknown>): Uint8Array | null {
  const address = new Uint8Array(SOCKADDR_IP_SIZE);
  if (otherEnd(end.fd, address)) return address;
  const { remoteAddress: host = "", remotePort: port = 0 } = end;
  return ipKind(host) !== 0 ? encodeSockaddr({ kind: "tcp", host, port }) : null;
}
