import { formatAddress } from "../config/address.ts";
import { defaults, listenerDefaults } from "../config/options.ts";
import { formatDuration } from "../config/quantity.ts";
import { tight } from "../config/rule.ts";
import { edgeFlags } from "./edge-flags.ts";
import { type Flag, flag } from "./flag.ts";
import { choiceFlags, healthFlags } from "./upstream-flags.ts";
import { uringFlags } from "./uring-flags.ts";

/** Flags that belong together, under a heading of the help. */
export interface FlagGroup {
  readonly heading: string;
  readonly flags: readonly Flag[];
}

/** All flags, in the order of the help. */
export const flagGroups: readonly FlagGroup[] = [
  {
    heading: "What to relay",
    flags: [
      {
        name: "listen",
        short: "l",
        setting: "listen",
        hint: "ADDR",
        repeatable: true,
        text: ["accept clients here (repeatable)"],
        initial: formatAddress(defaults.listen),
      },
      {
        name: "upstream",
        short: "u",
        setting: "upstream",
        hint: "ADDR",
        repeatable: true,
        text: ["relay them to here (repeatable, each in turn)"],
        initial: "a demo built in",
      },
      {
        name: "mode",
        short: "m",
        setting: "mode",
        hint: "MODE",
        text: [
          "bidirectional, oneway (client to upstream only)",
          "or sink (no upstream: receive, count, discard)",
        ],
        initial: listenerDefaults.mode,
      },
      {
        name: "config",
        short: "c",
        hint: "FILE",
        text: ["settings from a file; flags win over it"],
      },
      { name: "watch", text: ["reload when that file changes, as at SIGHUP"] },
    ],
  },
  { heading: "Choosing an upstream", flags: choiceFlags },
  { heading: "Their health", flags: healthFlags },
  { heading: "Who may come in", flags: edgeFlags },
  {
    heading: "Limits",
    flags: [
      flag("idleTimeout", "TIME", ["end a relay of which nothing has moved for", "so long"], "off"),
      flag("clientIdleTimeout", "TIME", "the same where its client has sent nothing", "off"),
      flag("upstreamIdleTimeout", "TIME", "the same where its upstream has", "off"),
      flag(
        "keepAlive",
        "TIME",
        ["ask silent ends whether they live after", "this, or off"],
        formatDuration(listenerDefaults.keepAliveMs),
      ),
      flag("lifetime", "TIME", "end a relay then, up to a tenth earlier", "off"),
      {
        name: "connect-timeout",
        setting: "connectTimeout",
        hint: "TIME",
        text: ["give a dial to an upstream up after this"],
        initial: formatDuration(listenerDefaults.connectTimeoutMs),
      },
      {
        name: "half-close-timeout",
        setting: "halfCloseTimeout",
        hint: "TIME",
        text: ["cut a relay that stands still for this long", "after one of its ends has finished"],
        initial: formatDuration(listenerDefaults.halfCloseTimeoutMs),
      },
      {
        name: "drain-timeout",
        setting: "drainTimeout",
        hint: "TIME",
        text: ["what running relays get at a stop"],
        initial: formatDuration(defaults.drainTimeoutMs),
      },
      {
        name: "segment-size",
        short: "b",
        setting: "segmentSize",
        hint: "SIZE",
        text: ["size of a buffer, a power of two, 4KiB…1MiB"],
        initial: tight(defaults.segmentSize),
      },
      {
        name: "segment-count",
        short: "n",
        setting: "segmentCount",
        hint: "N",
        text: ["most buffers; allocated when needed"],
        initial: String(defaults.segmentCount),
      },
    ],
  },
  {
    heading: "What is seen of it",
    flags: [
      {
        name: "access-log",
        setting: "accessLog",
        hint: "WHERE",
        text: ["a JSON line for each relay: none, stdout or a", "path (opened anew at SIGHUP)"],
        initial: defaults.accessLog,
      },
      {
        name: "access-log-starts",
        setting: "accessLogStarts",
        hint: "on|off",
        text: ["a line also when a relay starts"],
        initial: defaults.accessLogStarts ? "on" : "off",
      },
      {
        name: "access-log-every",
        setting: "accessLogEvery",
        hint: "TIME",
        text: ["a line so often for each relay that runs, or", "off"],
        initial: defaults.accessLogEvery,
      },
      {
        name: "admin",
        setting: "admin",
        hint: "ADDR",
        text: ["serve the admin page, API and metrics here"],
        initial: defaults.admin,
      },
      {
        name: "admin-token",
        setting: "adminToken",
        hint: "TOKEN",
        text: ["what their requests have to show; needed where", "others reach them"],
        initial: defaults.adminToken,
      },
      {
        name: "stats",
        setting: "stats",
        hint: "FORM",
        text: ["statistics at exit: text, json or none"],
        initial: defaults.stats,
      },
      {
        name: "verbose",
        short: "v",
        setting: "verbose",
        text: ["log every relay; more statistics"],
      },
    ],
  },
  {
    heading: "How to run",
    flags: [
      {
        name: "engine",
        short: "e",
        setting: "engine",
        hint: "NAME",
        text: ["auto, sockets or uring (io_uring, Linux)"],
        initial: defaults.engine,
      },
      {
        name: "workers",
        short: "w",
        setting: "workers",
        hint: "N",
        text: ["threads that relay, or auto: one per processor"],
        initial: String(defaults.workers),
      },
      { name: "version", short: "V", text: ["print the version"] },
      { name: "help", short: "h", text: ["print this help"] },
    ],
  },
  { heading: "io_uring (engine uring)", flags: uringFlags },
];

/** All flags, without their groups. */
export const flags: readonly Flag[] = flagGroups.flatMap((group) => group.flags);
