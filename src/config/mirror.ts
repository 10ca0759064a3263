import { parseAddress } from "./address.ts";
import type { Address, MirrorOptions } from "./options.ts";
import { parseSize } from "./quantity.ts";
import { count, refuse, scalar, tight, type ValuesOf } from "./rule.ts";
import type { Sources } from "./sourced.ts";

const KIB = 1024;
const BUFFER_MIN = 4 * KIB;
const BUFFER_MAX = 16 * KIB * KIB;

/** The rules of who gets a copy of what upstreams get. */
export const mirrorRules = { mirror, mirrorBuffer, mirrorPercent: count(1, 100) };

/** What the rules make of these settings. */
export type MirrorValues = ValuesOf<typeof mirrorRules>;

/** What a mirror has unless something else is given. */
export const mirrorDefaults: Omit<MirrorOptions, "address"> = {
  bufferSize: KIB * KIB,
  percent: 100,
};

/** Puts together what was given; null when nobody gets a copy. */
export function mirrorOf(
  given: Sources<MirrorValues>,
  sources: readonly string[],
): MirrorOptions | null {
  const address = given.mirror?.value ?? "none";
  if (address === "none") return null;
  return {
    address,
    bufferSize: given.mirrorBuffer?.value ?? mirrorDefaults.bufferSize,
    percent: given.mirrorPercent?.value ?? mirrorDefaults.percent,
    ...(sources.length === 0 ? {} : { sourceAddresses: sources }),
  };
}

/** Where copies go. No value of it is null, which stands for one that is broken. */
function mirror(value: unknown): Address | "none" {
  if (value === "none") return "none";
  if (typeof value !== "string") return refuse(value, "an address, or none");
  return parseAddress(value, "upstream");
}

function mirrorBuffer(value: unknown): number {
  const bytes = parseSize(scalar(value));
  if (bytes >= BUFFER_MIN && bytes <= BUFFER_MAX) return bytes;
  return refuse(value, `a size of ${tight(BUFFER_MIN)}…${tight(BUFFER_MAX)}`);
}
