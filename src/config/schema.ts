import * as v from "valibot";
import { policies } from "../upstream/balance/balance.ts";
import { dnsTtlDefaults } from "../upstream/names/dns-ttl.ts";
import { readyWords } from "./admin.ts";
import type { Config, ListenerConfig, UpstreamTable, UringConfig } from "./config.ts";
import { edgeWords } from "./edge.ts";
import * as form from "./forms.ts";
import { ownChecks } from "./health.ts";
import type { KnownKeys } from "./keys.ts";
import { defaults, listenerDefaults, uringDefaults } from "./options.ts";
import { isTable } from "./plain.ts";
import { formatDuration, formatMicros } from "./quantity.ts";
import { type Rule, tight } from "./rule.ts";
import { accessLogSettings } from "./schema-access-log.ts";
import { edgeSettings } from "./schema-edge.ts";
import { healthSettings } from "./schema-health.ts";
import { mirrorSettings } from "./schema-mirror.ts";
import { routeSettings } from "./schema-route.ts";
import { judged, settingsBy, value } from "./schema-value.ts";
import {
  engines,
  listenerName,
  listenerRules,
  listenRule,
  modes,
  proxyRules,
  statsFormats,
  type UpstreamPlace,
  upstreamRule,
  upstreamRules,
  WEIGHT_MAX,
  WORKERS_MAX,
} from "./settings.ts";
import { uringRules, uringWords } from "./uring.ts";

/*
 * What a configuration file looks like, in valibot: tables, lists, which keys there are. What a
 * single value has to be is a rule that flags have too, so that a start by flags needs none of
 * this: loading valibot takes 10 ms from its source.
 */

const setting = settingsBy(listenerRules);
const upstreamSetting = settingsBy(upstreamRules);
const proxySetting = settingsBy(proxyRules);
const uringSetting = settingsBy(uringRules);

/** A table with these keys and no others. */
function table<Entries extends v.ObjectEntries>(entries: Entries, description: string) {
  return v.pipe(
    v.custom<object>(isTable, "expected keys with values"),
    // valibot's strict objects tell of one unknown key only.
    v.objectWithRest(entries, v.never()),
    v.metadata({ additionalProperties: false, description }),
  );
}

/** Several of something, at least one. */
function list<Item extends v.GenericSchema>(item: Item, expected: string) {
  return v.pipe(v.array(item, expected), v.minLength(1, expected));
}

function address<Where extends UpstreamPlace>(rule: Rule<Where>, description: string) {
  return v.pipe(
    v.string("expected an address"),
    judged<string, Where>(rule),
    v.metadata({ description }),
  );
}

/**
 * What may be written in several ways, told apart by the kind of the value. A union of valibot's
 * would try them all, and keep nothing of a list in which one item is wrong.
 */
export interface Ways<Schema extends v.GenericSchema> extends v.LazySchema<Schema> {
  /** All of them. */
  readonly ways: readonly Schema[];
}

function ways<Schema extends v.GenericSchema>(
  pick: (value: unknown) => Schema,
  ways: readonly Schema[],
): Ways<Schema> {
  return Object.assign(v.lazy(pick), { ways });
}

const listenAddress = address(
  listenRule,
  "host:port, :port (all addresses), [ipv6]:port, unix:/path or unix:@name. Port 0 picks one; 5000-5010 are several.",
);

const upstreamAddress = address(
  upstreamRule,
  "host:port, [ipv6]:port, unix:/path, unix:@name or srv:_service._tcp.name. The host may be a name; ports 5000-5010 are for those of a listener, one by one.",
);

const upstreamEntries = {
  address: upstreamAddress,
  weight: upstreamSetting(
    "weight",
    form.count(0, WEIGHT_MAX),
    "Its share of new relays beside the others' weights; 0 gets nobody new. Not for a service.",
    1,
  ),
  backup: upstreamSetting("backup", form.truth, "Only when no other can be had.", false),
  maxRelays: upstreamSetting(
    "maxRelays",
    form.count(0, null),
    "Relays that it may have at a time; 0 for any number.",
    0,
  ),
  check: upstreamSetting(
    "check",
    form.onOffOr(ownChecks),
    "How it is checked: on as its listener says, off, or a kind of its own.",
    "on",
  ),
  checkAddress: upstreamSetting(
    "checkAddress",
    form.text,
    "What is checked instead of it: an address, :PORT of its own host, or none; else as its listener says.",
  ),
  sendProxyProtocol: upstreamSetting(
    "sendProxyProtocol",
    form.words(edgeWords.sendProxyProtocol),
    "PROXY headers for it; else as its listener says.",
  ),
  onDown: upstreamSetting(
    "onDown",
    form.text,
    "Its relays when it is down: keep, close or a time; else as its listener says.",
  ),
} satisfies Record<keyof UpstreamTable, unknown>;
const upstreamTable = table(upstreamEntries, "An upstream with more to say of it.");
const listenAddresses = list(listenAddress, "expected an address or several");
const oneUpstream = ways(
  (value) => (isTable(value) ? upstreamTable : upstreamAddress),
  [upstreamAddress, upstreamTable],
);
const upstreamList = list(oneUpstream, "expected an upstream or several");

/** Where clients are accepted. */
const listen = v.pipe(
  ways(
    (value) => (Array.isArray(value) ? listenAddresses : listenAddress),
    [listenAddress, listenAddresses],
  ),
  v.description("Where clients are accepted: an address or a list of them."),
);

/** Where relays go. */
const upstreams = v.pipe(
  ways(
    (value) => {
      if (Array.isArray(value)) return upstreamList;
      return isTable(value) ? upstreamTable : upstreamAddress;
    },
    [upstreamAddress, upstreamTable, upstreamList],
  ),
  v.description("Where relays go, each in turn: an upstream or a list of them."),
);

/** What a listener may have for itself; at the top it holds for all of them. */
const listenerSettings = {
  ...healthSettings,
  ...edgeSettings,
  ...routeSettings,
  ...mirrorSettings,
  mode: setting(
    "mode",
    form.words(modes),
    "Both ways, client to upstream only, or no upstream: receive, count, discard.",
    listenerDefaults.mode,
  ),
  connectTimeout: setting(
    "connectTimeout",
    form.duration(),
    "A dial to an upstream is given up after this, 1ms…24h.",
    formatDuration(listenerDefaults.connectTimeoutMs),
  ),
  halfCloseTimeout: setting(
    "halfCloseTimeout",
    form.duration(),
    "A relay one of whose ends has finished may stand still for this long, 1ms…24h.",
    formatDuration(listenerDefaults.halfCloseTimeoutMs),
  ),
  idleTimeout: durationOrOff(
    "idleTimeout",
    "A relay of which nothing has moved for this long ends, 10s…720h.",
  ),
  clientIdleTimeout: durationOrOff(
    "clientIdleTimeout",
    "The same where the client has sent nothing, 10s…720h.",
  ),
  upstreamIdleTimeout: durationOrOff(
    "upstreamIdleTimeout",
    "The same where the upstream has sent nothing, 10s…720h.",
  ),
  keepAlive: setting(
    "keepAlive",
    form.duration("off", false),
    "After so much silence the kernel asks an end whether it lives, 10s…9h.",
    formatDuration(listenerDefaults.keepAliveMs),
  ),
  unixMode: setting(
    "unixMode",
    form.octal,
    "Permissions of its unix sockets, whatever the umask is; at the top that of the admin server, too.",
    "0600",
  ),
  unixUser: setting("unixUser", form.owner, "Their user, by name or number.", "the process's"),
  unixGroup: setting("unixGroup", form.owner, "Their group, by name or number.", "the process's"),
  backlog: setting(
    "backlog",
    form.count(1, 65_535),
    "Connections that may wait in the kernel for being accepted; it takes net.core.somaxconn if that is less.",
    listenerDefaults.backlog,
  ),
  keepAliveInterval: setting(
    "keepAliveInterval",
    form.duration(),
    "It asks again this often, 1s…1h.",
    formatDuration(listenerDefaults.keepAliveIntervalMs),
  ),
  keepAliveProbes: setting(
    "keepAliveProbes",
    form.count(1, 127),
    "After so many questions without an answer the end is gone.",
    listenerDefaults.keepAliveProbes,
  ),
  tcpUserTimeout: durationOrOff(
    "tcpUserTimeout",
    "An end that acknowledges nothing of what was sent to it for this long is gone, 1s…24h.",
  ),
  lifetime: durationOrOff("lifetime", "A relay ends after this, up to a tenth earlier; 1s…720h."),
  balance: setting(
    "balance",
    form.words(policies),
    "How an upstream is chosen for each relay.",
    listenerDefaults.balance.policy,
  ),
  boundedLoad: setting(
    "boundedLoad",
    form.text,
    "For hash: how many times its share of relays an upstream may have, such as 1.25, or off.",
    "off",
  ),
  backupWhenFull: setting(
    "backupWhenFull",
    form.onOff,
    "Backups also take what is over maxRelays of all others.",
    listenerDefaults.balance.backupWhenFull,
  ),
  tries: setting(
    "tries",
    form.count(1, 16),
    "Dials for a relay, each of another upstream as long as there is one.",
    listenerDefaults.dial.tries,
  ),
  retries: setting(
    "retries",
    form.count(0, 100),
    "When none of these has answered, all are tried anew so many times.",
    listenerDefaults.dial.retries,
  ),
  retryPause: setting(
    "retryPause",
    form.duration(),
    "Before each of them, 1ms…1h.",
    formatDuration(listenerDefaults.dial.retryPauseMs),
  ),
  dialBudget: durationOrOff("dialBudget", "All dials and waits of a relay together, 1ms…24h."),
  queueTimeout: durationOrOff(
    "queueTimeout",
    "A relay waits so long for room when all upstreams are full, 1ms…24h.",
  ),
  queueSize: setting(
    "queueSize",
    form.count(1, null),
    "Relays of a worker that may wait.",
    listenerDefaults.dial.queueMax,
  ),
  holdTimeout: durationOrOff(
    "holdTimeout",
    "A relay waits so long for an upstream that can be reached, 1ms…24h.",
  ),
  sourceAddress: setting(
    "sourceAddress",
    form.texts,
    "What upstreams are dialled from: an address of this machine, or one of each family; or none.",
    "none",
  ),
};

/** A duration that is off unless it is given. */
function durationOrOff(
  key:
    | "idleTimeout"
    | "clientIdleTimeout"
    | "upstreamIdleTimeout"
    | "lifetime"
    | "tcpUserTimeout"
    | "dialBudget"
    | "queueTimeout"
    | "holdTimeout",
  description: string,
) {
  return setting(key, form.duration("off", false), description, "off");
}

const listenerEntries = {
  name: v.optional(
    value(
      listenerName,
      form.text,
      "What the log calls it: 1…63 letters, digits, dots, dashes and underscores.",
    ),
  ),
  listen,
  upstreams: v.optional(upstreams),
  ...listenerSettings,
} satisfies Record<keyof ListenerConfig, unknown>;

const uringEntries = {
  receive: uringSetting(
    "receive",
    form.words(uringWords.receive),
    "One receive goes on by itself, or is started each time.",
    uringDefaults.receive,
  ),
  receiveBundles: onOff("receiveBundles", "One receive fills several buffers."),
  receiveMessages: onOff("receiveMessages", "RECVMSG instead of RECV."),
  incremental: onOff("incremental", "Buffers are filled bit by bit (Linux 6.12)."),
  send: uringSetting(
    "send",
    form.words(uringWords.send),
    "How what was received is sent on; ring and bundle send from rings of buffers.",
    uringDefaults.send,
  ),
  taskrun: uringSetting(
    "taskrun",
    form.words(uringWords.taskrun),
    "When completions are worked on: when waited for, or whenever in the kernel.",
    uringDefaults.taskrun,
  ),
  sqpoll: uringSetting(
    "sqpoll",
    form.duration("off", false),
    "A thread of the kernel submits; it sleeps after this, up to 1m. Makes taskrun coop.",
    "off",
  ),
  fixedFiles: onOff("fixedFiles", "Sockets are put into the ring's table."),
  hugePages: onOff("hugePages", "Buffers on huge pages."),
  entries: uringSetting(
    "entries",
    form.count(16, 32_768),
    "Submission entries: a power of two, 16…32,768.",
    uringDefaults.entries,
  ),
  waitCount: uringSetting(
    "waitCount",
    form.count(1, 4_096, "adaptive"),
    "Completions to wait for, 1…4,096, or adaptive.",
    "adaptive",
  ),
  waitTimeout: uringSetting(
    "waitTimeout",
    form.shortDuration,
    "After this, fewer completions are enough: 1us…1s.",
    formatMicros(uringDefaults.waitTimeoutMicros),
  ),
  yield: uringSetting(
    "yield",
    form.words(uringWords.yield),
    "Let others run before a wait; auto: with several workers.",
    uringDefaults.yield,
  ),
  napi: uringSetting(
    "napi",
    form.words(uringWords.napi),
    "Poll the network device; prefer: instead of interrupts.",
    uringDefaults.napi,
  ),
  napiTimeout: uringSetting(
    "napiTimeout",
    form.shortDuration,
    "Poll it for this long: 1us…1s.",
    formatMicros(uringDefaults.napiTimeoutMicros),
  ),
  bufferSize: uringSetting(
    "bufferSize",
    form.size,
    "A buffer of chatty flows: a power of two, 256…64KiB.",
    tight(uringDefaults.bufferSize),
  ),
  bufferCount: uringSetting(
    "bufferCount",
    form.count(1, 1_024),
    "So many of them at first, 1…1,024.",
    uringDefaults.bufferCount,
  ),
  largeBufferSize: uringSetting(
    "largeBufferSize",
    form.size,
    "A buffer of bulk flows: a power of two, 16KiB…4MiB.",
    tight(uringDefaults.largeBufferSize),
  ),
} satisfies Record<keyof UringConfig, unknown>;

function onOff(
  key: "receiveBundles" | "receiveMessages" | "incremental" | "fixedFiles" | "hugePages",
  description: string,
) {
  const initial = uringDefaults[key] ? "on" : "off";
  return uringSetting(key, form.onOff, description, initial);
}

const configEntries = {
  listen: v.optional(listen),
  upstream: v.optional(upstreams),
  listeners: v.optional(
    v.pipe(
      v.array(table(listenerEntries, "A listener."), "expected a list of tables"),
      v.minLength(1, "expected a listener or several"),
      v.description("Listeners with upstreams and settings of their own."),
    ),
  ),
  ...listenerSettings,
  engine: proxySetting(
    "engine",
    form.words(engines),
    "What does the I/O; auto is uring where it can run, else sockets.",
    defaults.engine,
  ),
  workers: proxySetting(
    "workers",
    form.count(1, WORKERS_MAX, "auto"),
    "Threads that relay, or auto for one per processor; several on Linux only.",
    defaults.workers,
  ),
  totalRelays: proxySetting(
    "totalRelays",
    form.count(0, null),
    "Relays of all listeners together; 0 for any number.",
    defaults.totalRelays,
  ),
  drainDelay: proxySetting(
    "drainDelay",
    form.duration("off", false),
    "How long clients are still accepted after a signal to stop, while /readyz says no, 1ms…1h.",
    "off",
  ),
  drainTimeout: proxySetting(
    "drainTimeout",
    form.duration(),
    "What running relays get at a stop, 0…24h.",
    formatDuration(defaults.drainTimeoutMs),
  ),
  dnsServers: proxySetting(
    "dnsServers",
    form.texts,
    "Who is asked for names and services, up to 8 addresses; system for whom the system asks.",
    "system",
  ),
  dnsMinTtl: proxySetting(
    "dnsMinTtl",
    form.duration(),
    "Answers of DNS hold for at least this, 1s…1h.",
    formatDuration(dnsTtlDefaults.minMs),
  ),
  dnsMaxTtl: proxySetting(
    "dnsMaxTtl",
    form.duration(),
    "And for at most this, 1s…24h.",
    formatDuration(dnsTtlDefaults.maxMs),
  ),
  dnsAllow: proxySetting(
    "dnsAllow",
    form.texts,
    "Networks, and of services ports, that DNS may answer with: 10.0.0.0/8:6379; any for all.",
    "any",
  ),
  segmentSize: proxySetting(
    "segmentSize",
    form.size,
    "One buffer: a power of two, 4KiB…1MiB.",
    tight(defaults.segmentSize),
  ),
  segmentCount: proxySetting(
    "segmentCount",
    form.count(1, null),
    "Most buffers, 2MiB…64GiB in all; allocated when needed.",
    defaults.segmentCount,
  ),
  ...accessLogSettings,
  admin: proxySetting(
    "admin",
    form.text,
    "Where the admin page and API are: host:port, [ipv6]:port, unix:/path, or none.",
    defaults.admin,
  ),
  user: proxySetting(
    "user",
    form.nameOrNumber,
    "Whose process it becomes once its sockets are open: a name or a number (Linux, started as root).",
    defaults.user,
  ),
  group: proxySetting(
    "group",
    form.nameOrNumber,
    "And of which group; unless given, of the user's own.",
    defaults.group,
  ),
  adminToken: proxySetting(
    "adminToken",
    form.text,
    "What their requests have to show, 16…256 characters, or file:PATH; needed where others reach them.",
    defaults.adminToken,
  ),
  adminReadToken: proxySetting(
    "adminReadToken",
    form.text,
    "The same of those who may look and change nothing, beside adminToken.",
    defaults.adminReadToken,
  ),
  readyWhen: proxySetting(
    "readyWhen",
    form.words(readyWords),
    "/readyz says ready while listeners accept, or only while each has an upstream that takes relays.",
    defaults.readyWhen,
  ),
  stats: proxySetting("stats", form.words(statsFormats), "Statistics at exit.", defaults.stats),
  verbose: proxySetting("verbose", form.truth, "Log every relay; more statistics.", false),
  uring: v.optional(table(uringEntries, "What only the uring engine knows.")),
} satisfies Record<keyof Config, unknown>;

/** A whole configuration file. Its output has the values that the rules make. */
export const configSchema = table(
  {
    // For editors of JSON, which look there for what this is.
    $schema: v.optional(v.string("expected the address of a JSON Schema")),
    ...configEntries,
  },
  "A configuration of ringway.",
);

/** What the schema makes of a file that is right. */
export type ConfigOutput = v.InferOutput<typeof configSchema>;

/** The keys that a person may write. */
export const knownKeys: KnownKeys = {
  top: Object.keys(configEntries),
  listener: Object.keys(listenerEntries),
  upstream: Object.keys(upstreamEntries),
  uring: Object.keys(uringEntries),
};
