/** The result of a check. */
export interface Verdict {
  readonly ok: boolean;
  /** A few printable words. */
  readonly detail: string;
}

/**
 * What a check does next: send these bytes and be asked again, wait for more of the answer and say
 * what for, or finish.
 */
export type Move = { readonly send: Uint8Array } | { readonly awaits: string } | Verdict;

/**
 * What one check says to an upstream. Pure: it knows no socket and no clock.
 *
 * `next` is called once the connection is open, after each `send`, whenever more has arrived, and
 * when the upstream ends the connection.
 */
export interface Conversation {
  /**
   * How to close the connection. RST leaves nothing behind in either system; FIN is for upstreams
   * that log a reset as an error.
   */
  readonly farewell: "reset" | "fin";

  /** @param answer everything received so far, at most 64 KiB; valid until it returns */
  next(answer: Uint8Array): Move;
}

/** The next complete line, without its line end, and where the following one begins. */
export function lineAt(answer: Uint8Array, from: number): { line: string; next: number } | null {
  const end = answer.indexOf(0x0a, from);
  if (end === -1) return null;
  const last = end > from && answer[end - 1] === 0x0d ? end - 1 : end;
  return { line: Buffer.from(answer.subarray(from, last)).toString("latin1"), next: end + 1 };
}
