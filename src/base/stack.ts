/** The most failures of a clean-up to list; more are only counted. */
const LISTED_MAX = 5;

/** An error with its stack, as a text that can be sent to another thread. */
export function stackOf(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } catch {
    // Anything may be thrown, even a value that has no text.
    return "an error that cannot be told";
  }
}

/** A defect, and what went wrong in the clean-up after it. */
export function defectText(error: unknown, failures: readonly unknown[]): string {
  const shown = failures.slice(0, LISTED_MAX).map((one) => `in its clean-up: ${stackOf(one)}`);
  const more = failures.length - shown.length;
  if (more > 0) shown.push(`and ${more} more failures of its clean-up`);
  return [stackOf(error), ...shown].join("\n");
}
