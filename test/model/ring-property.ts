import fc from "fast-check";
import type { Pool } from "../../src/memory/pool.ts";
import type { Ring } from "../../src/memory/ring.ts";
import { holds } from "./fuzz.ts";
import type { PoolClass } from "./pool-property.ts";

/** The class under test: {@link Ring}, or a mutant of it. */
export type RingClass = new (...parameters: ConstructorParameters<typeof Ring>) => Ring;

/** One thing that may happen to the `ring`-th ring, or to the pool that all rings share. */
type RingStep =
  | { does: "append"; ring: number; size: number; offset: number }
  | { does: "push"; ring: number; start: number; size: number }
  | { does: "consume"; ring: number; size: number }
  | { does: "clear"; ring: number }
  | { does: "hold" }
  | { does: "letGo" };

const RINGS = 2;
const ring = fc.nat(RINGS - 1);

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constant("append"),
      ring,
      size: fc.nat(24),
      offset: fc.nat(4),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constant("push"), ring, start: fc.nat(8), size: fc.nat(8) }),
  },
  {
    weight: 16,
    arbitrary: fc.record({ does: fc.constant("consume"), ring, size: fc.nat(8) }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("clear"), ring }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("hold") }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("letGo") }) },
) as fc.Arbitrary<RingStep>;

const sizes = fc.record({
  segment: fc.integer({ min: 1, max: 6 }),
  count: fc.integer({ min: 1, max: 10 }),
  capacity: fc.integer({ min: 1, max: 5 }),
});

/** Rings that share a pool with each other and with other holders, against plain arrays. */
export function ringProperty(RingUnderTest: RingClass, PoolUnderTest: PoolClass) {
  const steps = fc.array(step, { maxLength: 80, size: "max" });
  return fc.property(sizes, steps, ({ segment, count, capacity }, story) => {
    const pool = new PoolUnderTest(segment, count);
    const rings = Array.from({ length: RINGS }, () => new RingUnderTest(pool, capacity));
    const model = new RingsModel(pool, rings);
    for (const one of story) {
      model.take(one);
      model.check();
    }
    model.drain();
  });
}

class RingsModel {
  /** For each ring its segments, each with the bytes that it still holds. */
  private readonly queues: number[][][];
  /** Segments that somebody else leases. */
  private readonly held: number[] = [];
  /** The next byte that anybody sends: all bytes differ from their neighbours. */
  private next = 0;

  constructor(
    private readonly pool: Pool,
    private readonly rings: readonly Ring[],
  ) {
    this.queues = rings.map(() => []);
  }

  take(one: RingStep): void {
    const { pool, held } = this;
    if (one.does === "hold") {
      if (pool.available > 0) held.push(pool.lease());
      return;
    }
    if (one.does === "letGo") {
      const index = held.pop();
      if (index !== undefined) pool.release(index);
      return;
    }
    const [ring, queue] = [this.rings[one.ring], this.queues[one.ring]];
    if (ring === undefined || queue === undefined) return;
    if (one.does === "append") this.append(ring, queue, one.size, one.offset);
    else if (one.does === "push") this.push(ring, queue, one.start, one.size);
    else if (one.does === "consume") this.consume(ring, queue, one.size);
    else {
      ring.clear();
      queue.length = 0;
    }
  }

  private append(ring: Ring, queue: number[][], size: number, offset: number): void {
    const { pool } = this;
    const bytes = this.make(size);
    const rest = bytes.slice(offset);
    const room = Math.min(pool.available, ring.capacity - ring.count) * pool.size;
    const expected = Math.min(rest.length, room);
    // The caller's memory is its own again afterwards: what counts is what was copied.
    const chunk = Uint8Array.from(bytes);
    const taken = ring.append(chunk, offset);
    chunk.fill(255);
    holds(taken === expected, "append: takes all, or as much as ring and pool have room for");
    for (let at = 0; at < taken; at += pool.size) {
      queue.push(rest.slice(at, Math.min(at + pool.size, taken)));
    }
  }

  private push(ring: Ring, queue: number[][], from: number, most: number): void {
    const { pool } = this;
    if (pool.available === 0 || ring.count === ring.capacity) return;
    const start = from % pool.size;
    const size = 1 + (most % (pool.size - start));
    const bytes = this.make(size);
    const index = pool.lease();
    pool.view(index).fill(254);
    pool.view(index).set(bytes, start);
    pool.start[index] = start;
    pool.end[index] = start + size;
    ring.push(index);
    queue.push(bytes);
  }

  private consume(ring: Ring, queue: number[][], most: number): void {
    const [segment] = queue;
    if (segment === undefined) return;
    const size = most % (segment.length + 1);
    ring.consume(size);
    segment.splice(0, size);
    if (segment.length === 0) queue.shift();
  }

  /** What the rings hold, seen from outside, is what the arrays hold. */
  check(): void {
    const { pool } = this;
    let leased = this.held.length;
    for (const [i, ring] of this.rings.entries()) {
      const queue = this.queues[i] ?? [];
      leased += queue.length;
      holds(ring.count === queue.length && ring.count <= ring.capacity, "count: queued segments");
      holds(ring.size === queue.flat().length, "size: queued bytes");
      const [expected] = queue;
      if (expected === undefined) continue;
      const index = ring.first();
      const filled = pool.view(index).subarray(pool.start[index], pool.end[index]);
      holds(ring.firstSize === expected.length, "firstSize: bytes to send next");
      holds(
        `${filled}` === `${expected}`,
        "bytes leave in the order in which they came, each once",
      );
    }
    holds(pool.leased === leased, "no segment leaks, none is released early");
  }

  /** Sends everything, then gives everything back. */
  drain(): void {
    for (const [i, ring] of this.rings.entries()) {
      const queue = this.queues[i] ?? [];
      while (queue.length > 0) {
        this.consume(ring, queue, queue[0]?.length ?? 0);
        this.check();
      }
    }
    while (this.held.length > 0) this.take({ does: "letGo" });
    holds(this.pool.leased === 0, "no segment leaks");
  }

  private make(size: number): number[] {
    return Array.from({ length: size }, () => this.next++ % 251);
  }
}
