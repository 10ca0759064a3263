import { defineCommand } from "citty";
import { cittyArgs } from "./citty-args.ts";
import { examine } from "./doctor/examine.ts";
import { renderDoctor } from "./doctor/render.ts";
import type { Flag } from "./flag.ts";
import { renderGroup } from "./help.ts";
import { print } from "./output.ts";
import { programName } from "./program.ts";
import { readSwitches } from "./read-flags.ts";

const switches: readonly Flag[] = [
  { name: "json", text: "the same for programs" },
  { name: "help", short: "h", text: "print this help" },
];

/**
 * `ringway doctor`: reports what this machine allows. Its `run` returns the exit code: 1 only if
 * no engine can run here.
 */
export const doctorCommand = defineCommand({
  meta: { name: "doctor", description: "says what this machine allows" },
  args: cittyArgs(switches),
  run: ({ rawArgs }) => doctor(rawArgs),
});

async function doctor(rawArgs: readonly string[]): Promise<number> {
  const { switches: given } = readSwitches(rawArgs, switches);
  if (given.has("help")) return await print(help());
  const findings = examine();
  const text = given.has("json")
    ? `${JSON.stringify(findings, null, 2)}\n`
    : renderDoctor(findings, process.stdout.isTTY === true && !process.env.NO_COLOR);
  return await print(text, findings.engine === null ? 1 : 0);
}

function help(): string {
  return `Usage: ${programName()} doctor [--json]

Says which engine can run on this machine and why, which limits would hinder a
busy proxy, and what to do about each.

${renderGroup({ heading: "Flags", flags: switches })}

Exit codes: 0 an engine can run, 1 none can, 2 the flags are wrong.
`;
}
