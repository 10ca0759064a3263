import type { SocketHandler } from "bun";
import type { Address } from "../../base/address.ts";
import { cleanUpOrThrow } from "../../base/clean-up.ts";
import { Side } from "../../base/reason.ts";
import type { Steps } from "../../entry/steps.ts";
import { Flow, Phase } from "../../flow/flow.ts";
import { Relay, RelayPhase } from "../../flow/relay.ts";
import type { Exchange } from "../../kinds/valkey/exchange.ts";
import { Conduit } from "../../relay/conduit.ts";
import type { Hall } from "../../relay/hall.ts";
import { keepAliveValues, type OptionValue } from "../../relay/keep-alive.ts";
import { Lane } from "../../relay/lane.ts";
import type { Meter } from "../../relay/ledger/meter.ts";
import { type RelayParts, RelayTimeouts, type TimedDialer } from "../../relay/relay-timeouts.ts";
import { unreadBytes } from "../../system/libc.ts";
import { receiveNow, setOption } from "../../system/linux.ts";
import type { TlsServerContext } from "../../transport/tls/server-context.ts";
import type { TlsServerOptions } from "../../transport/tls/server-options.ts";
import { type BunSocket, CHUNK_MAX } from "./bun-socket.ts";
import { SocketsEnd, type SocketsLane, Tls } from "./end.ts";
import type { HandshakeTurns } from "./handshake-turns.ts";
import { InsideSocket } from "./inside-socket.ts";
import { ChunkQueue } from "./queue.ts";
import { FLOW_LIMIT, RECEIVE_MAX, type Reservoir } from "./reservoir.ts";
import { beginsWithTls, beginTls } from "./tls.ts";
import type { Turn } from "./turn.ts";
import type { Attempt, AttemptOwner } from "./upstream-attempt.ts";

/** A listener's settings and the timeouts of the relays that have them. */
export class SocketsListener extends RelayTimeouts<SocketsConduit> {
  /** Who takes what its clients send; null if they are relayed. */
  readonly exchange: Exchange<SocketsListener> | null;
  private keepAliveValues: readonly OptionValue[] | null = null;

  /** @param tls what its clients are shown; null where no TLS ends here */
  constructor(
    parts: RelayParts<SocketsConduit>,
    dialer: TimedDialer<SocketsConduit>,
    readonly tls: TlsServerContext | null,
    readonly handshakes: Handshakes,
    exchange: Exchange<SocketsListener>,
  ) {
    super(parts, dialer);
    this.exchange = parts.options.mode === "valkey" ? exchange : null;
  }

  /** Makes the kernel detect when the other end of a connection has vanished. */
  keepAlive(end: BunSocket<unknown>): void {
    const { options } = this;
    if (!isLinux) {
      // Bun offers no other keep-alive option.
      if (options.keepAliveMs > 0) end.setKeepAlive(true, options.keepAliveMs);
      return;
    }
    this.keepAliveValues ??= keepAliveValues(options);
    for (const one of this.keepAliveValues) setOption(end.fd, one, one.value);
  }
}

/** The part of the engine that TLS handshakes of clients use. */
interface Handshakes {
  /** See {@link beginTls}. */
  readonly securedHandlers: SocketHandler<SocketsConduit>;
  readonly handshakeTurns: HandshakeTurns<SocketsConduit>;
}

/** All relays of an engine. */
export type SocketsHall = Hall<SocketsConduit, SocketsListener>;

/** The part of the engine that conduits use. */
export interface SocketsHost extends Handshakes {
  readonly hall: SocketsHall;
  /** Each direction's half of the pool. */
  readonly reservoirs: { readonly up: Reservoir; readonly down: Reservoir };
  readonly meter: Meter;
  readonly turn: Turn;
}

/** A relay on Bun's sockets. Bun calls back from within `terminate` and `shutdown`. */
export class SocketsConduit
  extends Conduit<SocketsEnd, ChunkQueue, Attempt, SocketsListener, SocketsHall>
  implements AttemptOwner
{
  readonly relay: Relay;
  readonly up: SocketsLane;
  readonly down: SocketsLane;
  /** The two ends, open or not, reused from tenant to tenant. */
  readonly clientSocket: SocketsEnd;
  readonly upstreamSocket: SocketsEnd;
  /** The relay is old enough for keep-alive. */
  private keepsAlive = false;
  /** The client's first bytes, which are there before TLS may begin; null once its handshake has begun. */
  private early: Uint8Array | null = NOTHING;

  constructor(host: SocketsHost, listener: SocketsListener) {
    super(host.hall, listener);
    const flow = () => new Flow(RECEIVE_MAX, FLOW_LIMIT, 0);
    this.relay = new Relay(flow(), flow());
    const { meter, reservoirs, turn } = host;
    const { up, down } = this.relay;
    this.up = new Lane(up, new ChunkQueue(reservoirs.up), meter, this);
    this.down = new Lane(down, new ChunkQueue(reservoirs.down), meter, this);
    this.clientSocket = new SocketsEnd(turn, this.up, this.down);
    this.upstreamSocket = new SocketsEnd(turn, this.down, this.up);
  }

  clientEnd(client: BunSocket<unknown> | InsideSocket): SocketsEnd {
    // From now on Bun's callbacks find this conduit.
    client.data = this;
    return this.clientSocket.open(client instanceof InsideSocket ? client.socket : client);
  }

  protected override dial(): void {
    const { exchange } = this.listener;
    if (exchange === null) {
      super.dial();
      return;
    }
    const client = exchange.enter(this.listener, () => this.summary());
    const inside = new InsideSocket(Side.Upstream, client);
    inside.data = this;
    client.begin(inside);
    this.joins(this.upstreamSocket.open(inside.socket));
  }

  override accept(id: number, client: SocketsEnd, listener: SocketsListener): void {
    this.keepsAlive = false;
    const isSecure = beginsWithTls(listener.options);
    if (isSecure) client.tls = Tls.Spoken;
    this.early = NOTHING;
    super.accept(id, client, listener);
    if (isSecure && this.early !== null && !this.isLeaving) client.hold();
  }

  /** How its client's TLS is ended; null if it is not. */
  get tlsOptions(): TlsServerOptions | null {
    return this.listener.options.tls;
  }

  /** What comes behind the steps is TLS, and nothing for the flow. */
  override stepsOver(steps: Steps): void {
    super.stepsOver(steps);
    const { clientSocket, early, isLeaving, listener, refusedFor, staysPlain } = this;
    if (listener.tls === null || early === null || isLeaving || refusedFor !== null) return;
    if (staysPlain) return;
    // It waits for room. What it has sent may be the first half of something: it is not read on.
    this.early = this.taken(early);
    clientSocket.hold();
  }

  override beginHandshake(): void {
    this.listener.handshakes.handshakeTurns.begin(this);
  }

  /** Its TLS handshake begins. */
  shake(): void {
    const { clientSocket, early, listener } = this;
    const { socket, tls } = clientSocket;
    this.early = null;
    if (tls === Tls.None && socket !== null && listener.tls !== null) {
      const bytes = this.taken(early ?? NOTHING);
      const { securedHandlers } = listener.handshakes;
      try {
        clientSocket.secure(beginTls(socket, bytes, listener.tls, securedHandlers));
      } catch {
        // It has gone at this very moment.
        this.terminate("tls_handshake_failed");
      }
    }
    clientSocket.release();
  }

  protected override ends(): void {
    const { handshakes, tls } = this.listener;
    if (tls !== null) handshakes.handshakeTurns.delete(this);
    super.ends();
  }

  /** Takes what its steps have left out of the queue. @returns that, behind what was taken before */
  private taken(before: Uint8Array): Uint8Array {
    const { queue } = this.up;
    if (queue.size === 0) return before;
    const all = Buffer.concat([before, ...queue.views(0, queue.size)]);
    queue.consume(queue.size);
    return all;
  }

  override dialed(upstream: SocketsEnd, where: Address): void {
    upstream.keepUrgentBytes();
    if (this.keepsAlive) this.keepAliveOf(upstream);
    super.dialed(upstream, where);
  }

  /** Bun's `end`: a FIN came from the lane's source. */
  sourceEnded(lane: SocketsLane): void {
    if (lane.steps !== null) {
      lane.giveUpStep("preamble_invalid", true);
      if (this.isLeaving) return;
    }
    if (lane === this.up && this.waitedEnough()) return;
    lane.start(this.relay.sourceEnded(this.sourceSide(lane)));
    if (this.relay.phase !== RelayPhase.Free) this.listener.halfClosed.add(this);
    this.settle();
  }

  /** Bun reports resets only by `close`: see {@link closed}. */
  sourceReset(): void {}

  /** Bun reports a reset of a paused socket by `close`, too. */
  sourceBroken(): void {}

  /**
   * Bun's `close`: the descriptor of `side` is closed. Without an error this is the regular end
   * after both FINs, or, on unix sockets only, a close that did not wait for the other FIN.
   */
  closed(side: Side, failed: boolean): void {
    const target = this.laneTo(side);
    const end = side === Side.Client ? this.clientSocket : this.upstreamSocket;
    this.laneFrom(side).source = null;
    target.target = null;
    if (!end.isInside) this.host.descriptors.closed(1);
    end.closed();
    if (side === Side.Client) this.client = null;
    else this.upstream = null;
    const source = this.laneFrom(side).flow;
    // A stream that lost bytes must not look complete, so its target gets no FIN.
    const cut = failed || end.tls === Tls.Broken || target.flow.sending || source.lostBytes > 0;
    if (cut || this.relay.phase === RelayPhase.Terminating) {
      this.reset(side);
    } else {
      this.sourceEnded(this.laneFrom(side));
    }
    if (this.closing) this.finish();
  }

  keepAlive(): void {
    this.keepsAlive = true;
    for (const end of [this.client, this.upstream]) if (end !== null) this.keepAliveOf(end);
  }

  private keepAliveOf({ socket }: SocketsEnd): void {
    if (socket !== null) this.listener.keepAlive(socket);
  }

  /**
   * Sends FIN to `side`. If the FIN of `side` was already read, nothing else can come: closing
   * right away saves Bun's last callback and three system calls.
   */
  protected sendFin(side: Side): void {
    const socket = this.endOf(side)?.socket;
    if (this.relay.from(side).phase === Phase.Open) socket?.shutdown();
    else socket?.close();
  }

  targetLost(lane: SocketsLane): void {
    const side = lane === this.up ? Side.Upstream : Side.Client;
    this.receiveLast(side);
    // The last bytes may have ended the relay.
    if (this.relay.phase !== RelayPhase.Free) this.reset(side);
  }

  /**
   * A send has met a reset before Bun reported the bytes that precede it, such as an upstream's
   * last answer. The kernel still has them and would drop them with the socket: receives them now.
   */
  private receiveLast(side: Side): void {
    const end = this.endOf(side);
    const lane = this.laneFrom(side);
    // What lies in the kernel is not what it has said.
    if (!isLinux || end?.tls !== Tls.None || this.relay.phase !== RelayPhase.Relaying) return;
    const descriptor = end.socket?.fd ?? -1;
    for (let goesOn = true; goesOn; ) {
      const waiting = Math.min(unreadBytes(descriptor), CHUNK_MAX);
      if (waiting === 0 || lane.flow.phase !== Phase.Open || lane.source !== end) return;
      const chunk = new Uint8Array(waiting);
      const size = receiveNow(descriptor, chunk);
      if (size <= 0) return;
      // Keep one chunk more than the target takes, if there is room.
      goesOn = lane.flow.receiving;
      end.received(chunk.subarray(0, size));
    }
  }

  private reset(side: Side): void {
    const target = this.laneTo(side);
    const effects = this.relay.reset(side);
    // The send in flight and what is queued behind it are lost.
    if (target.flow.sending) target.flow.sent(0);
    target.drop();
    const lane = this.laneFrom(side);
    lane.start(effects);
    lane.hurry();
    if (this.relay.phase === RelayPhase.Relaying) {
      this.listener.halfClosed.delete(this);
      this.listener.wasReset.add(this);
    }
    this.settle();
  }

  settle(): void {
    this.perform(this.relay.settle());
  }

  /** Resets the ends that are still open; their `close` callbacks complete what is in flight. */
  protected abandon(): void {
    this.dropDial();
    if (this.up.discards) this.endSink();
    for (const end of [this.client, this.upstream]) {
      if (this.endsCleanly) end?.socket?.close();
      else end?.socket?.terminate();
    }
    this.settle();
  }

  /** Resets what {@link terminate} has left open because of a defect in this worker. */
  resetLeft(): void {
    const { client, upstream, attempts } = this;
    cleanUpOrThrow([
      () => client?.socket?.terminate(),
      () => upstream?.socket?.terminate(),
      ...attempts.map((attempt) => () => attempt.abandon()),
    ]);
  }

  /** Completes what is in flight at a sink, where no upstream's `close` would do it. */
  private endSink(): void {
    const { up, down } = this.relay;
    if (down.receiving) down.stopped();
    if (up.sending) up.sent(0);
    this.up.drop();
  }

  protected finish(): void {
    if (this.client === null && this.upstream === null) this.over();
  }
}

const isLinux = process.platform === "linux";
const NOTHING = new Uint8Array(0);
