import type { SocketHandler } from "bun";
import type { Address } from "../../base/address.ts";
import { cleanUpOrThrow } from "../../base/clean-up.ts";
import { Side } from "../../base/reason.ts";
import type { Steps } from "../../entry/steps.ts";
import { Flow, Phase } from "../../flow/flow.ts";
import { Relay, RelayPhase } from "../../flow/relay.ts";
import { Conduit } from "../../relay/conduit.ts";
import type { Hall } from "../../relay/hall.ts";
import { Lane } from "../../relay/lane.ts";
import type { Meter } from "../../relay/ledger/meter.ts";
import { unreadBytes } from "../../system/libc.ts";
import { receiveNow } from "../../system/linux.ts";
import type { TlsServerOptions } from "../../transport/tls/server-options.ts";
import { type BunSocket, CHUNK_MAX } from "./bun-socket.ts";
import type { Attempt, AttemptOwner } from "./connector.ts";
import { SocketsEnd, type SocketsLane } from "./end.ts";
import type { Listener } from "./listener.ts";
import { ChunkQueue } from "./queue.ts";
import { FLOW_LIMIT, RECEIVE_MAX, type Reservoir } from "./reservoir.ts";
import { beginsWithTls, beginTls } from "./tls.ts";
import type { Turn } from "./turn.ts";

/** A listener whose relays these are. */
export type SocketsListener = Listener<SocketsConduit>;

/** All relays of an engine. */
export type SocketsHall = Hall<SocketsConduit, SocketsListener>;

/** What a conduit needs of its engine. */
export interface SocketsHost {
  readonly hall: SocketsHall;
  /** The memory of the up flows and of the down flows. */
  readonly reservoirs: { readonly up: Reservoir; readonly down: Reservoir };
  readonly meter: Meter;
  readonly turn: Turn;
  /** See {@link beginTls}. */
  readonly securedHandlers: SocketHandler<SocketsConduit>;
}

/**
 * A relay on Bun's sockets, whose callbacks it is told of. Bun calls back synchronously from `terminate` and
 * `shutdown`.
 */
export class SocketsConduit
  extends Conduit<SocketsEnd, ChunkQueue, Attempt, SocketsListener, SocketsHall>
  implements AttemptOwner
{
  readonly relay: Relay;
  readonly up: SocketsLane;
  readonly down: SocketsLane;
  /** The client's and the upstream's, from tenant to tenant, whether they are open or not. */
  readonly clientSocket: SocketsEnd;
  readonly upstreamSocket: SocketsEnd;
  private readonly securedHandlers: SocketsHost["securedHandlers"];
  /** Old enough for the kernel to ask silent ends whether they live. */
  private keepsAlive = false;

  constructor(host: SocketsHost, listener: SocketsListener) {
    super(host.hall, listener);
    const flow = () => new Flow(RECEIVE_MAX, FLOW_LIMIT, 0);
    this.relay = new Relay(flow(), flow());
    const { meter, reservoirs, securedHandlers, turn } = host;
    this.securedHandlers = securedHandlers;
    const { up, down } = this.relay;
    this.up = new Lane(up, new ChunkQueue(reservoirs.up), meter, this);
    this.down = new Lane(down, new ChunkQueue(reservoirs.down), meter, this);
    this.clientSocket = new SocketsEnd(turn, this.up, this.down);
    this.upstreamSocket = new SocketsEnd(turn, this.down, this.up);
  }

  clientEnd(client: BunSocket<unknown>): SocketsEnd {
    // From now on Bun's callbacks find it.
    client.data = this;
    return this.clientSocket.open(client);
  }

  override accept(id: number, client: SocketsEnd, listener: SocketsListener): void {
    this.keepsAlive = false;
    client.isSecure = beginsWithTls(listener.options);
    super.accept(id, client, listener);
  }

  /** How its client's TLS is ended; null if it is not. */
  get tlsOptions(): TlsServerOptions | null {
    return this.listener.options.tls;
  }

  /** Behind its steps TLS begins, unless it is a client that is turned away for what they have found. */
  override stepsOver(steps: Steps): void {
    super.stepsOver(steps);
    const { clientSocket, isLeaving, listener, refusedFor, up } = this;
    if (listener.tls === null || isLeaving || refusedFor !== null) return;
    const { socket } = clientSocket;
    if (socket === null) return;
    const read = Buffer.concat(up.queue.views(0, up.queue.size));
    up.queue.consume(read.length);
    try {
      clientSocket.socket = beginTls(socket, read, listener.tls, this.securedHandlers);
      clientSocket.isSecure = true;
    } catch {
      // It has gone at this very moment.
      this.terminate("tls_handshake_failed");
    }
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

  /** Bun tells that by `close` alone: {@link closed}. */
  sourceReset(): void {}

  /** Of one that is paused Bun tells it, too. */
  sourceBroken(): void {}

  /**
   * Bun's `close`: the descriptor of `side` is closed. Without an error that is the natural end after
   * both FINs, or, on a unix socket only, an end that went away without waiting for the other FIN.
   */
  closed(side: Side, failed: boolean): void {
    const target = this.laneTo(side);
    this.laneFrom(side).source = null;
    target.target = null;
    (side === Side.Client ? this.clientSocket : this.upstreamSocket).closed();
    if (side === Side.Client) this.client = null;
    else this.upstream = null;
    this.host.descriptors.closed(1);
    const source = this.laneFrom(side).flow;
    // A stream that lost bytes must not look complete: its target gets no FIN.
    const cut = failed || target.flow.sending || source.lostBytes > 0;
    if (cut || this.relay.phase === RelayPhase.Terminating) {
      this.reset(side);
    } else {
      this.sourceEnded(this.laneFrom(side));
    }
    if (this.closing) this.finish();
  }

  /** From now on the kernel finds out when an end is gone without a word. */
  keepAlive(): void {
    this.keepsAlive = true;
    for (const end of [this.client, this.upstream]) if (end !== null) this.keepAliveOf(end);
  }

  private keepAliveOf({ socket }: SocketsEnd): void {
    if (socket !== null) this.listener.keepAlive(socket);
  }

  /**
   * Sends FIN to `side`. When its own FIN has been read nothing else can come: closing at once saves
   * the notice that both are through, and three system calls.
   */
  protected sendFin(side: Side): void {
    const socket = this.endOf(side)?.socket;
    if (this.relay.from(side).phase === Phase.Open) socket?.shutdown();
    else socket?.close();
  }

  /** A lane's target takes nothing any more. */
  targetLost(lane: SocketsLane): void {
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
    const end = this.endOf(side);
    const lane = this.laneFrom(side);
    // What lies in the kernel is not what it has said.
    if (!isLinux || end === null || end.isSecure || this.relay.phase !== RelayPhase.Relaying)
      return;
    const descriptor = end.socket?.fd ?? -1;
    for (let goesOn = true; goesOn; ) {
      const waiting = Math.min(unreadBytes(descriptor), CHUNK_MAX);
      if (waiting === 0 || lane.flow.phase !== Phase.Open || lane.source !== end) return;
      const chunk = new Uint8Array(waiting);
      const size = receiveNow(descriptor, chunk);
      if (size <= 0) return;
      // One chunk more than the target takes is kept, as far as there is room.
      goesOn = lane.flow.receiving;
      end.received(chunk.subarray(0, size));
    }
  }

  private reset(side: Side): void {
    const target = this.laneTo(side);
    const effects = this.relay.reset(side);
    // The send in flight comes to nothing, and what is queued behind it.
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

  /** Resets what is still open; the `close` callbacks complete what is in flight. */
  protected abandon(): void {
    this.dropDial();
    if (this.up.discards) this.endSink();
    for (const end of [this.client, this.upstream]) {
      if (this.endsCleanly) end?.socket?.close();
      else end?.socket?.terminate();
    }
    this.settle();
  }

  /** Resets what {@link terminate} has left open, because of the defect that the worker has met. */
  resetLeft(): void {
    const { client, upstream, attempts } = this;
    cleanUpOrThrow([
      () => client?.socket?.terminate(),
      () => upstream?.socket?.terminate(),
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

  protected finish(): void {
    if (this.client === null && this.upstream === null) this.over();
  }
}

const isLinux = process.platform === "linux";
