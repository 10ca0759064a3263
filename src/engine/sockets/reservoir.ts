import { assert } from "../../assert.ts";
import type { Pool } from "../../memory/pool.ts";
import { CHUNK_MAX } from "./bun-socket.ts";

/** Bytes before a chunk that steps may have read and left to the flow. */
const KEPT_MAX = 16 * 1024;
/** Most bytes that a flow receives at once. */
export const RECEIVE_MAX = CHUNK_MAX;
/** What a flow may hold: one chunk that waits, with what steps have left, and the last one that a reset may bring. */
export const FLOW_LIMIT = 2 * CHUNK_MAX + KEPT_MAX;

/**
 * One direction's half of the pool, with room kept for one chunk.
 *
 *     [ held by rings ][ promised ][ free …            [ reserve ]]   = limit, half of the pool
 *
 * Bun says what it has received only when it is there, up to {@link CHUNK_MAX} bytes at a time, and
 * then it must be kept. So the reservoir counts as *empty* as soon as one more chunk would not fit:
 * from then on no source of this direction is read and nobody is accepted, until some more than a
 * chunk fits again (some more, so that pausing thousands of sockets is not paid for every chunk).
 *
 * Each direction has a half of its own, because an upstream that waits for its answers to be read
 * takes no more requests: were the answers not read for lack of memory that requests hold, neither
 * would ever move again.
 */
export class Reservoir {
  /** No source may be read: see above. */
  empty = false;
  private held = 0;
  private promised = 0;
  /** Most segments that one flow holds. */
  readonly segmentsMax: number;
  private readonly reserve: number;
  private readonly refilledAt: number;

  /**
   * @param pool the pool that the segments are leased from
   * @param limit segments of this direction, at least two chunks' worth
   * @param onEmpty called when it becomes empty
   * @param onRefilled called when it is no longer
   */
  constructor(
    readonly pool: Pool,
    private readonly limit: number,
    private readonly onEmpty: () => void,
    private readonly onRefilled: () => void,
  ) {
    this.segmentsMax = pool.segmentsFor(FLOW_LIMIT) + 1;
    this.reserve = pool.segmentsFor(CHUNK_MAX);
    assert(limit >= 2 * this.reserve, "reservoir: two chunks fit");
    this.refilledAt = Math.min(2 * this.reserve, this.reserve + Math.max(1, limit >>> 3));
  }

  /** Segments that may still be leased. */
  get free(): number {
    return this.limit - this.held - this.promised;
  }

  /** Sets one segment aside for later, if one is free beside the reserve. */
  promise(): boolean {
    if (this.free <= this.reserve) return false;
    this.promised++;
    return true;
  }

  /** The promised segment is leased now, or not needed. */
  redeem(): void {
    assert(this.promised > 0, "redeem: a segment was promised");
    this.promised--;
    // A crowd of promises may be all that had emptied it: then nothing else would tell.
    this.judge();
  }

  /** To be called after a ring of this direction took or gave back segments. */
  changed(segments: number): void {
    this.held += segments;
    assert(this.held >= 0 && this.held <= this.limit, "reservoir: 0 <= held <= limit");
    this.judge();
  }

  private judge(): void {
    if (!this.empty && this.free < this.reserve) {
      this.empty = true;
      this.onEmpty();
    } else if (this.empty && this.free >= this.refilledAt) {
      this.empty = false;
      this.onRefilled();
    }
  }
}
