import fc from "fast-check";
import type { Pool } from "../../src/memory/pool.ts";
import { holds } from "./fuzz.ts";

/** The class under test: {@link Pool}, or a mutant of it. */
export type PoolClass = new (...parameters: ConstructorParameters<typeof Pool>) => Pool;

/** Lease a segment (null), or release the n-th of those that are leased. */
type PoolStep = number | null;

const step: fc.Arbitrary<PoolStep> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 2, arbitrary: fc.nat(20) },
);

/** Few segments to a slab, so that pools of a few segments have several slabs. */
const sizes = fc.record({
  size: fc.constantFrom(100_000, 262_144, 350_000, 524_288, 1_048_576, 1_500_000),
  count: fc.integer({ min: 1, max: 12 }),
});

/** Leases and releases in any order, against a plain list of what is leased. */
export function poolProperty(PoolUnderTest: PoolClass) {
  const steps = fc.array(step, { maxLength: 60, size: "max" });
  return fc.property(sizes, steps, ({ size, count }, story) => {
    const model = new PoolModel(PoolUnderTest, size, count);
    for (const one of story) {
      if (one === null) model.lease();
      else model.release(one);
      model.check();
    }
  });
}

class PoolModel {
  private readonly pool: Pool;
  /** Who leases which segment: a mark that no two holders share, written into the segment. */
  private readonly holders: { index: number; mark: number }[] = [];
  private slabs: number[] = [];
  private marks = 0;
  private most = 0;

  constructor(
    PoolUnderTest: PoolClass,
    private readonly size: number,
    private readonly count: number,
  ) {
    this.pool = new PoolUnderTest(size, count, (bytes) => this.slabs.push(bytes));
  }

  lease(): void {
    const { pool } = this;
    if (pool.available === 0) {
      holds(
        isStopped(() => pool.lease()),
        "never more than count segments",
      );
      return;
    }
    const [slabs, spare] = [this.slabs.length, pool.bytes / this.size - this.holders.length];
    const index = pool.lease();
    holds(spare === 0 || this.slabs.length === slabs, "a slab is added only when one is needed");
    holds(!this.holders.some((other) => other.index === index), "never the same segment twice");
    holds(pool.start[index] === 0 && pool.end[index] === 0, "a leased segment is empty");
    const view = pool.view(index);
    holds(view.length === this.size, "a segment has its size");
    const mark = ++this.marks % 251;
    // The edges are where an overlap would show.
    view[0] = mark;
    view[this.size - 1] = mark;
    pool.start[index] = 1;
    pool.end[index] = 2;
    this.holders.push({ index, mark });
    this.most = Math.max(this.most, this.holders.length);
  }

  release(n: number): void {
    const [holder] = this.holders.splice(n % (this.holders.length + 1), 1);
    if (holder === undefined) return;
    this.pool.release(holder.index);
    holds(
      isStopped(() => this.pool.release(holder.index)),
      "a segment is released once",
    );
  }

  check(): void {
    const { pool, holders, size, count } = this;
    holds(pool.leased === holders.length, "leased: what is leased");
    holds(pool.leasedMax === this.most, "leasedMax: the most that ever was");
    holds(pool.available === count - holders.length, "available: what may still be leased");
    holds(pool.bytes <= size * count && pool.bytes % size === 0, "slabs stop at the count");
    holds(pool.bytes === (this.slabs.at(-1) ?? 0), "every slab is told");
    for (const { index, mark } of holders) {
      const view = pool.view(index);
      holds(view[0] === mark && view[size - 1] === mark, "nobody else writes into it");
    }
    this.checkOverlaps();
  }

  private checkOverlaps(): void {
    const views = this.holders.map(({ index }) => this.pool.view(index));
    for (const [i, a] of views.entries()) {
      for (const b of views.slice(i + 1)) {
        const apart = Math.abs(a.byteOffset - b.byteOffset) >= this.size;
        holds(a.buffer !== b.buffer || apart, "views do not overlap");
      }
    }
  }
}

/** Whether an assertion stops it. By name, because a mutant may bring its own copy of the class. */
function isStopped(act: () => void): boolean {
  try {
    act();
  } catch (error) {
    return error instanceof Error && error.name === "AssertionError";
  }
  return false;
}
