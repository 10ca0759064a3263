import type { Pool } from "../../memory/pool.ts";
import { CHUNK_MAX } from "./bun-socket.ts";

/**
 * Keeps room in the pool for one chunk.
 *
 * Bun says what it has received only when it is there, up to {@link CHUNK_MAX} bytes at a time, and
 * then it must be kept. So the pool counts as *empty* as soon as it could not hold one more chunk:
 * from then on nothing is read and nobody is accepted, until two chunks fit again (two, so that
 * pausing and resuming thousands of sockets is not paid for every chunk).
 */
export class Reservoir {
  /** Nothing may be read: see above. */
  empty = false;
  private readonly reserve: number;

  /**
   * @param pool the pool, of at least two chunks
   * @param onEmpty called when the last room but one chunk's is leased
   * @param onRefilled called when it may be read again
   */
  constructor(
    readonly pool: Pool,
    private readonly onEmpty: () => void,
    private readonly onRefilled: () => void,
  ) {
    this.reserve = pool.segmentsFor(CHUNK_MAX);
  }

  /** Whether, beside the reserve, more than `count` segments are left. */
  holds(count: number): boolean {
    return this.pool.available - this.reserve > count;
  }

  /** To be called after segments were leased. */
  leased(): void {
    if (this.empty || this.pool.available >= this.reserve) return;
    this.empty = true;
    this.onEmpty();
  }

  /** To be called after segments were released. */
  released(): void {
    if (!this.empty || this.pool.available < 2 * this.reserve) return;
    this.empty = false;
    this.onRefilled();
  }
}
