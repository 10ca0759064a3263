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

/** A request of a command to the admin API. */
export interface AdminQuestion {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object;
}

/** A command that sends one request to the admin API of a running proxy. */
export interface AdminCommand<T> {
  readonly name: string;
  /** A short description for citty. */
  readonly description: string;
  /** Its own flags; those of all such commands follow. */
  readonly flags?: readonly Flag[];
  /** Turns a command line into the request. @throws ConfigError if it makes no sense */
  readonly question: (line: CommandArguments) => AdminQuestion;
  /** The shape of a valid answer. */
  readonly shape: AnswerShape;
  /** The lines to print for a person; `--json` prints the answer unchanged. */
  readonly render: (answer: T) => string;
  /** Lines of its help, at most 80 columns wide. */
  readonly about: string;
  readonly exitCodes: string;
}

/** Makes the command. Its `run` returns the exit code. */
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
  // Texts may come from others. In JSON the escapes mean the same.
  return await print(printableLines(text));
}

function help<T>({ name, about, exitCodes }: AdminCommand<T>, flags: readonly Flag[]): string {
  return `Usage: ${programName()} ${name} --admin ADDR [flags]

${about}

${renderGroup({ heading: "Flags", flags })}

Exit codes: ${exitCodes}
`;
}
