import { reasons } from "../base/reason.ts";
import { reasonTexts } from "../base/reason-texts.ts";
import { commands } from "./commands.ts";
import { EXIT, exitTexts } from "./exit-codes.ts";
import type { Flag } from "./flag.ts";
import { type FlagGroup, flagGroups, flags } from "./flags.ts";
import { wrap } from "./wrap.ts";

/** The width of the help, in columns. */
const WIDTH = 80;
/** The column in which the text of flags begins; further right if names are longer. */
const TEXT_COLUMN = 33;

/** The most used flags, each in at most 47 characters. */
const usual: readonly (readonly [name: string, text: string])[] = [
  ["listen", "accept clients here (repeatable)"],
  ["upstream", "relay them to here (repeatable)"],
  ["config", "read settings from a file; flags win"],
  ["watch", "reload when that file changes"],
  ["mode", "bidirectional, oneway, sink or valkey"],
  ["balance", "how an upstream is chosen [round-robin]"],
  ["check", "check upstreams: tcp, redis, postgres, http…"],
  ["hold-timeout", "hold clients while all upstreams are down"],
  ["on-down", "what happens to relays of one that is down"],
  ["allow", "admit only these networks"],
  ["max-relays", "the most relays at a time"],
  ["proxy-protocol", "clients begin with a PROXY header"],
  ["connect-timeout", "give up a dial after this [5s]"],
  ["idle-timeout", "end relays without traffic [off]"],
  ["drain-timeout", "how long relays may go on at a stop [10s]"],
  ["access-log", "a line of JSON for each relay"],
  ["admin", "serve the admin page, API and metrics here"],
  ["engine", "sockets, uring or auto [auto]"],
  ["workers", "threads that relay, or auto [1]"],
  ["verbose", "log every relay"],
];

/**
 * The text of `--help`, which fits on a screen.
 *
 * @param program what a person types to run ringway
 */
export function renderHelp(program: string, version: string): string {
  return `${title(version)}

${usage(program)}

${examples(program)}

The usual flags (\`${program} help all\` has all of them):
${usual.map(renderUsual).join("\n")}

Commands: ${wrap([...commands.keys()].join(", "), WIDTH - 10).join(`\n${" ".repeat(10)}`)}
Topics:   ${wrap(helpTopics.join(", "), WIDTH - 10).join(`\n${" ".repeat(10)}`)}
`;
}

function renderUsual([name, text]: readonly [string, string]): string {
  const flag = flags.find((one) => one.name === name);
  return `${flag === undefined ? "" : headOf(flag)}`.padEnd(TEXT_COLUMN) + text;
}

/** Topics that are not groups of flags. */
const otherTopics: Readonly<Record<string, () => string>> = {
  values: () => VALUES,
  signals: renderSignals,
  reasons: renderReasons,
};

/** The topics of `ringway help`, except `all`. */
export const helpTopics: readonly string[] = [
  ...flagGroups.flatMap(({ topic = [] }) => topic),
  ...Object.keys(otherTopics),
  "all",
];

/** The text of `ringway help TOPIC`. @returns null for an unknown topic */
export function renderTopic(topic: string, program: string, version: string): string | null {
  if (topic === "all") return renderAll(program, version);
  const group = flagGroups.find((one) => one.topic === topic);
  if (group !== undefined) return `${renderGroup(group)}\n`;
  return Object.hasOwn(otherTopics, topic) ? (otherTopics[topic]?.() ?? null) : null;
}

/** The whole help, except the reasons. */
function renderAll(program: string, version: string): string {
  return `${title(version)}

${usage(program)}

${examples(program)}

${renderCommands()}

${flagGroups.map(renderGroup).join("\n\n")}

${VALUES}
${renderSignals()}`;
}

function title(version: string): string {
  return `ringway ${version}: relays TCP connections to upstreams in bounded memory`;
}

function usage(program: string): string {
  return `Usage: ${program} [flags]
       ${program} COMMAND --help
       ${program} help TOPIC`;
}

const VALUES = `ADDR is host:port, [ipv6]:port, unix:/path or unix:@name (abstract, Linux);
     for --listen also :port (all addresses), and port 0 picks a free one.
TIME is 500ms, 5s, 2m, 1h or a plain number of seconds; 50us for short ones of
     --uring.
SIZE is 64KiB, 64k, 1MiB or a plain number of bytes.
FILE is TOML, YAML, JSON, TypeScript or JavaScript (its default export). Its
     keys are the long flags in camelCase, such as connectTimeout = "5s";
     listen and upstream are an address or a list of them. --uring flags are
     keys of a table of that name, such as [uring] receive = "single". Several
     [[listeners]] have name, listen, upstreams, mode, connectTimeout and
     halfCloseTimeout of their own. "\${NAME}" or "\${NAME:-default}" in a text is
     an environment variable.

Flags win over the file: --mode and the timeouts hold for all its listeners;
--listen or --upstream replace its [[listeners]] by what the flags say.
`;

function renderSignals(): string {
  const codes = (Object.keys(EXIT) as (keyof typeof EXIT)[]).flatMap((name) =>
    hung(`${EXIT[name]}`.padStart(5), exitTexts[name], 7),
  );
  return `Signals:
  SIGTERM, SIGINT  stop: accept no new clients, let relays finish, print
                   statistics, exit. A second one ends at once.
  SIGHUP           reload the configuration without ending a relay, and reopen
                   the access log
  SIGUSR1          reopen the access log, and nothing else
  SIGUSR2          nothing, with a warning

The log goes to stderr, statistics go to stdout, or to stderr if stdout has the
access log.

Exit codes:
${codes.join("\n")}
`;
}

function renderReasons(): string {
  const blocks = reasons.map((reason) => {
    const { meaning, cause, advice } = reasonTexts[reason];
    return [
      reason,
      ...hung("", meaning, 4),
      ...hung("    Likely cause:", cause, 18),
      ...hung("    What to do:", advice, 18),
    ].join("\n");
  });
  return `${blocks.join("\n\n")}\n`;
}

/** A text in lines from a column on; the first one follows a head. */
function hung(head: string, text: string, column: number): string[] {
  const [first = "", ...others] = wrap(text, WIDTH - column);
  return [head.padEnd(column) + first, ...others.map((line) => " ".repeat(column) + line)];
}

function examples(program: string): string {
  const rows = [
    ["", "try it: a Redis is built in"],
    [" -l :6380 -u 127.0.0.1:6379", "port 6380 to port 6379 here"],
    [" -u db1:5432 -u db2:5432", "two upstreams, each in turn"],
    [" -l unix:/tmp/r.sock -u db1:5432", "from a unix socket"],
    [" -m sink --stats json", "receive, count, discard"],
  ] as const;
  const width = Math.max(...rows.map(([flags]) => flags.length));
  const lines = rows.map(([flags, text]) => `  ${program}${flags.padEnd(width)}   ${text}`);
  return ["Examples:", ...lines].join("\n");
}

function renderCommands(): string {
  const rows = Array.from(commands, ([name, { text }]) => `  ${name.padEnd(31)}${text}`);
  return ["Commands:", ...rows].join("\n");
}

/** The lines of a group of flags, for the help of every command. */
export function renderGroup({ heading, flags }: FlagGroup): string {
  const heads = flags.map(headOf);
  const column = Math.max(TEXT_COLUMN, ...heads.map((head) => head.length + 2));
  const lines = flags.flatMap((flag, index) => renderFlag(flag, heads[index] ?? "", column));
  return [`${heading}:`, ...lines].join("\n");
}

function headOf({ name, short, hint }: Flag): string {
  const letter = short === undefined ? "   " : `-${short},`;
  return `  ${letter} --${name}${hint === undefined ? "" : ` ${hint}`}`;
}

const NO_BREAK = "\u00a0";

function renderFlag(flag: Flag, head: string, column: number): string[] {
  // A default stays on one line.
  const initial = flag.initial?.replaceAll(" ", NO_BREAK);
  const text = initial === undefined ? flag.text : `${flag.text} [${initial}]`;
  const lines = wrap(text, WIDTH - column).map((line) => line.replaceAll(NO_BREAK, " "));
  const [first = "", ...others] = lines;
  return [head.padEnd(column) + first, ...others.map((line) => " ".repeat(column) + line)];
}
