/** One micro-benchmark: something hot, many times over. */
export interface Micro {
  readonly name: string;
  /**
   * Does it `count` times.
   *
   * @returns a number that depends on everything done, so that nothing of it can be left out; the
   *   same for the same count
   */
  run(count: number): number;
  /** What `run(SMOKE_COUNT)` returns. */
  readonly expected: number;
}

/** Operations of the smoke form, which only proves that the right thing is done. */
export const SMOKE_COUNT = 1_000;
/** Operations that are measured together, so that calling `run` itself costs nothing. */
export const FULL_COUNT = 10_000;
