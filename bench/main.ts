import { type ArgsDef, type CommandDef, renderUsage, runCommand } from "citty";
import { UsageError } from "./commands/choose.ts";
import { compareBench } from "./commands/compare.ts";
import { microBench } from "./commands/micro.ts";
import { reportBench } from "./commands/report.ts";
import { runBench } from "./commands/run.ts";
import { soakBench } from "./commands/soak.ts";

/** Runs a command on its arguments, or explains it. */
type Entry = (rawArgs: string[]) => Promise<void>;

function entry<T extends ArgsDef>(command: CommandDef<T>): Entry {
  return async (rawArgs) => {
    if (rawArgs.includes("--help")) {
      process.stdout.write(`${await renderUsage(command)}\n`);
      return;
    }
    refuseUnknown(rawArgs, Object.keys((await command.args) ?? {}));
    await runCommand(command, { rawArgs });
  };
}

/** citty passes over an option that it does not know, and would measure something else. */
function refuseUnknown(rawArgs: readonly string[], known: readonly string[]): void {
  for (const arg of rawArgs) {
    const [, name] = /^--?([^=]+)/.exec(arg) ?? [];
    if (name === undefined || known.includes(name)) continue;
    throw new UsageError(`unknown option "${arg}"; there are: ${known.join(", ")}`);
  }
}

// Without a command's name it is a run: `bun run bench --smoke`.
const named: Readonly<Record<string, Entry>> = {
  compare: entry(compareBench),
  micro: entry(microBench),
  report: entry(reportBench),
  soak: entry(soakBench),
};

// So that what was started is stopped: an exit handler does it.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

const [first = "", ...rest] = process.argv.slice(2);
try {
  const command = Object.hasOwn(named, first) ? named[first] : undefined;
  if (command !== undefined) await command(rest);
  else await entry(runBench)(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
