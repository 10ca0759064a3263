import { type Network, parseNetwork } from "../edge/access/networks.ts";
import type { EdgeOptions, ProxyProtocolIn, ProxyProtocolOut, Refusal } from "./options.ts";
import { parseDuration, parseSize } from "./quantity.ts";
import { count, duration, isWord, refuse, scalar, type ValuesOf, word } from "./rule.ts";
import type { Problems, Sources } from "./sourced.ts";

const HOUR_MS = 3_600_000;
const MILLION = 1_000_000;
const KIB = 1024;
const GIB = KIB ** 3;

/** Networks, and files that have more of them. */
export interface NetworkList {
  readonly networks: readonly Network[];
  readonly files: readonly string[];
}

/** Networks, or explicitly whoever connects. */
export type Believed = NetworkList | "any";

const headersIn: readonly ProxyProtocolIn[] = ["off", "optional", "required"];
const headersOut: readonly ProxyProtocolOut[] = ["off", "v1", "v2"];

const fullness = ["refuse", "wait"] as const;

/** The rules of what happens to a connection before it is relayed. */
export const edgeRules = {
  allow: networks,
  deny: networks,
  maxRelays: count(0, 10 * MILLION),
  whenFull: word(fullness),
  fullTimeout: duration(1, HOUR_MS, "1ms…1h"),
  maxRelaysPerClient: count(0, MILLION),
  clientRate: connectionRate,
  clientBurst: count(1, MILLION),
  maxRelaysPerNetwork: count(0, MILLION),
  networkRate: connectionRate,
  networkBurst: count(1, MILLION),
  upRate: byteRate,
  downRate: byteRate,
  refuse: refusal,
  proxyProtocol: word(headersIn),
  proxyProtocolFrom: believed,
  preambleTimeout: duration(10, HOUR_MS, "10ms…1h"),
  sendProxyProtocol: word(headersOut),
};

export const edgeWords = {
  whenFull: fullness,
  proxyProtocol: headersIn,
  sendProxyProtocol: headersOut,
} as const;

/** What the rules make of these settings. */
export type EdgeValues = ValuesOf<typeof edgeRules>;

const nobody: NetworkList = { networks: [], files: [] };

/** What there is at the edge unless something else is given: everybody may come in. */
export const edgeDefaults: EdgeOptions = {
  allow: nobody,
  deny: nobody,
  maxRelays: 0,
  whenFull: "refuse",
  fullTimeoutMs: 30_000,
  maxRelaysPerClient: 0,
  clientRate: 0,
  clientBurst: 20,
  maxRelaysPerNetwork: 0,
  networkRate: 0,
  networkBurst: 100,
  upRate: 0,
  downRate: 0,
  refusal: "reset",
  proxyProtocol: "off",
  proxyProtocolFrom: nobody,
  preambleTimeoutMs: 5_000,
  sendProxyProtocol: "off",
};

/** Puts together what was given of the edge, and tells what cannot be together. */
export function edgeOf(given: Sources<EdgeValues>, problems: Problems): EdgeOptions {
  const { proxyProtocol, proxyProtocolFrom: from, clientRate, clientBurst } = given;
  const { networkRate, networkBurst } = given;
  if (proxyProtocol?.value === "optional" && isNobody(from?.value ?? nobody)) {
    const why = "needs proxyProtocolFrom: anybody else could say to be who they like";
    problems.add(proxyProtocol, why);
  }
  if (from !== undefined && (proxyProtocol?.value ?? "off") === "off") {
    problems.add(from, "needs proxyProtocol optional or required");
  }
  if (clientBurst !== undefined && (clientRate?.value ?? 0) === 0) {
    problems.add(clientBurst, "needs clientRate");
  }
  if (networkBurst !== undefined && (networkRate?.value ?? 0) === 0) {
    problems.add(networkBurst, "needs networkRate");
  }
  return {
    allow: given.allow?.value ?? edgeDefaults.allow,
    deny: given.deny?.value ?? edgeDefaults.deny,
    maxRelays: given.maxRelays?.value ?? edgeDefaults.maxRelays,
    whenFull: given.whenFull?.value ?? edgeDefaults.whenFull,
    fullTimeoutMs: given.fullTimeout?.value ?? edgeDefaults.fullTimeoutMs,
    maxRelaysPerClient: given.maxRelaysPerClient?.value ?? edgeDefaults.maxRelaysPerClient,
    clientRate: clientRate?.value ?? edgeDefaults.clientRate,
    clientBurst: clientBurst?.value ?? edgeDefaults.clientBurst,
    maxRelaysPerNetwork: given.maxRelaysPerNetwork?.value ?? edgeDefaults.maxRelaysPerNetwork,
    networkRate: networkRate?.value ?? edgeDefaults.networkRate,
    networkBurst: networkBurst?.value ?? edgeDefaults.networkBurst,
    upRate: given.upRate?.value ?? edgeDefaults.upRate,
    downRate: given.downRate?.value ?? edgeDefaults.downRate,
    refusal: given.refuse?.value ?? edgeDefaults.refusal,
    proxyProtocol: proxyProtocol?.value ?? edgeDefaults.proxyProtocol,
    proxyProtocolFrom: from?.value ?? edgeDefaults.proxyProtocolFrom,
    preambleTimeoutMs: given.preambleTimeout?.value ?? edgeDefaults.preambleTimeoutMs,
    sendProxyProtocol: given.sendProxyProtocol?.value ?? edgeDefaults.sendProxyProtocol,
  };
}

/** Whether a list has nothing. */
export function isNobody(list: Believed): boolean {
  return list !== "any" && list.networks.length + list.files.length === 0;
}

function believed(value: unknown): Believed {
  return value === "any" ? value : networks(value);
}

/** Networks apart by commas or in a list; one that begins with `file:` is a file of them. */
function networks(value: unknown): NetworkList {
  const items: readonly unknown[] = typeof value === "string" ? value.split(",") : asList(value);
  const list = { networks: [] as Network[], files: [] as string[] };
  for (const item of items) {
    const text = typeof item === "string" ? item.trim() : item;
    if (typeof text !== "string" || text === "") return refuse(text, "a network or file:PATH");
    if (text.startsWith("file:")) list.files.push(text.slice("file:".length));
    else list.networks.push(parseNetwork(text));
  }
  return list;
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(value, "networks such as 10.0.0.0/8, or file:PATH");
}

/** Connections per second; 0 for any number. */
function connectionRate(value: unknown): number {
  if (value === "off" || value === false) return 0;
  const rate = Number(scalar(value));
  if (rate >= 0.001 && rate <= MILLION) return rate;
  return refuse(value, "connections per second, 0.001…1,000,000, or off", ["off"]);
}

/** Bytes per second; 0 for any number. */
function byteRate(value: unknown): number {
  if (value === "off" || value === false) return 0;
  const expected = "bytes per second, 1KiB…1GiB, or off";
  if (isWord(value)) return refuse(value, expected, ["off"]);
  const rate = parseSize(scalar(value));
  return rate >= KIB && rate <= GIB ? rate : refuse(value, expected);
}

/** How it is refused: at once, or after a time in which nothing is read. */
function refusal(value: unknown): Refusal {
  if (value === "reset" || value === "close") return value;
  const expected = "reset, close or a time of 100ms…1h to let wait";
  if (isWord(value)) return refuse(value, expected, ["reset", "close"]);
  const tarpitMs = parseDuration(scalar(value));
  if (tarpitMs >= 100 && tarpitMs <= HOUR_MS) return { tarpitMs };
  return refuse(value, expected);
}
