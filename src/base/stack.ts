/** Failures of a clean-up that are told one by one; of more there is a number. */
const LISTED_MAX = 5;

/** An error with its stack, as a text that can be told to another thread. */
export function stackOf(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } catch {
    // Somebody may throw anything, also what cannot be made a text.
    return "an error that cannot be told";
  }
}

/** A defect, and what has gone wrong when everything was let go because of it. */
export function defectText(error: unknown, failures: readonly unknown[]): string {
  const shown = failures.slice(0, LISTED_MAX).map((one) => `in its clean-up: ${stackOf(one)}`);
  const more = failures.length - shown.length;
  if (more > 0) shown.push(`and ${more} more failures of its clean-up`);
  return [stackOf(error), ...shown].join("\n");
}
