import { edgeDefaults, edgeRules, edgeWords } from "./edge.ts";
import * as form from "./forms.ts";
import { formatDuration } from "./quantity.ts";
import { settingsBy } from "./schema-value.ts";

const setting = settingsBy(edgeRules);

/** What is said of a connection before it is relayed. */
export const edgeSettings = {
  allow: setting(
    "allow",
    form.texts,
    "Networks whose clients may come in, or file:PATH; then nobody else.",
  ),
  deny: setting("deny", form.texts, "Networks whose clients may not, or file:PATH."),
  maxRelays: setting("maxRelays", form.count(0, null), "Relays at a time; 0 for any number.", 0),
  whenFull: setting(
    "whenFull",
    form.words(edgeWords.whenFull),
    "What becomes of who comes when there are so many, or as many as totalRelays.",
    edgeDefaults.whenFull,
  ),
  fullTimeout: setting(
    "fullTimeout",
    form.duration(),
    "Who waits is let go after this, 1ms…1h.",
    formatDuration(edgeDefaults.fullTimeoutMs),
  ),
  maxRelaysPerClient: setting(
    "maxRelaysPerClient",
    form.count(0, null),
    "Relays of one client at a time (IPv6: of a /64); 0 for any number.",
    0,
  ),
  clientRate: setting(
    "clientRate",
    form.rate,
    "Connections per second of one client in the long run, or off.",
    "off",
  ),
  clientBurst: setting(
    "clientBurst",
    form.count(1, null),
    "Connections that a client may open at once after a rest.",
    edgeDefaults.clientBurst,
  ),
  maxRelaysPerNetwork: setting(
    "maxRelaysPerNetwork",
    form.count(0, null),
    "Relays of all clients of a network (IPv4: /24, IPv6: /48) at a time; 0 for any number.",
    0,
  ),
  networkRate: setting(
    "networkRate",
    form.rate,
    "Connections per second of such a network in the long run, or off.",
    "off",
  ),
  networkBurst: setting(
    "networkBurst",
    form.count(1, null),
    "Connections that a network may open at once after a rest.",
    edgeDefaults.networkBurst,
  ),
  upRate: setting(
    "upRate",
    form.sizeOrOff,
    "Bytes per second that a relay carries from its client, 1KiB…1GiB, or off.",
    "off",
  ),
  downRate: setting("downRate", form.sizeOrOff, "The same to its client.", "off"),
  refuse: setting(
    "refuse",
    form.text,
    "What who may not come in gets: reset, close, or a time to wait in vain.",
    "reset",
  ),
  proxyProtocol: setting(
    "proxyProtocol",
    form.words(edgeWords.proxyProtocol),
    "Whether connections begin with a PROXY header.",
    "off",
  ),
  proxyProtocolFrom: setting(
    "proxyProtocolFrom",
    form.texts,
    "Networks whose PROXY headers are believed, or file:PATH; any: whoever connects.",
  ),
  preambleTimeout: setting(
    "preambleTimeout",
    form.duration(),
    "In this time the header has to be here, 10ms…1h.",
    formatDuration(edgeDefaults.preambleTimeoutMs),
  ),
  sendProxyProtocol: setting(
    "sendProxyProtocol",
    form.words(edgeWords.sendProxyProtocol),
    "Whether connections to upstreams begin with a PROXY header.",
    "off",
  ),
};
