import { commands } from "./commands.ts";
import type { Flag } from "./flag.ts";
import { type FlagGroup, flagGroups } from "./flags.ts";
import { wrap } from "./wrap.ts";

/** Columns that the help needs. */
const WIDTH = 80;
/** Where the text of flags begins, further right in a group with longer names. */
const TEXT_COLUMN = 33;

/**
 * The text of `--help`.
 *
 * @param program what a person types to run ringway
 */
export function renderHelp(program: string, version: string): string {
  return `ringway ${version}: relays TCP connections to upstreams in bounded memory

Usage: ${program} [flags]
       ${program} COMMAND --help

${examples(program)}

${renderCommands()}

${flagGroups.map(renderGroup).join("\n\n")}

ADDR is host:port, [ipv6]:port, unix:/path or unix:@name (abstract, Linux);
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

The log goes to stderr, statistics go to stdout, or to stderr where stdout has
the access log. Ctrl-C or SIGTERM lets running relays finish; a second one ends
at once. SIGHUP reads the file anew and applies it without ending a relay, and
opens the access log anew; SIGUSR1 does that alone; SIGUSR2 does nothing. Exit
codes: 0 stopped, 1 could not start, 2 the flags or the file are wrong, 130 or
143 ended by a second SIGINT or SIGTERM.
`;
}

function examples(program: string): string {
  const rows = [
    ["", "try it: with a Redis built in"],
    [" -l :6380 -u 127.0.0.1:6379", "port 6380 to port 6379 here"],
    [" -u db1:5432 -u db2:5432", "two upstreams, each in turn"],
    [" -l unix:/tmp/r.sock -u db1:5432", "from a unix socket"],
    [" -m sink --stats json", "swallow and count"],
  ] as const;
  const width = Math.max(...rows.map(([flags]) => flags.length));
  const lines = rows.map(([flags, text]) => `  ${program}${flags.padEnd(width)}   ${text}`);
  return ["Examples:", ...lines].join("\n");
}

function renderCommands(): string {
  const rows = Array.from(commands, ([name, { text }]) => `  ${name.padEnd(31)}${text}`);
  return ["Commands:", ...rows].join("\n");
}

/** The lines of a group of flags, as every command's help has them. */
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
  // It stays on one line.
  const initial = flag.initial?.replaceAll(" ", NO_BREAK);
  const text = initial === undefined ? flag.text : `${flag.text} [${initial}]`;
  const lines = wrap(text, WIDTH - column).map((line) => line.replaceAll(NO_BREAK, " "));
  const [first = "", ...others] = lines;
  return [head.padEnd(column) + first, ...others.map((line) => " ".repeat(column) + line)];
}
