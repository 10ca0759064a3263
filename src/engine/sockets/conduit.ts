import { cleanUpOrThrow } from "../../clean-up.ts";
import { ipKind } from "../../config/ip.ts";
import type { Address } from "../../config/options.ts";
import { Flow, Phase } from "../../flow/flow.ts";
import type { Reason } from "../../flow/reason.ts";
import { Side } from "../../flow/reason.ts";
import { Relay, RelayPhase } from "../../flow/relay.ts";
import { Conduit } from "../conduit.ts";
import type { Hall } from "../hall.ts";
import { otherEnd, ownEnd, unreadBytes, unsentBytes } from "../libc.ts";
import { keepUrgentBytes, receiveNow } from "../linux.ts";
import type { Meter } from "../meter.ts";
import { encodeSockaddr, SOCKADDR_IP_SIZE, SOCKADDR_SIZE_MAX } from "../sockaddr.ts";
import { type BunSocket, CHUNK_MAX } from "./bun-socket.ts";
import type { Attempt } from "./connector.ts";
import { Lane, type LaneOwner } from "./lane.ts";
import type { Listener } from "./listener.ts";
import type { Reservoir } from "./reservoir.ts";
import type { Turn } from "./turn.ts";

/** What a flow may hold: one chunk that waits, and the last one that a reset may bring. */
const FLOW_LIMIT = 2 * CHUNK_MAX;

/** What a conduit needs of its engine. */
export interface SocketsHost {
  readonly hall: Hall<SocketsConduit, Listener>;
  /** The memory of the up flows and of the down flows. */
  readonly reservoirs: { readonly up: Reservoir; readonly down: Reservoir };
  readonly meter: Meter;
  readonly turn: Turn;
}

/**
 * A relay on Bun's sockets, whose callbacks it is told of. Bun calls back synchronously from `terminate` and
 * `shutdown`.
 */
export class SocketsConduit
  extends Conduit<BunSocket<unknown>, Attempt, Lane, Listener, Hall<SocketsConduit, Listener>>
  implements LaneOwner
{
  readonly relay: Relay;
  readonly up: Lane;
  readonly down: Lane;
  /** Old enough for the kernel to ask silent ends whether they live. */
  private keepsAlive = false;

  constructor(host: SocketsHost, listener: Listener) {
    super(host.hall, listener);
    const flow = () => new Flow(CHUNK_MAX, FLOW_LIMIT, 0);
    this.relay = new Relay(flow(), flow());
    this.up = new Lane(this.relay.up, host.reservoirs.up, host.meter, host.turn, this);
    this.down = new Lane(this.relay.down, host.reservoirs.down, host.meter, host.turn, this);
  }

  override accept(id: number, client: BunSocket<unknown>, listener: Listener): void {
    this.keepsAlive = false;
    // From now on Bun's callbacks find it.
    client.data = this;
    super.accept(id, client, listener);
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

  override dialed(upstream: BunSocket<unknown>, where: Address): void {
    if (isLinux) keepUrgentBytes(upstream.fd);
    if (this.keepsAlive) this.listener.keepAlive(upstream);
    super.dialed(upstream, where);
  }

  /** Bun's `end`: a FIN came from `side`. */
  sourceEnded(side: Side): void {
    if (side === Side.Client && this.up.hasPreamble) {
      this.giveBack(this.headerEnded("preamble_invalid"));
      if (this.isLeaving) return;
    }
    if (side === Side.Client && this.waitedEnough()) return;
    this.laneFrom(side).start(this.relay.sourceEnded(side));
    if (this.relay.phase !== RelayPhase.Free) this.listener.halfClosed.add(this);
    this.settle();
  }

  /**
   * Bun's `close`: the descriptor of `side` is closed. Without an error that is the natural end after
   * both FINs, or, on a unix socket only, an end that went away without waiting for the other FIN.
   */
  closed(side: Side, failed: boolean): void {
    const target = this.laneTo(side);
    this.laneFrom(side).source = null;
    target.target = null;
    if (side === Side.Client) this.client = null;
    else this.upstream = null;
    this.host.descriptors.closed(1);
    const source = this.laneFrom(side).flow;
    // A stream that lost bytes must not look complete: its target gets no FIN.
    const cut = failed || target.flow.sending || source.lostBytes > 0;
    if (cut || this.relay.phase === RelayPhase.Terminating) {
      this.reset(side);
    } else {
      this.sourceEnded(side);
    }
    if (this.closing) this.finish();
  }

  /** From now on the kernel finds out when an end is gone without a word. */
  keepAlive(): void {
    this.keepsAlive = true;
    for (const end of [this.client, this.upstream]) if (end !== null) this.listener.keepAlive(end);
  }

  /**
   * Sends FIN to `side`. When its own FIN has been read nothing else can come: closing at once saves
   * the notice that both are through, and three system calls.
   */
  protected sendFin(side: Side): void {
    const end = this.endOf(side);
    if (this.relay.from(side).phase === Phase.Open) end?.shutdown();
    else end?.close();
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
    const end = this.endOf(side);
    const lane = this.laneFrom(side);
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
    const lane = this.laneFrom(side);
    lane.start(effects);
    lane.hurry();
    if (this.relay.phase === RelayPhase.Relaying) {
      this.listener.halfClosed.delete(this);
      this.listener.wasReset.add(this);
    }
    this.settle();
  }

  protected settle(): void {
    this.perform(this.relay.settle());
  }

  /** Resets what is still open; the `close` callbacks complete what is in flight. */
  protected abandon(): void {
    this.dropDial();
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

  protected finish(): void {
    if (this.client === null && this.upstream === null) this.over();
  }

  protected get ownAddress(): Uint8Array | null {
    const address = new Uint8Array(SOCKADDR_SIZE_MAX);
    return this.client !== null && ownEnd(this.client.fd, address) ? address : null;
  }

  /** One system call into a few bytes, where Bun makes two and two strings. */
  protected addressOf(end: BunSocket<unknown>): Uint8Array | null {
    const address = new Uint8Array(SOCKADDR_IP_SIZE);
    if (otherEnd(end.fd, address)) return address;
    const { remoteAddress: host = "", remotePort: port = 0 } = end;
    return ipKind(host) !== 0 ? encodeSockaddr({ kind: "tcp", host, port }) : null;
  }

  protected unsentTo(end: BunSocket<unknown>): number {
    return unsentBytes(end.fd);
  }

  protected unreadOf(end: BunSocket<unknown>): number {
    return unreadBytes(end.fd);
  }

  /** Those of TCP have it from the socket that was listened on. */
  protected keepUrgentBytes(end: BunSocket<unknown>): void {
    if (isLinux) keepUrgentBytes(end.fd);
  }

  protected sendFirst(end: BunSocket<unknown>, bytes: Uint8Array): boolean {
    return end.write(bytes) === bytes.length;
  }
}

const NOTHING = new Uint8Array(0);
const isLinux = process.platform === "linux";
