import { type ArgsDef, defineCommand } from "citty";
import type { PlanDocument } from "../control/admin/plan-document.ts";
import { AdminClient, adminFlags } from "./admin-client.ts";
import { renderGroup } from "./help.ts";
import { writeOut } from "./output.ts";
import { programName } from "./program.ts";
import { readSwitches } from "./read-flags.ts";
import { renderPlan } from "./render-plan.ts";

/** `ringway plan`: what a reload would change. Its `run` answers with the exit code. */
export const planCommand = defineCommand({
  meta: { name: "plan", description: "says what a reload would change" },
  args: Object.fromEntries(adminFlags.map(({ name }) => [name, { type: "string" }])) as ArgsDef,
  run: ({ rawArgs }) => plan(rawArgs),
});

async function plan(rawArgs: readonly string[]): Promise<number> {
  const line = readSwitches(rawArgs, adminFlags);
  if (line.switches.has("help")) return await print(help());
  const client = AdminClient.of(line, "plan");
  const plan = await client.request<PlanDocument>("POST", "/api/plan");
  return await print(line.switches.has("json") ? `${JSON.stringify(plan)}\n` : renderPlan(plan));
}

function help(): string {
  return `Usage: ${programName()} plan --admin ADDR [flags]

Has a proxy read its configuration anew and says what a reload would change:
listeners that are added (+), removed (-) or changed (~), and what only a
restart changes (!). Nothing is done.

${renderGroup({ heading: "Flags", flags: adminFlags })}

Exit codes: 0 told, 1 no proxy answers, 2 the flags or its file are wrong.
`;
}

async function print(text: string): Promise<number> {
  return (await writeOut(text)) === null ? 0 : 1;
}
