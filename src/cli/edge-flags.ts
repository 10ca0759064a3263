import { edgeDefaults } from "../config/edge.ts";
import { formatDuration } from "../config/quantity.ts";
import { type Flag, flag } from "./flag.ts";

/** What happens to a connection before it is relayed. */
export const edgeFlags: readonly Flag[] = [
  flag("allow", "NETS", ["only clients of 10.0.0.0/8,::1 and such, or", "file:PATH"]),
  flag("deny", "NETS", "not these"),
  flag("maxRelays", "N", "relays at a time; 0 for any number", "0"),
  flag("totalRelays", "N", "relays of all listeners together", "0"),
  flag(
    "whenFull",
    "WHAT",
    ["who comes when there are so many: refuse,", "or wait for room"],
    edgeDefaults.whenFull,
  ),
  flag("fullTimeout", "TIME", "for so long at most", formatDuration(edgeDefaults.fullTimeoutMs)),
  flag("maxRelaysPerClient", "N", "relays of one client at a time", "0"),
  flag("clientRate", "N", "connections per second of one client", "off"),
  flag("clientBurst", "N", "so many at once after a rest", String(edgeDefaults.clientBurst)),
  flag("maxRelaysPerNetwork", "N", "relays of a /24, IPv6: a /48, at a time", "0"),
  flag("networkRate", "N", "connections per second of a network", "off"),
  flag("networkBurst", "N", "so many at once after a rest", String(edgeDefaults.networkBurst)),
  flag("upRate", "SIZE", ["bytes per second that a relay carries from", "its client"], "off"),
  flag("downRate", "SIZE", "the same to its client", "off"),
  flag(
    "refuse",
    "HOW",
    ["who may not come in: reset, close or a time", "to wait in vain"],
    "reset",
  ),
  flag("proxyProtocol", "WHEN", ["PROXY headers of clients: off, optional or", "required"], "off"),
  flag("proxyProtocolFrom", "NETS", "whose are believed; any: whoever connects"),
  flag(
    "preambleTimeout",
    "TIME",
    "they have to be here by then",
    formatDuration(edgeDefaults.preambleTimeoutMs),
  ),
  flag("sendProxyProtocol", "VERSION", "PROXY headers for upstreams: off, v1 or v2", "off"),
];
