import { formatAddress } from "../../base/address.ts";
import { ipKind } from "../../base/ip.ts";
import { formatDuration } from "../../base/quantity.ts";
import { policies } from "../../upstream/balance/balance.ts";
import { type DnsServer, parseServer } from "../../upstream/names/dns-server.ts";
import { dnsTtlDefaults } from "../../upstream/names/dns-ttl.ts";
import { dnsAllow, formatDnsNetwork } from "../dns-allow.ts";
import { refuse, scalar } from "../rule.ts";
import { sourceAddresses } from "../source-address.ts";
import {
  count,
  duration,
  durationOrOff,
  joined,
  numberOrOffBy,
  numberText,
  onOff,
  textsBy,
  word,
} from "./kind.ts";
import { perListener, perProxy } from "./setting.ts";

/** The most DNS servers: each one that is silent costs a timeout. */
const DNS_SERVERS_MAX = 8;

/** How each relay gets its upstream. */
export const choosing = {
  balance: perListener({
    is: word(policies, "POLICY"),
    about: "How an upstream is chosen for each relay.",
    more: "hash chooses by the client's address.",
    initial: "round-robin",
    at: "balance.policy",
  }),
  boundedLoad: perListener({
    is: numberOrOffBy(boundedLoad, (times) => (times === null ? "none" : numberText(times))),
    about: "For hash: skip an upstream whose load exceeds this multiple of its fair share.",
    more: "1…100. 1.25 is usual.",
    initial: "off",
    at: "balance.boundedLoad",
  }),
  backupWhenFull: perListener({
    is: onOff,
    about: "Backups also take the relays for which no other upstream has room (maxRelays).",
    more: "Otherwise those relays wait or are turned away.",
    initial: "off",
    at: "balance.backupWhenFull",
  }),
  tries: perListener({
    is: count(1, 16),
    about: "How many upstreams to dial for one relay until one answers.",
    more: "None is dialled twice.",
    initial: 3,
    at: "dial.tries",
  }),
  retries: perListener({
    is: count(0, 100),
    about: "How many times to start over if none of them answers.",
    initial: 0,
    at: "dial.retries",
  }),
  retryPause: perListener({
    is: duration("1ms…1h"),
    about: "How long to pause before each retry.",
    initial: "1s",
    at: "dial.retryPauseMs",
  }),
  dialBudget: perListener({
    is: durationOrOff("1ms…24h"),
    about: "How long all dials and waits of one relay may take together.",
    initial: "off",
    at: "dial.budgetMs",
  }),
  queueTimeout: perListener({
    is: durationOrOff("1ms…24h"),
    about: "How long a relay waits for room when all upstreams are full.",
    more: "First come, first served.",
    initial: "off",
    at: "dial.queueMs",
  }),
  queueSize: perListener({
    is: count(1, 1_000_000),
    about: "How many relays of one worker may wait for room.",
    initial: 1024,
    at: "dial.queueMax",
  }),
  holdTimeout: perListener({
    is: durationOrOff("1ms…24h"),
    about: "How long to hold a client while no upstream can be reached.",
    more: "What it sends meanwhile is kept, up to the limit of one flow.",
    initial: "off",
    at: "dial.holdMs",
  }),
  sourceAddress: perListener({
    is: textsBy(sourceAddresses, "IP", joined),
    about: "Dial from this address of the machine, or from two: one of IPv4 and one of IPv6.",
    more: "Checks and mirrors use it, too. Upstreams of the other family are dialled as usual. ringway refuses an address that this machine does not have. With the sockets engine all upstreams share the ports of such an address (some 28,000); with uring each upstream has them all.",
    initial: "none",
    at: "sourceAddresses",
  }),
  dnsServers: perProxy({
    is: textsBy(dnsServers, "ADDRS", (servers) => joined(servers.map(serverText))),
    about: "DNS servers to ask for names and services, such as 127.0.0.1:8600.",
    more: "Up to 8, separated by commas, asked in this order. system stands for those of the system. /etc/hosts always comes first, and search domains apply.",
    initial: "system",
    at: "dnsServers",
    needsRestart: true,
  }),
  dnsMinTtl: perProxy({
    is: duration("1s…1h"),
    about: "Keep DNS answers for at least this long, whatever their TTL.",
    more: "A name whose address fails is looked up again anyway.",
    initial: formatDuration(dnsTtlDefaults.minMs),
    at: "dnsTtl.minMs",
    needsRestart: true,
  }),
  dnsMaxTtl: perProxy({
    is: duration("1s…24h"),
    about: "Keep DNS answers for at most this long.",
    initial: formatDuration(dnsTtlDefaults.maxMs),
    at: "dnsTtl.maxMs",
    needsRestart: true,
  }),
  dnsAllow: perProxy({
    is: textsBy(dnsAllow, "NETWORKS", (networks) => joined(networks.map(formatDnsNetwork))),
    about: "Dial only DNS answers in these networks, such as 10.0.0.0/8.",
    more: "10.0.0.0/8:6379 and [fd00::/8]:6379-6389 also restrict the ports of services. ringway does not dial any other answer (dns_denied).",
    initial: "any",
    at: "dnsAllow",
    needsRestart: true,
  }),
};

/** The multiple of its fair share that an upstream may have; null for any. */
function boundedLoad(value: unknown): number | null {
  if (value === "off" || value === false) return null;
  const times = Number(scalar(value));
  if (times >= 1 && times <= 100) return times;
  return refuse(value, "a number of 1…100, such as 1.25, or off");
}

function serverText(server: DnsServer): string {
  return formatAddress({ kind: "tcp", ...server });
}

/** DNS servers: a list, or a text with commas; empty for those of the system. */
function dnsServers(value: unknown): readonly DnsServer[] {
  const expected = `up to ${DNS_SERVERS_MAX} addresses such as 10.0.0.2 or 127.0.0.1:8600, or system alone`;
  const texts: unknown = typeof value === "string" ? value.split(",") : value;
  if (Bun.deepEquals(texts, ["system"])) return [];
  if (!Array.isArray(texts)) return refuse(value, expected);
  if (texts.length === 0 || texts.length > DNS_SERVERS_MAX) return refuse(value, expected);
  return texts.map((text) => {
    const server = typeof text === "string" ? parseServer(text.trim()) : null;
    if (server === null || ipKind(server.host) === 0) return refuse(text, expected);
    return server.port >= 1 && server.port <= 65_535 ? server : refuse(text, expected);
  });
}
