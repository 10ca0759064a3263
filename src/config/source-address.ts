import { ipKind } from "../base/ip.ts";
import { refuse } from "./rule.ts";

const EXPECTED =
  "an address of this machine such as 10.0.0.5, or two, one of IPv4 and one of IPv6, or none";

/** The addresses to dial from: at most one literal of each family; empty to let the system pick. */
export function sourceAddresses(value: unknown): readonly string[] {
  if (value === "none") return [];
  const texts: unknown = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(texts) || texts.length === 0) return refuse(value, EXPECTED);
  const hosts = texts.map((text) => (typeof text === "string" ? text.trim() : ""));
  const kinds = hosts.map(ipKind);
  if (kinds.includes(0) || new Set(kinds).size < kinds.length) return refuse(value, EXPECTED);
  // 0.0.0.0 and :: are no addresses to dial from.
  if (hosts.some((host) => /^[0.:]+$/.test(host))) return refuse(value, EXPECTED);
  return hosts;
}

const MAPPED = /^::ffff:(?=\d+\.)/i;

/**
 * The address from which to dial a host.
 *
 * @param host a literal
 * @returns a literal of the same family; undefined to let the system pick
 */
export function sourceFor(sources: readonly string[], host: string): string | undefined {
  if (sources.length === 0) return undefined;
  const isMapped = MAPPED.test(host);
  const isPlain = !host.includes(":");
  const found = sources.find((one) => one.includes(":") === !(isPlain || isMapped));
  return found !== undefined && isMapped ? `::ffff:${found}` : found;
}
