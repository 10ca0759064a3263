import { defineCommand } from "citty";
import { ConfigError, describe } from "../base/error.ts";
import { nearest } from "../config/suggest.ts";
import { cittyArgs } from "./citty-args.ts";
import type { Flag } from "./flag.ts";
import { helpTopics, renderGroup, renderHelp, renderTopic } from "./help.ts";
import { print } from "./output.ts";
import { programName, version } from "./program.ts";
import { readSwitches } from "./read-flags.ts";

const switches: readonly Flag[] = [{ name: "help", short: "h", text: "print this help" }];

/**
 * `ringway help TOPIC`: explains a group of flags, values, signals, reasons or everything. Its
 * `run` returns the exit code, and throws ConfigError for an unknown topic.
 */
export const helpCommand = defineCommand({
  meta: { name: "help", description: "explains a topic" },
  args: cittyArgs(switches),
  run: ({ rawArgs }) => help(rawArgs),
});

async function help(rawArgs: readonly string[]): Promise<number> {
  const { switches: given, operand } = readSwitches(rawArgs, switches, 1);
  if (given.has("help")) return await print(ownHelp());
  if (operand === null) return await print(renderHelp(programName(), version));
  const text = renderTopic(operand, programName(), version);
  if (text !== null) return await print(text);
  const near = nearest(operand, helpTopics);
  const hint = near === null ? `there are ${helpTopics.join(", ")}` : `did you mean ${near}?`;
  throw new ConfigError(`no such topic ${describe(operand)}; ${hint}`);
}

function ownHelp(): string {
  return `Usage: ${programName()} help TOPIC

Explains one of these: ${helpTopics.slice(0, 9).join(", ")},
${helpTopics.slice(9).join(", ")}.

${renderGroup({ heading: "Flags", flags: switches })}
`;
}
