/**
 * Stops the program when something that the code itself guarantees is not so.
 *
 * For programmer errors only: whatever a client, an upstream, a file or the kernel may do is a value
 * with a reason, never an assertion. Assertions stay on in production: they cost about a nanosecond.
 *
 * @param ok what must be true
 * @param what a literal that says what must be true; never built at run time, so that it is free
 */
export function assert(ok: boolean, what: string): asserts ok {
  if (!ok) throw new AssertionError(what);
}

/** Thrown by {@link assert}: a defect of ringway itself. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}
