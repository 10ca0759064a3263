/**
 * The settings whose values no message, document, statistic or plan repeats. `secret` makes their
 * rules; a test puts a secret into each of them in every broken way.
 *
 * `checkTlsKey`, `tlsKey` and `upstreamTlsKey` are paths of files, which may be shown; a key in
 * their place may not.
 */
export const secretKeys = [
  "adminToken",
  "adminReadToken",
  "checkPassword",
  "checkSend",
  "checkTlsKey",
  "tlsKey",
  "upstreamTlsKey",
] as const;

/** Other spellings: `admin-token`, `ADMIN_TOKEN`. */
const spelled = secretKeys.map((key) => key.replaceAll(/[A-Z]/g, "[-_ ]?$&")).join("|");
const NAMED = new RegExp(`(${spelled})[^]+`, "i");

/** Removes everything after the name of a secret, because that may be the secret itself. */
export function withoutNamed(text: string): string {
  return text.replace(NAMED, "$1***");
}
