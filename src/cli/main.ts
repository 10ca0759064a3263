import { runCommand } from "citty";
import { ConfigError } from "../base/error.ts";
import { EXIT } from "./exit-codes.ts";
import { loadCommand } from "./load-command.ts";
import { complain, standardStream } from "./output.ts";
import { proxyCommand } from "./proxy-command.ts";
import { StartError } from "./start-error.ts";

/**
 * Runs the command line, from its arguments to the exit code. The only place that ends the process
 * in an orderly way: citty's `runMain` would exit with 1 on every error and print the usage.
 */
export async function main(args: readonly string[]): Promise<never> {
  process.on("uncaughtException", (error) => process.exit(failed(error, args)));
  process.on("unhandledRejection", (error) => process.exit(failed(error, args)));
  try {
    const [name = "", ...others] = args;
    const named = await loadCommand(name);
    const rawArgs = named === null ? [...args] : others;
    const { result } = await runCommand(named ?? proxyCommand, { rawArgs });
    process.exit(typeof result === "number" ? result : 0);
  } catch (error) {
    process.exit(failed(error, args));
  }
}

/** Prints what went wrong. @returns the exit code */
function failed(error: unknown, args: readonly string[]): number {
  if (error instanceof ConfigError) {
    for (const sentence of error.problems) complain(sentence);
    return EXIT.config;
  }
  if (error instanceof StartError) {
    complain(error.message);
    return EXIT.start;
  }
  const isVerbose = args.some((arg) => arg === "--verbose" || /^-[a-zA-Z]*v/.test(arg));
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const more = isVerbose ? "" : " (run with --verbose for the place)";
  complain(`this is a defect of ringway, please report it: ${message.split("\n")[0]}${more}`);
  if (isVerbose && error instanceof Error) {
    standardStream("stderr").write(`${error.stack}\n`);
  }
  return EXIT.defect;
}
