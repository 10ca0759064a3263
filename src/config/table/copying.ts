import { type Address, parseAddress } from "../../base/address.ts";
import { parseSize } from "../../base/quantity.ts";
import { refuse, scalar, tight } from "../rule.ts";
import { addressBy, count, onOff, sizeBy } from "./kind.ts";
import { perListener } from "./setting.ts";

const KIB = 1024;
const BUFFER_MIN = 4 * KIB;
const BUFFER_MAX = 16 * KIB * KIB;

/** Who gets a copy of what upstreams get. */
export const copying = {
  mirror: perListener({
    is: addressBy(mirror),
    about: "Also copy what upstreams get to this address.",
    more: "Its answers are thrown away, and no relay waits for it. With none, a listener does not use the one at the top.",
    initial: "none",
    at: "mirror.address",
  }),
  mirrorBuffer: perListener({
    is: { ...sizeBy(mirrorBuffer), range: `${tight(BUFFER_MIN)}…${tight(BUFFER_MAX)}` },
    about: "How much of a relay may wait for the mirror. If more waits, the copy is given up.",
    initial: "1MiB",
    at: "mirror.bufferSize",
  }),
  mirrorPercent: perListener({
    is: count(1, 100),
    about: "The percentage of relays that are copied, chosen at random.",
    initial: 100,
    at: "mirror.percent",
  }),
  mirrorPlainText: perListener({
    is: onOff,
    about: "Also copy what clients send by TLS that ends here.",
    more: "The mirror gets it as plain text. Without this, such relays are not copied.",
    initial: false,
    at: "mirror.plainText",
  }),
};

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
