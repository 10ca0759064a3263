import { writeFile } from "node:fs/promises";
import { extname } from "node:path";
import { defineCommand } from "citty";
import { ConfigError, printable } from "../base/error.ts";
import { cittyArgs } from "./citty-args.ts";
import type { Flag } from "./flag.ts";
import { renderGroup } from "./help.ts";
import { exampleFor } from "./init/examples.ts";
import { print } from "./output.ts";
import { programName } from "./program.ts";
import { readSwitches } from "./read-flags.ts";

const switches: readonly Flag[] = [
  { name: "force", short: "f", text: "overwrite a file that is there already" },
  { name: "help", short: "h", text: "print this help" },
];

const DEFAULT_FILE = "ringway.toml";

/**
 * `ringway init [FILE]`: writes an example configuration. Its `run` returns the exit code, and
 * throws ConfigError if the file cannot be written or already exists.
 */
export const initCommand = defineCommand({
  meta: { name: "init", description: "writes an example of a configuration" },
  args: cittyArgs(switches),
  run: ({ rawArgs }) => init(rawArgs),
});

async function init(rawArgs: readonly string[]): Promise<number> {
  const { switches: given, operand } = readSwitches(rawArgs, switches, 1);
  if (given.has("help")) return await print(help());
  const path = operand ?? DEFAULT_FILE;
  const name = printable(path);
  try {
    const example = exampleFor(extname(path).toLowerCase());
    await writeFile(path, example, { flag: given.has("force") ? "w" : "wx" });
  } catch (error) {
    throw new ConfigError(`${name}: ${whyNot(error)}`);
  }
  const program = programName();
  return await print(`wrote ${name}; see it with \`${program} check ${name}\`, run it with -c\n`);
}

function whyNot(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const { code = "unknown error" } = error as NodeJS.ErrnoException;
  switch (code) {
    case "EEXIST":
      return "is there already; --force overwrites it";
    case "ENOENT":
    case "ENOTDIR":
      return "cannot be written: there is no such directory";
    case "EISDIR":
      return "cannot be written: it is a directory";
    case "EACCES":
    case "EPERM":
      return "cannot be written: no permission";
    default:
      return `cannot be written: ${code}`;
  }
}

function help(): string {
  return `Usage: ${programName()} init [FILE] [--force]

Writes an example configuration with all settings and comments to FILE, or to
${DEFAULT_FILE}. The end of the name chooses the language: .toml, .yaml, .yml,
.ts, or .json, which has no comments and is shorter.

${renderGroup({ heading: "Flags", flags: switches })}

Exit codes: 0 written, 2 it could not be written, or exists already.
`;
}
