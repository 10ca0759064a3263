/** One step of a clean-up. */
export type Step = () => void;

/**
 * Cleans up: runs every step in order, whatever earlier steps throw. Callers put kernel resources
 * first and reports last.
 *
 * @returns what steps have thrown; empty if all went well. The caller must report it
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

/** The same step for each item. */
export function* forEach<T>(items: () => Iterable<T>, step: (item: T) => void): Iterable<Step> {
  let all: readonly T[] = [];
  // A copy, because a step may change the collection.
  yield () => {
    all = [...items()];
  };
  for (const item of all) yield () => step(item);
}

/** An asynchronous step. */
export type LaterStep = () => void | Promise<void>;

/** {@link cleanUp} for asynchronous steps, one after the other. */
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

/** {@link cleanUp} for callers that cannot report: throws after all steps what they have thrown. */
export function cleanUpOrThrow(steps: Iterable<Step>): void {
  throwAny(cleanUp(steps));
}

/** Throws what steps have thrown, if anything; several failures as one AggregateError. */
export function throwAny(failures: readonly unknown[]): void {
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "several steps of a clean-up failed");
}
