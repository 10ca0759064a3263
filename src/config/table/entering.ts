import { formatDuration, parseDuration, parseSize } from "../../base/quantity.ts";
import { formatNetwork, type Network, parseNetwork } from "../../entry/access/networks.ts";
import type { ProxyProtocolIn, ProxyProtocolOut } from "../../entry/proxy-protocol/header.ts";
import { nameRoutes, nameRoutesText } from "../name-routes.ts";
import { isWord, refuse, scalar } from "../rule.ts";
import {
  byteRateBy,
  count,
  duration,
  joined,
  type Kind,
  numberOrOffBy,
  numberText,
  tablesOrText,
  textOrTexts,
  textsBy,
  word,
} from "./kind.ts";
import { perListener, perProxy, perUpstream } from "./setting.ts";

const HOUR_MS = 3_600_000;
const MILLION = 1_000_000;
const KIB = 1024;
const GIB = KIB ** 3;

/** How to turn a client away: RST or FIN at once, or RST after a time in which nothing is read. */
export type Refusal = "reset" | "close" | { readonly tarpitMs: number };

/** Networks, and files that list more of them. */
export interface NetworkList {
  readonly networks: readonly Network[];
  readonly files: readonly string[];
}

/** Networks, or explicitly any client. */
export type Believed = NetworkList | "any";

/** Whether clients send a PROXY header. */
export const headersIn: readonly ProxyProtocolIn[] = ["off", "optional", "required"];
/** Which PROXY header upstreams get. */
export const headersOut: readonly ProxyProtocolOut[] = ["off", "v1", "v2"];
/** What may happen to a client that finds no room. */
export const fullness = ["refuse", "wait"] as const;
const nobody: NetworkList = { networks: [], files: [] };

const networkList = textsBy(networks, "NETS", networksText);
export const perSecond = { ...numberOrOffBy(connectionRate, numberText), range: "0.001…1,000,000" };
const bytesPerSecond = { ...byteRateBy(byteRate), range: "1KiB…1GiB" };

const switched = { anyOf: [{ type: "boolean" }, { type: "string" }] };
const routesForm = tablesOrText({
  names: textOrTexts,
  alpn: textOrTexts,
  plain: switched,
  upstreams: textOrTexts,
  refuse: switched,
  label: { type: "string" },
});

/** What happens to a connection before it is relayed. */
export const entering = {
  allow: perListener({
    is: networkList,
    about: "Admit only clients of these networks, such as 10.0.0.0/8,::1 or file:PATH.",
    more: "Separated by commas, or a list. A file has one per line and is read again at each reload. The most specific network of allow and deny decides.",
    absent: nobody,
    at: "edge.allow",
    examples: { web: ["10.0.0.0/8", "127.0.0.1"] },
  }),
  deny: perListener({
    is: networkList,
    about: "Do not admit clients of these networks.",
    absent: nobody,
    at: "edge.deny",
    examples: { web: "10.66.0.0/16" },
  }),
  maxRelays: perListener({
    is: count(0, 10 * MILLION),
    about: "The most relays at once; 0 for any number.",
    more: "Counted for all workers together.",
    initial: 0,
    at: "edge.maxRelays",
  }),
  totalRelays: perProxy({
    is: count(0, 10 * MILLION),
    about: "The most relays of all listeners together at once; 0 for any number.",
    initial: 0,
    at: "totalRelays",
  }),
  whenFull: perListener({
    is: word(fullness, "WHAT"),
    about: "What happens to a client that connects when the limit is reached.",
    more: "Clients wait in order, at most queueSize for each worker. A sink always refuses.",
    initial: "refuse",
    at: "edge.whenFull",
  }),
  fullTimeout: perListener({
    is: duration("1ms…1h"),
    about: "The longest time that such a client waits.",
    initial: "30s",
    at: "edge.fullTimeoutMs",
  }),
  maxRelaysPerClient: perListener({
    is: count(0, MILLION),
    about: "The most relays of one client at once; 0 for any number.",
    more: "A client is an IPv4 address or an IPv6 /64.",
    initial: 0,
    at: "edge.maxRelaysPerClient",
  }),
  clientRate: perListener({
    is: perSecond,
    about: "Connections per second of one client in the long run.",
    initial: "off",
    at: "edge.clientRate",
    examples: { mail: 5 },
  }),
  clientBurst: perListener({
    is: count(1, MILLION),
    about: "How many connections a client may open at once after a rest.",
    initial: 20,
    at: "edge.clientBurst",
    needs: "clientRate",
    examples: { mail: 20 },
  }),
  maxRelaysPerNetwork: perListener({
    is: count(0, MILLION),
    about: "The most relays of one network at once (IPv4: a /24, IPv6: a /48); 0 for any number.",
    initial: 0,
    at: "edge.maxRelaysPerNetwork",
  }),
  networkRate: perListener({
    is: perSecond,
    about: "Connections per second of such a network in the long run.",
    initial: "off",
    at: "edge.networkRate",
    examples: { mail: 50 },
  }),
  networkBurst: perListener({
    is: count(1, MILLION),
    about: "How many connections a network may open at once after a rest.",
    initial: 100,
    at: "edge.networkBurst",
    needs: "networkRate",
    examples: { mail: 200 },
  }),
  upRate: perListener({
    is: bytesPerSecond,
    about: "Bytes per second that each relay carries from its client.",
    more: "After a rest, a quarter of a second's worth passes at once (16KiB…4MiB), the rest evenly. While a client sends more than that, ringway does not read from it, and no timeout counts that time.",
    initial: "off",
    at: "edge.upRate",
  }),
  downRate: perListener({
    is: bytesPerSecond,
    about: "Bytes per second that each relay carries to its client.",
    initial: "off",
    at: "edge.downRate",
  }),
  refuse: perListener({
    is: refusing(),
    about: "How to turn away clients that are not admitted.",
    more: "reset sends RST, close sends FIN. A time reads nothing for that long, then resets; earlier if the client ends its connection or descriptors become scarce.",
    initial: "reset",
    at: "edge.refusal",
  }),
  proxyProtocol: perListener({
    is: word(headersIn, "WHEN"),
    about: "Whether clients begin with a PROXY header.",
    more: "Networks, limits, the log and hash then use the client that it names.",
    initial: "off",
    at: "edge.proxyProtocol",
    examples: { web: "required", mail: "optional" },
  }),
  proxyProtocolFrom: perListener({
    is: textsBy(believed, "NETS", (from) => (from === "any" ? from : networksText(from))),
    about: "Networks whose PROXY headers are trusted, file:PATH, or any.",
    more: "No other client may begin with one. Needed with optional. With required it defaults to any, with a warning.",
    absent: nobody,
    at: "edge.proxyProtocolFrom",
    examples: { mail: "10.0.0.1" },
  }),
  preambleTimeout: perListener({
    is: duration("10ms…1h"),
    about: "The PROXY header must arrive within this time.",
    more: "If headers are optional, a client that sends nothing counts as one without a header. At most an eighth of a worker's descriptors, 16 to 1,024, wait for their header at a listener. When one more comes, the oldest is refused if it has been silent for a second (preamble_full).",
    initial: "5s",
    at: "edge.preambleTimeoutMs",
  }),
  routes: perListener({
    is: {
      rule: nameRoutes,
      form: routesForm,
      type: 'string | readonly NameRouteConfig[] | "off" | false',
      hint: "ROUTES",
      show: nameRoutesText,
    },
    about: "Choose among the upstreams by the host name and protocols that a TLS client asks for.",
    more: "TLS is not ended: ringway reads the ClientHello (SNI, ALPN) and passes it on. Routes are tables, or a text such as a.test=10.0.0.1:443,*.b.test+alpn:h2=10.0.0.2:443,plain=10.0.0.3:80,default=refuse. Exact names go before wildcards, those before protocols alone (alpn), those before the default, which has none of them. plain is for clients without TLS. A client without a route is refused with an alert (tls_no_route).",
    initial: "off",
    at: "routes",
    examples: { web: "a.example.org=web1:80,plain=web2:80,default=refuse" },
  }),
  helloTimeout: perListener({
    is: duration("10ms…1h"),
    about: "The ClientHello must be complete within this time.",
    more: "A client that has said nothing by then counts as one without TLS if a route has plain.",
    initial: "5s",
    at: "edge.helloTimeoutMs",
    needs: "routes",
    examples: { web: "5s" },
  }),
  sendProxyProtocol: perListener({
    is: word(headersOut, "VERSION"),
    about: "Begin connections to upstreams with a PROXY header.",
    more: "v2 has a checksum, a unique id, what else the client's own header had, and where routes are, the host name of the ClientHello, and its protocol if that is the only one.",
    initial: "off",
    at: "edge.sendProxyProtocol",
  }),
};

/** The PROXY header that one upstream gets. */
export const ownEntering = {
  sendProxyProtocol: perUpstream({
    is: word(headersOut, "VERSION"),
    about: "Begin connections to it with a PROXY header.",
    more: "By default, as its listener.",
    examples: { cache2: "v2" },
  }),
};

function believed(value: unknown): Believed {
  return value === "any" ? value : networks(value);
}

/** Networks separated by commas or in a list; one that begins with `file:` is a file of them. */
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

function networksText({ networks, files }: NetworkList): string {
  return joined([...networks.map(formatNetwork), ...files.map((file) => `file:${file}`)]);
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

function refusing(): Kind<Refusal> {
  return {
    rule: refusal,
    form: { anyOf: [{ type: "number", minimum: 0 }, { type: "string" }] },
    type: 'Duration | "reset" | "close"',
    hint: "HOW",
    range: "reset, close or a time of 100ms…1h",
    show: (refusal) => (typeof refusal === "string" ? refusal : formatDuration(refusal.tarpitMs)),
  };
}

function refusal(value: unknown): Refusal {
  if (value === "reset" || value === "close") return value;
  const expected = "reset, close or a time of 100ms…1h";
  if (isWord(value)) return refuse(value, expected, ["reset", "close"]);
  const tarpitMs = parseDuration(scalar(value));
  if (tarpitMs >= 100 && tarpitMs <= HOUR_MS) return { tarpitMs };
  return refuse(value, expected);
}
