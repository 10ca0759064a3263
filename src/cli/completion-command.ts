import { type CommandDef, defineCommand } from "citty";
import { ConfigError, describe } from "../base/error.ts";
import { cittyArgs } from "./citty-args.ts";
import { commandNames } from "./commands.ts";
import {
  type CompletedCommand,
  type CompletedFlag,
  renderCompletion,
  shells,
  textOfCommand,
} from "./completion.ts";
import type { Flag } from "./flag.ts";
import { helpTopics, renderGroup } from "./help.ts";
import { print } from "./output.ts";
import { programName } from "./program.ts";
import { readSwitches } from "./read-flags.ts";

const switches: readonly Flag[] = [{ name: "help", short: "h", text: "print this help" }];

/** The words that the argument of a command may be. */
const operands: Readonly<Record<string, readonly string[]>> = {
  help: helpTopics,
  completion: shells,
};
/** Commands whose argument is a file. */
const FILE_COMMANDS = ["check", "init"];

/** Loads a command; null for an unknown name. */
type Load = (name: string) => Promise<CommandDef | null>;

/**
 * `ringway completion SHELL`: prints a script with which a shell completes flags, values and
 * commands. Its `run` returns the exit code, and throws ConfigError for an unknown shell.
 *
 * @param load loads other commands, for their flags
 */
export function completionCommand(load: Load): CommandDef {
  return defineCommand({
    meta: { name: "completion", description: "prints a script for completion in a shell" },
    args: cittyArgs(switches),
    run: ({ rawArgs }) => completion(rawArgs, load),
  });
}

async function completion(rawArgs: readonly string[], load: Load): Promise<number> {
  const { switches: given, operand } = readSwitches(rawArgs, switches, 1);
  if (given.has("help")) return await print(help());
  const shell = shells.find((one) => one === operand);
  if (shell === undefined) {
    const got = operand === null ? "" : `, got ${describe(operand)}`;
    throw new ConfigError(`completion needs a shell: ${shells.join(", ")}${got}`);
  }
  const all: CompletedCommand[] = [];
  for (const name of commandNames) {
    const command = await load(name);
    if (command === null) continue;
    all.push({
      name,
      text: textOfCommand(name),
      flags: flagsOf(command),
      operands: operands[name] ?? [],
      takesFile: FILE_COMMANDS.includes(name),
    });
  }
  return await print(renderCompletion(shell, all));
}

function flagsOf({ args }: CommandDef): CompletedFlag[] {
  return Object.entries((args ?? {}) as ReturnType<typeof cittyArgs>).map(([name, arg]) => {
    const { alias, description = "" } = arg as { alias?: string; description?: string };
    return {
      name,
      ...(alias === undefined ? {} : { short: alias }),
      text: description,
      values: arg.type === "boolean" ? null : [],
      isFile: false,
    };
  });
}

function help(): string {
  return `Usage: ${programName()} completion SHELL

Prints a script by which a shell completes flags, their values, commands and
files. For the shell that runs:

  bash  source <(ringway completion bash)
  zsh   source <(ringway completion zsh)
  fish  ringway completion fish | source

${renderGroup({ heading: "Flags", flags: switches })}
`;
}
