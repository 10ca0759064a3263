/**
 * The settings whose values no message repeats, nor any document, statistic or plan: whoever reads
 * those need not know them. Their rules are made by `secret`; a test puts a secret into each of them
 * in every broken way.
 *
 * `checkTlsKey`, `tlsKey` and `upstreamTlsKey` are paths of files, which may be told; the key itself in its place may not.
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

/** As somebody may spell them: `admin-token`, `ADMIN_TOKEN`. */
const spelled = secretKeys.map((key) => key.replaceAll(/[A-Z]/g, "[-_ ]?$&")).join("|");
const NAMED = new RegExp(`(${spelled})[^]+`, "i");

/** A text or a key without what stands behind the name of a secret, as that may be the secret itself. */
export function withoutNamed(text: string): string {
  return text.replace(NAMED, "$1***");
}
