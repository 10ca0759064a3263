import { type ArgsDef, defineCommand } from "citty";
import type { PlanDocument } from "../control/admin/plan-document.ts";
import { AdminClient, adminFlags } from "./admin-client.ts";
import { renderGroup } from "./help.ts";
import { writeOut } from "./output.ts";
import { programName } from "./program.ts";
import { readSwitches } from "./read-flags.ts";
import { renderPlan } from "./render-plan.ts";

/** `ringway reload`: has a proxy take its configuration anew. Its `run` answers with the exit code. */
export const reloadCommand = defineCommand({
  meta: { name: "reload", description: "has a proxy read its configuration anew" },
  args: Object.fromEntries(adminFlags.map(({ name }) => [name, { type: "string" }])) as ArgsDef,
  run: ({ rawArgs }) => reload(rawArgs),
});

async function reload(rawArgs: readonly string[]): Promise<number> {
  const line = readSwitches(rawArgs, adminFlags);
  if (line.switches.has("help")) return await print(help());
  const client = AdminClient.of(line, "reload");
  const plan = await client.request<PlanDocument>("POST", "/api/reload");
  return await print(line.switches.has("json") ? `${JSON.stringify(plan)}\n` : renderPlan(plan));
}

function help(): string {
  return `Usage: ${programName()} reload --admin ADDR [flags]

Has a proxy read its configuration anew and apply what differs, as SIGHUP does,
without ending a relay; then says what that was. What is wrong changes nothing.

${renderGroup({ heading: "Flags", flags: adminFlags })}

Exit codes: 0 done, 1 no proxy answers or it cannot do that now, 2 the flags
or its file are wrong.
`;
}

async function print(text: string): Promise<number> {
  return (await writeOut(text)) === null ? 0 : 1;
}
