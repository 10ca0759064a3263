/**
 * How long and with which seed the model tests run. A failure prints its seed and path:
 *
 *     RINGWAY_FUZZ_SEED=… RINGWAY_FUZZ_PATH=… bun test src/flow/relay.test.ts    replays it
 *     RINGWAY_FUZZ_RUNS=100000 bun test src/flow src/memory                    looks much longer
 *
 * @param runs lives to try, unless the environment says otherwise
 */
export function fuzz(runs: number): { numRuns: number; seed?: number; path?: string } {
  const { RINGWAY_FUZZ_RUNS, RINGWAY_FUZZ_SEED, RINGWAY_FUZZ_PATH } = process.env;
  return {
    numRuns: RINGWAY_FUZZ_RUNS === undefined ? runs : Number(RINGWAY_FUZZ_RUNS),
    ...(RINGWAY_FUZZ_SEED === undefined ? {} : { seed: Number(RINGWAY_FUZZ_SEED) }),
    ...(RINGWAY_FUZZ_PATH === undefined ? {} : { path: RINGWAY_FUZZ_PATH }),
  };
}

/** Milliseconds that one such test may take; more when somebody asked for more runs. */
export const FUZZ_TIMEOUT_MS = process.env.RINGWAY_FUZZ_RUNS ? 86_400_000 : 60_000;

/** A rule of the design was broken: what the code under test did, not what the model did. */
export class RuleBroken extends Error {
  override readonly name = "RuleBroken";
}

/** Says that a rule holds now. */
export function holds(ok: boolean, rule: string): void {
  if (!ok) throw new RuleBroken(rule);
}

/** Brings any natural number into 1…max. */
export function within(n: number, max: number): number {
  return 1 + (n % max);
}
