import { ipKind } from "../base/ip.ts";
import { refuse } from "./rule.ts";

const EXPECTED =
  "an address of this machine such as 10.0.0.5, or two, one of IPv4 and one of IPv6, or none";

/** What dials come from: literal addresses, at most one of each family; none for whatever the system picks. */
export function sourceAddresses(value: unknown): readonly string[] {
  if (value === "none") return [];
  const texts: unknown = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(texts) || texts.length === 0) return refuse(value, EXPECTED);
  const hosts = texts.map((text) => (typeof text === "string" ? text.trim() : ""));
  const kinds = hosts.map(ipKind);
  if (kinds.includes(0) || new Set(kinds).size < kinds.length) return refuse(value, EXPECTED);
  // All addresses are none.
  if (hosts.some((host) => /^[0.:]+$/.test(host))) return refuse(value, EXPECTED);
  return hosts;
}

const MAPPED = /^::ffff:(?=\d+\.)/i;

/**
 * What a dial to this host comes from.
 *
 * @param host a literal
 * @returns a literal of the same family; undefined for whatever the system picks
 */
export function sourceFor(sources: readonly string[], host: string): string | undefined {
  // Almost nobody has any.
  if (sources.length === 0) return undefined;
  const isMapped = MAPPED.test(host);
  const isPlain = !host.includes(":");
  const found = sources.find((one) => one.includes(":") === !(isPlain || isMapped));
  return found !== undefined && isMapped ? `::ffff:${found}` : found;
}
