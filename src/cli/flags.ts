import { formatAddress } from "../config/address.ts";
import { defaults, listenerDefaults } from "../config/options.ts";
import { formatDuration } from "../config/quantity.ts";
import { tight } from "../config/rule.ts";
import { edgeFlags } from "./edge-flags.ts";
import { type Flag, flag } from "./flag.ts";
import { mirrorFlags } from "./mirror-flags.ts";
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
        ...flag(
          "listen",
          "ADDR",
          "accept clients here (repeatable)",
          formatAddress(defaults.listen),
        ),
        short: "l",
        repeatable: true,
      },
      {
        ...flag(
          "upstream",
          "ADDR",
          [
            "relay them to here (repeatable, each in turn);",
            "srv:_name._tcp.domain is a service in DNS",
          ],
          "a demo built in",
        ),
        short: "u",
        repeatable: true,
      },
      {
        ...flag(
          "mode",
          "MODE",
          [
            "bidirectional, oneway (client to upstream only)",
            "or sink (no upstream: receive, count, discard)",
          ],
          listenerDefaults.mode,
        ),
        short: "m",
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
  { heading: "Copies", flags: mirrorFlags },
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
      flag("unixMode", "MODE", "permissions of unix sockets that are made", "0600"),
      flag("unixUser", "USER", "their user, by name or number"),
      flag("unixGroup", "GROUP", "their group, by name or number"),
      flag(
        "backlog",
        "N",
        ["connections that wait for being accepted;", "at most net.core.somaxconn"],
        String(listenerDefaults.backlog),
      ),
      flag(
        "keepAliveInterval",
        "TIME",
        "ask again so often",
        formatDuration(listenerDefaults.keepAliveIntervalMs),
      ),
      flag(
        "keepAliveProbes",
        "N",
        "an end is gone after so many in vain",
        String(listenerDefaults.keepAliveProbes),
      ),
      flag(
        "tcpUserTimeout",
        "TIME",
        ["an end is gone that acknowledges nothing", "for so long"],
        "off",
      ),
      flag("lifetime", "TIME", "end a relay then, up to a tenth earlier", "off"),
      flag(
        "connectTimeout",
        "TIME",
        "give a dial to an upstream up after this",
        formatDuration(listenerDefaults.connectTimeoutMs),
      ),
      flag(
        "halfCloseTimeout",
        "TIME",
        ["cut a relay that stands still for this long", "after one of its ends has finished"],
        formatDuration(listenerDefaults.halfCloseTimeoutMs),
      ),
      flag(
        "drainDelay",
        "TIME",
        ["accept so long after a signal to stop, while", "/readyz says no; then drain"],
        "off",
      ),
      flag(
        "drainTimeout",
        "TIME",
        "what running relays get at a stop",
        formatDuration(defaults.drainTimeoutMs),
      ),
      {
        ...flag(
          "segmentSize",
          "SIZE",
          "size of a buffer, a power of two, 4KiB…1MiB",
          tight(defaults.segmentSize),
        ),
        short: "b",
      },
      {
        ...flag(
          "segmentCount",
          "N",
          "most buffers; allocated when needed",
          String(defaults.segmentCount),
        ),
        short: "n",
      },
    ],
  },
  {
    heading: "What is seen of it",
    flags: [
      flag(
        "accessLog",
        "WHERE",
        ["a JSON line for each relay: none, stdout or a", "path (opened anew at SIGUSR1)"],
        defaults.accessLog,
      ),
      flag(
        "accessLogStarts",
        "on|off",
        "a line also when a relay starts",
        defaults.accessLogStarts ? "on" : "off",
      ),
      flag(
        "accessLogEvery",
        "TIME",
        ["a line so often for each relay that runs, or", "off"],
        defaults.accessLogEvery,
      ),
      flag("accessLogMode", "MODE", "permissions of its file when it is made", "0640"),
      flag("accessLogUser", "USER", "its user then, by name or number"),
      flag("accessLogGroup", "GROUP", "its group then, by name or number"),
      flag("admin", "ADDR", "serve the admin page, API and metrics here", defaults.admin),
      flag(
        "adminToken",
        "TOKEN",
        [
          "what their requests have to show (file:PATH:",
          "in a file); needed where others reach them",
        ],
        defaults.adminToken,
      ),
      flag(
        "adminReadToken",
        "TOKEN",
        "the same of those who may only look",
        defaults.adminReadToken,
      ),
      flag(
        "readyWhen",
        "WHAT",
        ["/readyz says ready: accepting, or only while", "each listener has upstreams"],
        defaults.readyWhen,
      ),
      flag("stats", "FORM", "statistics at exit: text, json or none", defaults.stats),
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
        ...flag("engine", "NAME", "auto, sockets or uring (io_uring, Linux)", defaults.engine),
        short: "e",
      },
      {
        ...flag(
          "workers",
          "N",
          "threads that relay, or auto: one per processor",
          String(defaults.workers),
        ),
        short: "w",
      },
      flag(
        "user",
        "NAME",
        ["become this user once all sockets are open", "(Linux, started as root)"],
        defaults.user,
      ),
      flag("group", "NAME", "of this group; unless given, the user's own", defaults.group),
      { name: "version", short: "V", text: ["print the version"] },
      { name: "help", short: "h", text: ["print this help"] },
    ],
  },
  { heading: "io_uring (engine uring)", flags: uringFlags },
];

/** All flags, without their groups. */
export const flags: readonly Flag[] = flagGroups.flatMap((group) => group.flags);
