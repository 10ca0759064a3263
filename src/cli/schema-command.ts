import { type ArgsDef, defineCommand } from "citty";
import schema from "../../packaging/ringway.schema.json" with { type: "text" };
import type { Flag } from "./flags.ts";
import { renderGroup } from "./help.ts";
import { writeOut } from "./output.ts";
import { programName } from "./program.ts";
import { readSwitches } from "./read-flags.ts";

const switches: readonly Flag[] = [{ name: "help", short: "h", text: ["print this help"] }];

/** `ringway schema`: prints the JSON Schema of a configuration file. */
export const schemaCommand = defineCommand({
  meta: { name: "schema", description: "prints a JSON Schema of the configuration" },
  args: Object.fromEntries(switches.map(({ name }) => [name, { type: "boolean" }])) as ArgsDef,
  run: ({ rawArgs }) => print(rawArgs),
});

async function print(rawArgs: readonly string[]): Promise<number> {
  const { switches: given } = readSwitches(rawArgs, switches);
  // TypeScript sees what the file holds and not that it is taken as a text.
  const text = given.has("help") ? help() : String(schema);
  return (await writeOut(text)) === null ? 0 : 1;
}

function help(): string {
  return `Usage: ${programName()} schema > ringway.schema.json

Prints the JSON Schema of a configuration file, by which editors complete keys
and show what they mean. How a file names it:

  TOML  #:schema ./ringway.schema.json
  YAML  # yaml-language-server: $schema=./ringway.schema.json
  JSON  "$schema": "./ringway.schema.json"

A configuration in TypeScript has types instead: see defineConfig.

${renderGroup({ heading: "Flags", flags: switches })}
`;
}
