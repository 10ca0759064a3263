/** How a check has ended. */
export interface Verdict {
  readonly ok: boolean;
  /** A few printable words. */
  readonly detail: string;
}

/**
 * What a check does next: sends these bytes and is asked again; waits for more of an answer, and says
 * what for; or is over.
 */
export type Move = { readonly send: Uint8Array } | { readonly awaits: string } | Verdict;

/**
 * What is said to one upstream in one check. Pure: it knows no socket and no clock.
 *
 * `next` is called when the connection is there, after each `send`, whenever more came, and at the
 * upstream's end.
 */
export interface Conversation {
  /**
   * How the connection is closed. RST leaves nothing behind in either system; FIN is for upstreams
   * that log a reset as an error.
   */
  readonly farewell: "reset" | "fin";

  /** @param answer all that came since the beginning, at most 64 KiB; valid until it returns */
  next(answer: Uint8Array): Move;
}

/** The first line that has come whole, without its line end, and where the next one begins. */
export function lineAt(answer: Uint8Array, from: number): { line: string; next: number } | null {
  const end = answer.indexOf(0x0a, from);
  if (end === -1) return null;
  const last = end > from && answer[end - 1] === 0x0d ? end - 1 : end;
  return { line: Buffer.from(answer.subarray(from, last)).toString("latin1"), next: end + 1 };
}
