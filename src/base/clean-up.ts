/** One step of a clean-up. */
export type Step = () => void;

/**
 * Cleans up: takes every step, in their order, whatever those before it have thrown. What takes no call
 * of ours to go wrong, and holds somebody up, comes first (what the kernel has), telling last.
 *
 * @returns what steps have thrown; empty when all went well. Who calls this has to tell of it
 */
export function cleanUp(steps: Iterable<Step>): unknown[] {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (failure) {
      failures.push(failure);
    }
  }
  return failures;
}

/** The same step for each of these, which are looked at when it is their turn. */
export function* forEach<T>(items: () => Iterable<T>, step: (item: T) => void): Iterable<Step> {
  let all: readonly T[] = [];
  // They change meanwhile.
  yield () => {
    all = [...items()];
  };
  for (const item of all) yield () => step(item);
}

/** A step that may take its time. */
export type LaterStep = () => void | Promise<void>;

/** The same for such steps, one after the other. */
export async function cleanUpInTurn(steps: Iterable<LaterStep>): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (failure) {
      failures.push(failure);
    }
  }
  return failures;
}

/** The same where there is nobody to be told: what was to be thrown is thrown when all is done. */
export function cleanUpOrThrow(steps: Iterable<Step>): void {
  throwAny(cleanUp(steps));
}

/** Throws what steps have thrown, if anything: several failures as one. */
export function throwAny(failures: readonly unknown[]): void {
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "several steps of a clean-up failed");
}
