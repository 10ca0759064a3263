import { type CommandDef, defineCommand } from "citty";
import { printableLines } from "../base/error.ts";
import type { AnswerShape } from "./admin-answers.ts";
import { AdminClient, adminFlags } from "./admin-client.ts";
import { cittyArgs } from "./citty-args.ts";
import type { Flag } from "./flag.ts";
import { renderGroup } from "./help.ts";
import { print } from "./output.ts";
import { programName } from "./program.ts";
import { type CommandArguments, readSwitches } from "./read-flags.ts";

/** What a command asks of the admin API. */
export interface AdminQuestion {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object;
}

/** One request to the admin API of a running proxy, as a command. */
export interface AdminCommand<T> {
  readonly name: string;
  /** For citty, in a few words. */
  readonly description: string;
  /** Flags of its own, before those of every such command. */
  readonly flags?: readonly Flag[];
  /** What the line asks for. @throws ConfigError when that makes no sense */
  readonly question: (line: CommandArguments) => AdminQuestion;
  /** What the answer has to be. */
  readonly shape: AnswerShape;
  /** The answer for a person, in lines; `--json` prints it as it is. */
  readonly render: (answer: T) => string;
  /** What its help says, in lines of at most 80 columns. */
  readonly about: string;
  readonly exitCodes: string;
}

/** Makes the command. Its `run` answers with the exit code. */
export function adminCommand<T>(command: AdminCommand<T>): CommandDef {
  const flags = [...(command.flags ?? []), ...adminFlags];
  return defineCommand({
    meta: { name: command.name, description: command.description },
    args: cittyArgs(flags),
    run: ({ rawArgs }) => ask(command, flags, rawArgs),
  });
}

async function ask<T>(
  command: AdminCommand<T>,
  flags: readonly Flag[],
  rawArgs: readonly string[],
): Promise<number> {
  const line = readSwitches(rawArgs, flags);
  if (line.switches.has("help")) return await print(help(command, flags));
  const client = AdminClient.of(line, command.name);
  const { method, path, body } = command.question(line);
  const answer = await client.request<T>(method, path, command.shape, body);
  const isJson = line.switches.has("json");
  const text = isJson ? `${JSON.stringify(answer)}\n` : command.render(answer);
  // Whatever of it comes from elsewhere; in JSON the escapes are its own, and mean the same.
  return await print(printableLines(text));
}

function help<T>({ name, about, exitCodes }: AdminCommand<T>, flags: readonly Flag[]): string {
  return `Usage: ${programName()} ${name} --admin ADDR [flags]

${about}

${renderGroup({ heading: "Flags", flags })}

Exit codes: ${exitCodes}
`;
}
