import { assert } from "../../assert.ts";
import { Effect, type Flow, Phase } from "../../flow/flow.ts";
import { Ring } from "../../memory/ring.ts";
import type { Meter } from "../meter.ts";
import type { Copy } from "../mirror/copy.ts";
import type { Pacer, Pacing } from "../pacer.ts";
import type { StoryLane } from "../relay-story.ts";
import { type BunSocket, recycle } from "./bun-socket.ts";
import type { Reservoir } from "./reservoir.ts";
import type { Deferred, Turn } from "./turn.ts";

/** Chunks up to so many bytes may wait for the end of a busy turn, if a segment can hold them. */
const DEFER_MAX = 16 * 1024;

/** What a lane tells its conduit: what concerns both directions. */
export interface LaneOwner {
  /** The lane that has received last. */
  lastHeard: StoryLane | null;
  /** Carries out the flow's end, then reports `flow.ended()`. */
  end(lane: Lane): void;
  /** The target cannot take bytes any more. */
  targetGone(lane: Lane): void;
  /** Looks at bytes before the first ones of the flow. @returns what of them is the flow's */
  preamble(chunk: Uint8Array): Uint8Array;
}

/**
 * One flow on Bun's sockets: adapts their readiness to the completions that a flow knows.
 *
 *     source ─ data ─► flow.received ─► target.write ─► all taken: flow.sent, nothing was copied
 *                                            └─ a part: the rest goes to the ring, the source is
 *                                               paused, `drain` sends the ring, then it is resumed
 *
 * A `write` that takes all bytes is a send that completes at once; one that takes fewer stays in
 * flight until `drain`. A source that the flow does not ask to receive from is paused. In a busy
 * turn a small chunk's send waits, in flight, for the end of the turn (see {@link Turn}).
 *
 * With a rate it is as if its target took so much and no more: what is too much of a chunk waits in the
 * ring, and a rest instead of `drain` is what the send in flight waits for. A chunk cannot be asked to
 * be small, and passing it on whole would be a leap of half a MiB at whatever rate.
 *
 * Owner: its conduit, which sets the ends when they connect and clears them when they close.
 */
export class Lane implements Deferred {
  readonly ring: Ring;
  source: BunSocket<unknown> | null = null;
  target: BunSocket<unknown> | null = null;
  /** The target is nobody: bytes are counted and thrown away. Set anew for each tenant. */
  discards = false;
  /** Gets what its target gets; null for nobody. Set for each tenant, as long as it runs. */
  copy: Copy | null = null;
  /** What comes is a header first, which is not the flow's. */
  hasPreamble = false;
  /** The source is paused by us. */
  private paused = false;
  /** The chunk that is sent at the end of this turn. */
  private deferred: Uint8Array | null = null;
  private readonly deferMax: number;
  private stillLooks = 0;
  private sentBefore = 0;
  /** How fast it may be; null for as fast as it can. */
  private pacing: Pacing | null = null;

  constructor(
    readonly flow: Flow,
    private readonly reservoir: Reservoir,
    private readonly meter: Meter,
    private readonly turn: Turn,
    private readonly owner: LaneOwner,
  ) {
    const { pool } = reservoir;
    this.deferMax = Math.min(DEFER_MAX, pool.size);
    this.ring = new Ring(pool, pool.segmentsFor(flow.limit) + 1);
  }

  /** Gives it the pace of its listener. */
  setPace(pacer: Pacer | null): void {
    this.pacing = pacer === null ? null : pacer.begin(() => this.rested());
  }

  /** It does not send for now, because of its rate. */
  get isResting(): boolean {
    return this.pacing?.isResting ?? false;
  }

  /** Its source is gone: what is queued is all there is, and waiting would spare nobody. */
  hurry(): void {
    if (this.pacing === null) return;
    this.pacing.end();
    this.pacing = null;
    if (this.target !== null || this.discards) this.rested();
  }

  /** The source is connected and being read. */
  setSource(source: BunSocket<unknown>): void {
    this.source = source;
    this.paused = false;
    if (this.reservoir.empty) this.starve();
  }

  /** Bun's `data`: the source brought `chunk`, 1…CHUNK_MAX bytes that stay as they are. */
  receive(given: Uint8Array): void {
    const { flow } = this;
    this.turn.event();
    const chunk = this.hasPreamble ? this.owner.preamble(given) : given;
    const size = chunk.length;
    if (size === 0) return;
    this.owner.lastHeard = this;
    if (this.meter.received(size)) flow.receivedShort();
    if (this.deferred !== null) this.turnEnded();
    if (!flow.receiving) {
      this.flush(chunk);
      this.pause();
      return;
    }
    const effects = flow.received(size);
    if ((effects & Effect.Send) !== 0) {
      if (this.pacing !== null && this.pacing.allowance() < size) {
        this.store(chunk, 0);
        this.sendQueued();
        return;
      }
      if (size <= this.deferMax && this.turn.busy && this.reservoir.promise()) {
        this.deferred = chunk;
        this.turn.defer(this);
        return;
      }
      this.send(chunk);
    } else if (flow.phase === Phase.Open) {
      this.store(chunk, 0);
      // Most dials are answered by the time a client that has asked could send more: pausing it and
      // resuming it again are four system calls. What comes all the same has room, once.
      if (this.target === null && size <= this.deferMax) return;
    }
    if (!flow.receiving) this.pause();
  }

  /** Sends what was put off. */
  turnEnded(): void {
    const { deferred, flow } = this;
    if (deferred === null) return;
    this.forgetDeferred();
    this.send(deferred);
    if (!flow.receiving) this.pause();
  }

  /** Bun's `drain`: the target takes bytes again. */
  drained(): void {
    this.turn.event();
    this.rested();
  }

  /** Goes on with a send that was taken in part. */
  private rested(): void {
    if (this.flow.sending && this.ring.count > 0) this.sendQueued();
  }

  /** Carries out what the flow asked for; the conduit reports what is not about bytes. */
  start(effects: Effect): void {
    if ((effects & Effect.Send) !== 0) this.sendQueued();
    if ((effects & Effect.Receive) !== 0) this.resume();
    if ((effects & Effect.End) !== 0) this.owner.end(this);
  }

  /** The pool is empty: the source is not read until {@link feed}. */
  starve(): void {
    this.flow.starve();
    // Before there is a source, the receive only stands for the dial and is not in flight here.
    if (this.source === null) return;
    if (this.flow.receiving) this.flow.stopped();
    this.pause();
  }

  /** The pool has segments again. */
  feed(): void {
    if (this.flow.starved) this.start(this.flow.fed());
  }

  /** Forgets the bytes that no target will get, and gives their memory back. */
  drop(): void {
    if (this.deferred !== null) this.forgetDeferred();
    const { count } = this.ring;
    this.ring.clear();
    if (count > 0) this.reservoir.changed(-count);
  }

  /**
   * How many looks in a row, this one included, found queued bytes of which none was sent since the
   * look before; 0 when some were, or none is queued.
   */
  lookStill(): number {
    const { sentBytes } = this.flow;
    const still = this.ring.count > 0 && sentBytes === this.sentBefore;
    this.stillLooks = still ? this.stillLooks + 1 : 0;
    this.sentBefore = sentBytes;
    return this.stillLooks;
  }

  /** Gives back all memory and forgets both ends. */
  clear(): void {
    this.drop();
    this.source = null;
    this.target = null;
    this.paused = false;
    this.copy = null;
    this.hasPreamble = false;
    this.stillLooks = 0;
    this.sentBefore = 0;
    this.pacing?.end();
    this.pacing = null;
  }

  /** Sends a fresh chunk from where Bun put it; only what the target leaves is copied. */
  private send(chunk: Uint8Array): void {
    const { flow } = this;
    const size = chunk.length;
    const taken = this.discards ? size : (this.target?.write(chunk) ?? -1);
    if (this.pacing !== null && taken > 0) this.pacing.used(taken);
    if (this.copy !== null && taken > 0) {
      this.copy.push(taken === size ? chunk : chunk.subarray(0, taken));
    }
    if (taken === size) {
      this.meter.sent(size);
      recycle(chunk);
      const effects = flow.sent(size);
      // The source is being read, unless memory ran out while this chunk waited for the turn's end.
      if (effects !== Effect.None) this.start(effects);
      return;
    }
    this.store(chunk, Math.max(0, taken));
    if (taken < 0) {
      this.owner.targetGone(this);
      return;
    }
    flow.sentShort();
    if (taken > 0) {
      this.meter.sent(taken);
      // The rest is in flight again at once: it waits for `drain`.
      flow.sent(taken);
    }
  }

  /** Sends what is queued, as far as the target takes it. The send is in flight. */
  private sendQueued(): void {
    const { flow, ring } = this;
    const segments = ring.count;
    let total = 0;
    let taken = 0;
    while (ring.count > 0) {
      const most = this.pacing === null ? Infinity : this.pacing.allowance();
      if (most === 0) break;
      const size = Math.min(ring.firstSize, most);
      taken = this.discards ? size : this.write(ring.first(), size);
      if (taken > 0) {
        if (this.copy !== null) this.copy.push(this.firstBytes(taken));
        ring.consume(taken);
        this.meter.sent(taken);
        if (this.pacing !== null) this.pacing.used(taken);
        total += taken;
      }
      if (taken < size) break;
    }
    if (ring.count > 0 && !this.isResting) flow.sentShort();
    if (ring.count < segments) this.reservoir.changed(ring.count - segments);
    // What is left is in flight again: it waits for the next `drain`, or until a rest is over.
    if (total > 0) this.start(flow.sent(total) & ~Effect.Send);
    if (!flow.receiving && flow.phase === Phase.Open) this.pause();
    if (taken < 0) this.owner.targetGone(this);
  }

  private firstBytes(size: number): Uint8Array {
    const { pool } = this.reservoir;
    const index = this.ring.first();
    const start = pool.start[index] as number;
    return pool.view(index).subarray(start, start + size);
  }

  private write(index: number, size: number): number {
    const { pool } = this.reservoir;
    return this.target?.write(pool.view(index), pool.start[index], size) ?? -1;
  }

  /**
   * A chunk that nothing asked for, as far as there is room: the last bytes of a source that was
   * reset while it was paused, or the second chunk of a client whose upstream is still dialled.
   */
  private flush(chunk: Uint8Array): void {
    const room = Math.min(this.reservoir.free, this.ring.capacity - this.ring.count);
    const kept = this.flow.flushed(chunk.length, room * this.reservoir.pool.size);
    if (kept > 0) this.store(chunk.subarray(0, kept), 0);
  }

  private store(chunk: Uint8Array, offset: number): void {
    const rest = chunk.length - offset;
    const before = this.ring.count;
    assert(this.ring.append(chunk, offset) === rest, "store: the reservoir keeps room for a chunk");
    recycle(chunk);
    this.reservoir.changed(this.ring.count - before);
  }

  private forgetDeferred(): void {
    this.deferred = null;
    this.reservoir.redeem();
  }

  private pause(): void {
    if (this.paused || this.source === null) return;
    this.paused = true;
    if (!this.flow.starved && !this.isResting) this.flow.paused();
    this.source.pause();
  }

  private resume(): void {
    if (!this.paused || this.source === null) return;
    this.paused = false;
    this.source.resume();
  }
}
