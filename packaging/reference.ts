import { resolve } from "node:path";
import { replaceMarked } from "../bench/report/marked.ts";
import { apiRequests, plainRequests, type RequestText } from "../src/admin/requests.ts";
import { type Reason, reasons, Side, sideOf } from "../src/base/reason.ts";
import { reasonTexts } from "../src/base/reason-texts.ts";
import { EXIT, exitTexts } from "../src/cli/exit-codes.ts";
import {
  type Command,
  commandOf,
  type State,
  type Way,
} from "../src/kinds/valkey/command-table.ts";
import commands from "../src/kinds/valkey/commands.json";
import { accessFields } from "../src/observe/access-log/line.ts";
import { figures } from "../src/observe/metrics/figures.ts";
import { toldMetrics } from "../src/observe/metrics/metrics.ts";
import { dropReasons, dropTexts } from "../src/relay/mirror/reason.ts";
import { ROOT, settingsFiles } from "./settings.ts";

/*
 * The tables of docs/ that are generated from lists in the code. Each is in its page between
 * `<!-- NAME -->` and `<!-- end NAME -->`; `npm run docs` updates them, and a test fails if one is
 * stale.
 */

/** A table in a page. */
export interface GeneratedTable {
  /** The page, from the root of the project. */
  readonly page: string;
  /** What its markers call it. */
  readonly name: string;
  render(): string;
}

export const generatedTables: readonly GeneratedTable[] = [
  { page: "docs/observe.md", name: "metrics", render: metricsTable },
  { page: "docs/observe.md", name: "access log fields", render: fieldsTable },
  { page: "docs/end-reasons.md", name: "reasons", render: reasonsTable },
  { page: "docs/admin.md", name: "requests", render: requestsTable },
  { page: "docs/mirror.md", name: "mirror reasons", render: mirrorReasonsTable },
  { page: "docs/operate.md", name: "exit codes", render: exitCodesTable },
  { page: "docs/valkey-commands.md", name: "commands", render: commandsTable },
];

/** Returns a page with its tables updated. @throws Error if the page lacks a table's markers */
export function withTables(page: string, text: string): string {
  return generatedTables
    .filter((table) => table.page === page)
    .reduce((before, { name, render }) => {
      const after = replaceMarked(before, name, render());
      if (after === null) throw new Error(`${page} has no place for "${name}"`);
      return after;
    }, text);
}

function metricsTable(): string {
  const rows = [...figures, ...Object.values(toldMetrics)]
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, kind, labels, help }) => [
      `\`${name}\``,
      kind,
      labels.map((label) => `\`${label}\``).join(", "),
      help,
    ]);
  return table(["metric", "kind", "labels", "meaning"], rows);
}

function fieldsTable(): string {
  const rows = Object.entries(accessFields).map(([field, text]) => [`\`${field}\``, text]);
  return table(["field", "meaning"], rows);
}

function reasonsTable(): string {
  const rows = reasons.map((reason) => {
    const { meaning, cause, advice } = reasonTexts[reason];
    return [`\`${reason}\``, meaning, sideName(reason), cause, advice];
  });
  return table(["reason", "meaning", "side", "likely cause", "what to do"], rows);
}

function sideName(reason: Reason): string {
  const side = sideOf(reason);
  if (side === null) return "ringway";
  return side === Side.Client ? "client" : "upstream";
}

function mirrorReasonsTable(): string {
  const rows = dropReasons.map((reason) => [`\`${reason}\``, dropTexts[reason]]);
  return table(["reason", "meaning"], rows);
}

function requestsTable(): string {
  const all: Readonly<Record<string, RequestText>> = { ...plainRequests, ...apiRequests };
  const rows = Object.entries(all).map(([request, { does, answers }]) => [
    `\`${request}\``,
    does,
    answers,
  ]);
  return table(["request", "what it does", "what it answers"], rows);
}

function exitCodesTable(): string {
  const names = Object.keys(EXIT) as (keyof typeof EXIT)[];
  return table(
    ["code", "meaning"],
    names.map((name) => [String(EXIT[name]), exitTexts[name]]),
  );
}

/** All commands of Valkey, as the code itself judges them. */
function commandsTable(): string {
  const all = Object.entries(commands) as [string, readonly string[]][];
  const rows = all
    .filter(([name]) => !isOnlyContainer(name))
    .map(([name, flags]) => [`\`${name}\``, wayOf(name), doesWhat(judged(name), flags)]);
  return table(["command", "way", "reads or writes"], rows);
}

/** `CONFIG` alone is no command. */
function isOnlyContainer(name: string): boolean {
  const { length } = (commands as Readonly<Record<string, readonly string[]>>)[name] ?? [];
  return length === 0 && Object.keys(commands).some((other) => other.startsWith(`${name} `));
}

function judged(...words: readonly string[]): Command {
  return commandOf(words.flatMap((word) => word.split(" ")).map((word) => Buffer.from(word)));
}

function wayOf(name: string): string {
  const command = judged(name);
  const waiting = judged(name, "BLOCK");
  const isSame = waiting.way === command.way || waiting.name !== command.name;
  return isSame ? textOf(command) : `${textOf(command)}; with \`BLOCK\` ${textOf(waiting)}`;
}

function textOf({ state, way }: Command): string {
  return stateTexts[state] ?? wayTexts[way];
}

const wayTexts: Readonly<Record<Way, string>> = {
  share: "shared",
  pin: "leased",
  relay: "relayed",
  here: "answered here",
};

/** What the way does not say. */
const stateTexts: Readonly<Partial<Record<State, string>>> = {
  multi: "leased, until `EXEC` or `DISCARD`",
  watch: "leased, until `EXEC`, `DISCARD` or `UNWATCH`",
  identity: "answered here, after asking the upstream",
};

function doesWhat({ isRead }: Command, flags: readonly string[]): string {
  if (isRead) return "reads";
  // What Valkey calls reading and ringway does not may write all the same.
  return flags.includes("write") || flags.includes("readonly") ? "writes" : "";
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
}

if (import.meta.main) {
  for (const [path, render] of settingsFiles) await Bun.write(resolve(ROOT, path), render());
  for (const page of new Set(generatedTables.map((one) => one.page))) {
    const path = resolve(ROOT, page);
    await Bun.write(path, withTables(page, await Bun.file(path).text()));
  }
}
