import type { Candidates } from "./candidates.ts";

let nextVersion = 0;

/** Candidates that a test changes at will. All are open, free and idle at first. */
export class TestCandidates implements Candidates {
  readonly weights: number[];
  readonly fullWeights: number[];
  readonly relays: number[];
  readonly isClosed: boolean[];
  readonly isFull: boolean[];
  isRetry = false;
  /** Changes with each change, and differs between objects: balancers outlive them in tests. */
  version = nextVersion++;
  /** How many names were read: each one once when a table is built. */
  namesRead = 0;
  /** How many reads there were in all. */
  reads = 0;

  constructor(
    weights: readonly number[],
    readonly names: readonly string[] = weights.map((_, index) => `10.0.0.${index}:6379`),
  ) {
    this.weights = this.watched([...weights]);
    this.fullWeights = this.watched([...weights]);
    this.isClosed = this.watched(weights.map(() => false));
    this.relays = weights.map(() => 0);
    this.isFull = weights.map(() => false);
  }

  get count(): number {
    return this.weights.length;
  }

  get indices(): number[] {
    return [...this.weights.keys()];
  }

  weight(index: number): number {
    this.reads++;
    return this.weights[index] ?? 0;
  }

  fullWeight(index: number): number {
    this.reads++;
    return this.fullWeights[index] ?? 0;
  }

  running(index: number): number {
    this.reads++;
    return this.relays[index] ?? 0;
  }

  isOpen(index: number): boolean {
    this.reads++;
    return this.isClosed[index] === false;
  }

  isFree(index: number): boolean {
    this.reads++;
    return this.isFull[index] === false;
  }

  name(index: number): string {
    this.reads++;
    this.namesRead++;
    return this.names[index] ?? "";
  }

  /** The weight of an upstream that can be chosen; otherwise 0. */
  eligible(index: number): number {
    return this.isOpen(index) && this.isFree(index) ? this.weight(index) : 0;
  }

  add(index: number, relays: number): void {
    this.relays[index] = this.running(index) + relays;
  }

  /** A list that makes a new version when it changes. */
  private watched<T>(list: T[]): T[] {
    return new Proxy(list, {
      set: (target, key, value) => {
        this.version = nextVersion++;
        return Reflect.set(target, key, value);
      },
    });
  }
}

/** A sequence that is the same in each run, 0 ≤ x < 1 (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How often each index was chosen. */
export function tally(count: number, choices: number, choose: (turn: number) => number): number[] {
  const counts = Array.from({ length: count }, () => 0);
  for (let turn = 0; turn < choices; turn++) {
    const index = choose(turn);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

/**
 * How far counts are from what weights promise: Pearson's chi-squared over the value that chance
 * exceeds once in a million times. Below 1 is fine.
 */
export function misfit(counts: readonly number[], weights: readonly number[]): number {
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  const [choices, totalWeight] = [sum(counts), sum(weights)];
  let chiSquared = 0;
  let freedom = -1;
  for (const [index, weight] of weights.entries()) {
    const count = counts[index] ?? 0;
    const expected = (choices * weight) / totalWeight;
    if (weight > 0) freedom++;
    if (weight === 0 && count > 0) return Number.POSITIVE_INFINITY;
    if (weight > 0) chiSquared += (count - expected) ** 2 / expected;
  }
  // Wilson and Hilferty's approximation; 4.75 standard deviations are one in a million.
  const spread = 2 / (9 * freedom);
  return chiSquared / (freedom * (1 - spread + 4.75 * Math.sqrt(spread)) ** 3);
}
