import * as v from "valibot";
import { type EdgeValues, edgeDefaults, edgeRules, edgeWords } from "./edge.ts";
import * as form from "./forms.ts";
import { formatDuration } from "./quantity.ts";
import type { Rule } from "./rule.ts";
import { value } from "./schema-value.ts";

/** What is said of a connection before it is relayed. */
export const edgeSettings = {
  allow: some(
    "allow",
    form.texts,
    "Networks whose clients may come in, or file:PATH; then nobody else.",
  ),
  deny: some("deny", form.texts, "Networks whose clients may not, or file:PATH."),
  maxRelays: some("maxRelays", form.count(0, null), "Relays at a time; 0 for any number.", 0),
  maxRelaysPerClient: some(
    "maxRelaysPerClient",
    form.count(0, null),
    "Relays of one client at a time (IPv6: of a /64); 0 for any number.",
    0,
  ),
  clientRate: some(
    "clientRate",
    form.rate,
    "Connections per second of one client in the long run, or off.",
    "off",
  ),
  clientBurst: some(
    "clientBurst",
    form.count(1, null),
    "Connections that a client may open at once after a rest.",
    edgeDefaults.clientBurst,
  ),
  upRate: some(
    "upRate",
    form.sizeOrOff,
    "Bytes per second that a relay carries from its client, 1KiB…1GiB, or off.",
    "off",
  ),
  downRate: some("downRate", form.sizeOrOff, "The same to its client.", "off"),
  refuse: some(
    "refuse",
    form.text,
    "What who may not come in gets: reset, close, or a time to wait in vain.",
    "reset",
  ),
  proxyProtocol: some(
    "proxyProtocol",
    form.words(edgeWords.proxyProtocol),
    "Whether connections begin with a PROXY header.",
    "off",
  ),
  proxyProtocolFrom: some(
    "proxyProtocolFrom",
    form.texts,
    "Networks whose PROXY headers are believed, or file:PATH.",
  ),
  preambleTimeout: some(
    "preambleTimeout",
    form.duration(),
    "In this time the header has to be here, 10ms…1h.",
    formatDuration(edgeDefaults.preambleTimeoutMs),
  ),
  sendProxyProtocol: some(
    "sendProxyProtocol",
    form.words(edgeWords.sendProxyProtocol),
    "Whether connections to upstreams begin with a PROXY header.",
    "off",
  ),
};

function some<K extends keyof EdgeValues>(
  key: K,
  shape: form.Form,
  description: string,
  initial?: unknown,
) {
  const rule = edgeRules[key] as Rule<EdgeValues[K]>;
  return v.optional(value(rule, shape, description, initial));
}
