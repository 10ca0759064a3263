import { assert } from "../../assert.ts";
import type { Pool } from "../../memory/pool.ts";
import { CHUNK_MAX } from "./bun-socket.ts";

/** The most bytes that steps read and then leave to the flow. */
const KEPT_MAX = 16 * 1024;
/** The most bytes that a flow receives at once. */
export const RECEIVE_MAX = CHUNK_MAX;
/** The most bytes that a flow holds: a waiting chunk, what steps left, a reset's last chunk. */
export const FLOW_LIMIT = 2 * CHUNK_MAX + KEPT_MAX;

/**
 * One direction's half of the pool, which reserves room for one chunk.
 *
 *     [ held by rings ][ promised ][ free …            [ reserve ]]   = limit, half of the pool
 *
 * Bun reports bytes only once it has received them, up to {@link CHUNK_MAX} at a time, and then
 * ringway must keep them. So the reservoir counts as *empty* as soon as one more chunk would not
 * fit. Then no source of this direction is read and no client is accepted until somewhat more than
 * a chunk fits again, so that thousands of sockets are not paused and resumed for every chunk.
 *
 * Each direction has its own half, because an upstream takes no more requests while its answers are
 * not read. If requests could use up the memory for answers, neither would ever move again.
 */
export class Reservoir {
  /** No source may be read. */
  empty = false;
  private held = 0;
  private promised = 0;
  /** The most segments that one flow holds. */
  readonly segmentsMax: number;
  private readonly reserve: number;
  private readonly refilledAt: number;

  /**
   * @param pool the pool of both directions
   * @param limit segments of this direction, enough for at least two chunks
   * @param onEmpty called when the reservoir becomes empty
   * @param onRefilled called when it is no longer empty
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

  /** Sets one segment aside for later. @returns false if only the reserve is free */
  promise(): boolean {
    if (this.free <= this.reserve) return false;
    this.promised++;
    return true;
  }

  /** Takes a promise back: its segment is leased now, or not needed. */
  redeem(): void {
    assert(this.promised > 0, "redeem: a segment was promised");
    this.promised--;
    // Promises alone may have emptied the reservoir; then only this refills it.
    this.judge();
  }

  /** A ring of this direction has leased (positive) or released (negative) segments. */
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
