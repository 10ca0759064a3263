/*
 * IP addresses as text. node:net's isIP could do a part of it, but loading that module adds 15 ms
 * to every start. Bun's URL refuses some addresses (`::1:2:3:4:1.2.3.4`).
 */

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** An IPv6 address, perhaps with the interface of a link-local one. */
const ZONED = /^([^%]*)(?:%[\da-z.:-]+)?$/i;

/**
 * The kind of an IP address: 4, 6 (perhaps with an interface, `fe80::1%eth0`), or 0 for other text.
 */
export function ipKind(text: string): 0 | 4 | 6 {
  if (IPV4.test(text)) return 4;
  return isIPv6(text) ? 6 : 0;
}

/** Whether a text is an IPv6 address, perhaps with an interface. */
export function isIPv6(text: string): boolean {
  // A long text that cannot be an address must not cost time.
  if (text.length > 100 || !text.includes(":")) return false;
  const literal = ZONED.exec(text)?.[1];
  return literal !== undefined && parseIPv6(literal) !== null;
}

/** The four bytes of an IPv4 address; null for other text. */
export function parseIPv4(text: string): number[] | null {
  return IPV4.test(text) ? text.split(".").map(Number) : null;
}

/** The eight numbers of an IPv6 address without an interface; null for other text. */
export function parseIPv6(text: string): number[] | null {
  const halves = text.split("::");
  const [first = "", second] = halves;
  if (halves.length > 2) return null;
  const front = groupsOf(first, second === undefined);
  const back = groupsOf(second ?? "", true);
  if (front === null || back === null) return null;
  const missing = 8 - front.length - back.length;
  if (second === undefined ? missing !== 0 : missing < 1) return null;
  return [...front, ...Array<number>(missing).fill(0), ...back];
}

/** An IPv6 address as in RFC 5952: in lower case, without the longest run of zeros. */
export function formatIPv6(groups: readonly number[]): string {
  const zeros = longestZeros(groups);
  const text = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  if (zeros.length < 2) return text(0, groups.length);
  return `${text(0, zeros.at)}::${text(zeros.at + zeros.length, groups.length)}`;
}

/** @param dotted the last two may be written as an IPv4 address */
function groupsOf(text: string, dotted: boolean): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const bytes = dotted && index === parts.length - 1 ? parseIPv4(part) : null;
    if (bytes !== null) {
      const [a = 0, b = 0, c = 0, d = 0] = bytes;
      groups.push((a << 8) | b, (c << 8) | d);
    } else if (/^[\da-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return null;
    }
  }
  return groups;
}

function longestZeros(groups: readonly number[]): { at: number; length: number } {
  let longest = { at: 0, length: 0 };
  let length = 0;
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > longest.length) longest = { at: index - length + 1, length };
  }
  return longest;
}
