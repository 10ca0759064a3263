import type { Mask } from "./mask.ts";

/** Most bytes of an answer that a detail shows. */
const SHOWN_BYTES_MAX = 60;
/** Bytes that are searched for secrets: more than enough for one that straddles that limit. */
const LOOKED_AT_BYTES_MAX = 4_096;

/**
 * The beginning of an answer as a detail shows it: its first line in quotes, at most 60 bytes, with
 * everything but printable ASCII as `\xHH`. An upstream may send anything, and details get into
 * logs and pages.
 *
 * @param mask removes the check's secrets before the text is cut
 */
export function shown(received: Uint8Array, mask: Mask): string {
  const answer = mask.over(received.subarray(0, LOOKED_AT_BYTES_MAX));
  let text = "";
  let index = 0;
  for (; index < answer.length && index < SHOWN_BYTES_MAX; index++) {
    const byte = answer[index] as number;
    if (byte === 0x0a || (byte === 0x0d && answer[index + 1] === 0x0a)) break;
    const isPrintable = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
    text += isPrintable ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `"${text}${index === SHOWN_BYTES_MAX && answer.length > index ? "…" : ""}"`;
}

/** The same for text that is known to be one line. */
export function shownText(text: string, mask: Mask): string {
  return shown(Buffer.from(text, "latin1"), mask);
}
