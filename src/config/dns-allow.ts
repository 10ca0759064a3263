import { describe } from "../base/error.ts";
import { ipKind } from "../base/ip.ts";
import { plainHost } from "../base/reach.ts";
import { holds } from "../entry/access/network.ts";
import { formatNetwork, type Network, parseNetwork } from "../entry/access/networks.ts";
import { refuse } from "./rule.ts";

/** Where DNS may send relays: a network, and the ports that services may name. */
export interface DnsNetwork {
  readonly network: Network;
  /** The first and the last port; null for any. */
  readonly ports: readonly [number, number] | null;
}

/** The most networks in a list. */
const NETWORKS_MAX = 1_024;
/** The most characters of one; no valid one is this long. */
const TEXT_MAX = 100;
const PORT_MAX = 65_535;
const EXPECTED =
  "networks such as 10.0.0.0/8, 10.0.0.0/8:6379 or [fd00::/8]:6379-6389, or any alone";

/**
 * The networks and ports that DNS may answer with: a list, or a text with commas; empty for any.
 */
export function dnsAllow(value: unknown): readonly DnsNetwork[] {
  const texts: unknown = typeof value === "string" ? value.split(",") : value;
  if (Bun.deepEquals(texts, ["any"])) return [];
  if (!Array.isArray(texts) || texts.length === 0) return refuse(value, EXPECTED);
  if (texts.length > NETWORKS_MAX) return refuse(value, `up to ${NETWORKS_MAX} networks`);
  return texts.map((text) => parseOne(typeof text === "string" ? text.trim() : text));
}

/** A network as a person would write it. */
export function formatDnsNetwork({ network, ports }: DnsNetwork): string {
  const text = formatNetwork(network);
  if (ports === null) return text;
  const [from, to] = ports;
  const range = from === to ? `${from}` : `${from}-${to}`;
  return text.includes(":") ? `[${text}]:${range}` : `${text}:${range}`;
}

/**
 * Whether one of the networks contains this address and port.
 *
 * @param host a literal; null if it is not known yet
 * @param port null if DNS did not choose it
 */
export function isAllowed(
  networks: readonly DnsNetwork[],
  host: string | null,
  port: number | null,
): boolean {
  const address = host === null ? null : parseNetwork(plainHost(host).split("%")[0] ?? "");
  return networks.some(({ network, ports }) => {
    if (port !== null && ports !== null && (port < ports[0] || port > ports[1])) return false;
    return address === null || holds(network, address);
  });
}

function parseOne(text: unknown): DnsNetwork {
  if (typeof text !== "string" || text.length > TEXT_MAX) return refuse(text, EXPECTED);
  // Without brackets, an IPv6 network has no ports: every colon belongs to it.
  const isBare = text.indexOf(":") !== text.lastIndexOf(":") && !text.startsWith("[");
  const [, bracketed, plain, first, last] = isBare ? ["", "", text] : (PARTS.exec(text) ?? []);
  const network = bracketed || plain || "";
  if (ipKind(network.split("/")[0] ?? "") === 0) return refuse(text, EXPECTED);
  const ports = first === undefined ? null : portsOf(text, first, last ?? first);
  return { network: parseNetwork(network), ports };
}

/** `[fd00::/8]` or `10.0.0.0/8`, then perhaps `:7` or `:7-9`. */
const PARTS = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5})(?:-(\d{1,5}))?)?$/;

function portsOf(text: string, first: string, last: string): readonly [number, number] {
  const [from, to] = [Number(first), Number(last)];
  if (from >= 1 && from <= to && to <= PORT_MAX) return [from, to];
  return refuse(
    text,
    `ports of 1…${PORT_MAX}, the lower one first, not ${describe(`${first}-${last}`)}`,
  );
}
