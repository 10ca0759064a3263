import { type ArgsDef, defineCommand } from "citty";
import { printable } from "../config/error.ts";
import { formatCount, formatDuration, formatSize } from "../config/quantity.ts";
import type { RelaysDocument } from "../control/admin/api.ts";
import { alignColumns } from "../observe/columns.ts";
import { AdminClient, adminFlags } from "./admin-client.ts";
import type { Flag } from "./flags.ts";
import { renderGroup } from "./help.ts";
import { writeOut } from "./output.ts";
import { programName } from "./program.ts";
import { readSwitches } from "./read-flags.ts";

const flags: readonly Flag[] = [
  { name: "filter", hint: "TEXT", text: ["only those with this in client or upstream"] },
  { name: "sort", hint: "WORD", text: ["by id, duration, bytes or client"], initial: "id" },
  { name: "limit", hint: "N", text: ["so many at most, 1…1,000"], initial: "100" },
  ...adminFlags,
];

/** `ringway relays`: the relays that a proxy has. Its `run` answers with the exit code. */
export const relaysCommand = defineCommand({
  meta: { name: "relays", description: "lists the relays of a running proxy" },
  args: Object.fromEntries(flags.map(({ name }) => [name, { type: "string" }])) as ArgsDef,
  run: ({ rawArgs }) => list(rawArgs),
});

async function list(rawArgs: readonly string[]): Promise<number> {
  const line = readSwitches(rawArgs, flags);
  if (line.switches.has("help")) return await print(help());
  const query = new URLSearchParams();
  for (const name of ["filter", "sort", "limit"]) {
    const value = line.values.get(name);
    if (value !== undefined) query.set(name, value);
  }
  const client = AdminClient.of(line, "relays");
  const document = await client.request<RelaysDocument>("GET", `/api/relays?${query}`);
  return await print(
    line.switches.has("json") ? `${JSON.stringify(document)}\n` : renderRelays(document),
  );
}

/** The list for a person: a line for each relay, below their number. */
export function renderRelays({ running, matching, relays }: RelaysDocument): string {
  const shown = relays.length < matching ? `, the first ${formatCount(relays.length)} here` : "";
  const all = matching === running ? "" : ` of ${formatCount(running)}`;
  const head = `${formatCount(matching)}${all} running${shown}`;
  const rows = relays.map((relay) => [
    `${relay.id}`,
    printable(relay.client),
    printable(relay.upstream ?? "-"),
    formatDuration(relay.durationMs),
    formatSize(relay.up.receivedBytes),
    formatSize(relay.down.receivedBytes),
  ]);
  const titles = ["relay", "client", "upstream", "runs for", "up", "down"];
  const lines = relays.length === 0 ? [] : alignColumns([titles, ...rows]);
  return `${[head, ...lines].join("\n")}\n`;
}

function help(): string {
  return `Usage: ${programName()} relays --admin ADDR [flags]

Lists the relays that a proxy has, the first to come first. With --json numbers
have their units in their names; what came from clients is under "up".

${renderGroup({ heading: "Flags", flags })}

Exit codes: 0 listed, 1 no proxy answers, 2 the flags are wrong.
`;
}

async function print(text: string): Promise<number> {
  return (await writeOut(text)) === null ? 0 : 1;
}
