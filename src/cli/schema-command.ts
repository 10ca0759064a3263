import { defineCommand } from "citty";
import schema from "../../packaging/ringway.schema.json" with { type: "text" };
import { cittyArgs } from "./citty-args.ts";
import type { Flag } from "./flag.ts";
import { renderGroup } from "./help.ts";
import { print } from "./output.ts";
import { programName } from "./program.ts";
import { readSwitches } from "./read-flags.ts";

const switches: readonly Flag[] = [{ name: "help", short: "h", text: "print this help" }];

/** `ringway schema`: prints the JSON Schema of a configuration file. */
export const schemaCommand = defineCommand({
  meta: { name: "schema", description: "prints a JSON Schema of the configuration" },
  args: cittyArgs(switches),
  run: ({ rawArgs }) => printSchema(rawArgs),
});

async function printSchema(rawArgs: readonly string[]): Promise<number> {
  const { switches: given } = readSwitches(rawArgs, switches);
  // TypeScript sees the JSON, although the import is a text.
  return await print(given.has("help") ? help() : String(schema));
}

function help(): string {
  return `Usage: ${programName()} schema > ringway.schema.json

Prints the JSON Schema of a configuration file. With it, editors complete keys
and show what they mean. A file names it like this:

  TOML  #:schema ./ringway.schema.json
  YAML  # yaml-language-server: $schema=./ringway.schema.json
  JSON  "$schema": "./ringway.schema.json"

A configuration in TypeScript has types instead: use defineConfig.

${renderGroup({ heading: "Flags", flags: switches })}
`;
}
