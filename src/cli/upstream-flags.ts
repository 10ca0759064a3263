import { healthDefaults } from "../config/health.ts";
import { listenerDefaults } from "../config/options.ts";
import { formatDuration } from "../config/quantity.ts";
import { ejectionDefaults } from "../upstream/health/check-options.ts";
import { dnsTtlDefaults } from "../upstream/names/dns-ttl.ts";
import { type Flag, flag } from "./flag.ts";

const { balance, dial } = listenerDefaults;

/** How each relay gets its upstream. */
export const choiceFlags: readonly Flag[] = [
  flag(
    "balance",
    "POLICY",
    ["round-robin, least-relays, two-choices, random,", "first or hash (of the client's address)"],
    balance.policy,
  ),
  flag(
    "boundedLoad",
    "N",
    ["for hash: at most N times its share of relays,", "such as 1.25"],
    "off",
  ),
  flag("backupWhenFull", "on|off", "backups take what is over maxRelays, too", "off"),
  flag("tries", "N", "dials for a relay, each of another upstream", String(dial.tries)),
  flag(
    "retries",
    "N",
    ["when none of them has answered, begin anew so", "many times, each after a pause"],
    String(dial.retries),
  ),
  flag("retryPause", "TIME", "of so long", formatDuration(dial.retryPauseMs)),
  flag("dialBudget", "TIME", "all dials and waits of a relay together", "off"),
  flag("queueTimeout", "TIME", "wait for room when all are full", "off"),
  flag("queueSize", "N", "relays of a worker that may wait so", String(dial.queueMax)),
  flag("holdTimeout", "TIME", ["hold clients while no upstream can be", "reached"], "off"),
  flag(
    "sourceAddress",
    "IP",
    ["dial from this address of the machine, or", "these two: IPv4,IPv6"],
    "none",
  ),
  flag(
    "dnsServers",
    "ADDRS",
    ["ask these for names and services, such as", "127.0.0.1:8600; apart by commas"],
    "system",
  ),
  flag(
    "dnsMinTtl",
    "TIME",
    "their answers hold for at least this",
    formatDuration(dnsTtlDefaults.minMs),
  ),
  flag("dnsMaxTtl", "TIME", "and for at most this", formatDuration(dnsTtlDefaults.maxMs)),
  flag(
    "dnsAllow",
    "NETWORKS",
    ["DNS may answer with these only: 10.0.0.0/8,", "or 10.0.0.0/8:6379 for services"],
    "any",
  ),
];

/** What is known of upstreams, and what comes of it. */
export const healthFlags: readonly Flag[] = [
  flag(
    "check",
    "KIND",
    ["none, tcp, redis, redis-primary, redis-replica,", "postgres, http or send-expect"],
    healthDefaults.check,
  ),
  flag("checkInterval", "TIME", "between two checks", formatDuration(healthDefaults.intervalMs)),
  flag("checkTimeout", "TIME", "a check has failed then", formatDuration(healthDefaults.timeoutMs)),
  flag("checkRise", "N", "checks until it is up again", String(healthDefaults.rise)),
  flag("checkFall", "N", "failed checks until it is down", String(healthDefaults.fall)),
  flag(
    "checkAddress",
    "ADDR",
    ["check this instead; :PORT is one of the", "upstream's own host"],
    "none",
  ),
  flag(
    "checkProxyProtocol",
    "V",
    ["PROXY header before it: off, v1, v2 or auto", "(as relays, unless to another address)"],
    healthDefaults.proxyProtocol,
  ),
  flag("checkUser", "NAME", "who checks redis or postgres"),
  flag("checkPassword", "WORD", ["for redis; others see it here, so rather", "file:PATH"]),
  flag("checkPath", "PATH", "what http asks for", "/"),
  flag("checkHost", "NAME", "its Host"),
  flag("checkStatus", "RANGE", "what it expects", "200-399"),
  flag("checkSend", "TEXT", "what send-expect sends, with \\r, \\n, \\xHH"),
  flag("checkExpect", "TEXT", ["what must come back: text, or", "/a regular expression/"]),
  flag("checkTls", "on|off", "check by TLS", "off"),
  flag(
    "checkTlsName",
    "NAME",
    ["whom the certificate has to be for; none:", "the host that is checked"],
    "none",
  ),
  flag("checkTlsVerify", "on|off", "the certificate has to be right", "on"),
  flag("checkTlsCa", "FILE", ["authorities (PEM); none: those built in"], "none"),
  flag("checkTlsCert", "FILE", "what checks show of themselves (PEM)", "none"),
  flag("checkTlsKey", "FILE", "its key (PEM)", "none"),
  flag("checkTlsAlpn", "WORDS", "offer these protocols by ALPN", "none"),
  flag(
    "ejectAfter",
    "N",
    ["failed dials in a row that keep new relays", "away for a while; 0 for never"],
    String(ejectionDefaults.failures),
  ),
  flag("ejectTime", "TIME", "for so long at first", formatDuration(ejectionDefaults.baseMs)),
  flag(
    "panicThreshold",
    "PERCENT",
    ["with less of the weight open, all are", "open; 0 for never"],
    String(healthDefaults.panicPercent),
  ),
  flag("slowStart", "TIME", ["one that is up again gets its whole weight", "after this"], "off"),
  flag("onDown", "WHAT", ["relays of one that is down: keep, close or", "a time"], "keep"),
  flag("onUp", "WHAT", ["of backups when one that is none is up again:", "likewise"], "keep"),
  flag("onRemove", "WHAT", "of one that a reload takes away: likewise", "keep"),
];
