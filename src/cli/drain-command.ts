import { type ArgsDef, defineCommand } from "citty";
import { formatCount, formatDuration } from "../config/quantity.ts";
import type { DrainDocument } from "../control/admin/api.ts";
import { AdminClient, adminFlags } from "./admin-client.ts";
import { renderGroup } from "./help.ts";
import { writeOut } from "./output.ts";
import { programName } from "./program.ts";
import { readSwitches } from "./read-flags.ts";

/** `ringway drain`: lets a proxy finish and stop. Its `run` answers with the exit code. */
export const drainCommand = defineCommand({
  meta: { name: "drain", description: "lets a proxy finish its relays and stop" },
  args: Object.fromEntries(adminFlags.map(({ name }) => [name, { type: "string" }])) as ArgsDef,
  run: ({ rawArgs }) => drain(rawArgs),
});

async function drain(rawArgs: readonly string[]): Promise<number> {
  const line = readSwitches(rawArgs, adminFlags);
  if (line.switches.has("help")) return await print(help());
  const client = AdminClient.of(line, "drain");
  const answer = await client.request<DrainDocument>("POST", "/api/drain");
  return await print(line.switches.has("json") ? `${JSON.stringify(answer)}\n` : render(answer));
}

function render({ running, drainTimeoutMs }: DrainDocument): string {
  if (running === 0) return "draining: no relays running\n";
  const relays = running === 1 ? "1 relay" : `${formatCount(running)} relays`;
  return `draining: ${relays} running, up to ${formatDuration(drainTimeoutMs)}\n`;
}

function help(): string {
  return `Usage: ${programName()} drain --admin ADDR [flags]

Has a proxy stop as at SIGTERM: it accepts nobody new, lets its relays finish
up to its drain timeout, and ends. Does not wait for that.

${renderGroup({ heading: "Flags", flags: adminFlags })}

Exit codes: 0 it drains, 1 no proxy answers, 2 the flags are wrong.
`;
}

async function print(text: string): Promise<number> {
  return (await writeOut(text)) === null ? 0 : 1;
}
