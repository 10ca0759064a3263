import { defineCommand } from "citty";
import type { Source } from "../config/settings.ts";
import { Problems } from "../config/sourced.ts";
import { validate } from "../config/validate.ts";
import { cittyArgs } from "./citty-args.ts";
import { flags } from "./flags.ts";
import { renderHelp } from "./help.ts";
import { print } from "./output.ts";
import { programName, version } from "./program.ts";
import { readFlags } from "./read-flags.ts";
import { run } from "./run.ts";

/**
 * The proxy itself, the command without a name. Its `run` returns the exit code, and
 * throws ConfigError (the settings are wrong) and StartError (it cannot start here).
 */
export const proxyCommand = defineCommand({
  meta: { name: "ringway", version, description: "relays TCP connections to upstreams" },
  args: cittyArgs(flags),
  // citty reads arguments too leniently: see readFlags.
  run: ({ rawArgs }) => proxy(rawArgs),
});

/** Runs the proxy as the arguments say. @returns the exit code */
async function proxy(rawArgs: readonly string[]): Promise<number> {
  const line = readFlags(rawArgs);
  if (line.help) return await print(renderHelp(programName(), version));
  if (line.version) return await print(`${version}\n`);
  const { config, given, isWatched } = line;
  return await run({
    file: config,
    isWatched,
    read: async () => {
      const problems = new Problems(line.problems);
      const file = config === null ? null : await fromFile(config, problems);
      return validate(given, file, problems);
    },
  });
}

async function fromFile(path: string, problems: Problems): Promise<Source> {
  // Imported here, because loading the schema of files takes 10 ms.
  const { loadFile } = await import("../config/load.ts");
  return await loadFile(path, process.env, problems);
}
