import type { StartTls } from "./client-options.ts";

/**
 * Postgres' request for TLS, eight bytes: their own length, and a number in the place of a version.
 *
 * Source: PostgreSQL, Frontend/Backend Protocol, SSL Session Encryption.
 */
export const POSTGRES_TLS_REQUEST = Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f);

const NOTHING = new Uint8Array(0);

/** What asks for TLS, in plain; empty if nothing does. */
export function requestFor(startTls: StartTls): Uint8Array {
  return startTls === "postgres" ? POSTGRES_TLS_REQUEST : NOTHING;
}

/** Why TLS may not begin after an answer to Postgres' request; null if it may. @param answer at least a byte */
export function refusalOfTls(answer: Uint8Array): string | null {
  const [first] = answer;
  // Plain text after the S would pass for what the server says by TLS.
  if (answer.length > 1) return "it sent more than an answer to the request for TLS";
  if (first === 0x53) return null;
  return first === 0x4e ? "it has no TLS" : "it does not know the request for TLS";
}
