import { ConfigError } from "../../src/base/error.ts";
import { loadCommand } from "../../src/cli/load-command.ts";
import { readFlags } from "../../src/cli/read-flags.ts";
import { validate } from "../../src/config/validate.ts";

/** What stands for the program in examples: installed, in a clone, and as npm starts it. */
const PROGRAMS = ["ringway", "./dist/ringway", "bun run proxy", "npm run proxy --"];

/** The arguments of every ringway that a shell example starts. */
export function ringwayLines(shell: string): string[][] {
  return shell
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .flatMap(simpleCommands)
    .flatMap((words) => {
      const program = PROGRAMS.map((one) => one.split(" ")).find((name) =>
        name.every((word, at) => words[at] === word),
      );
      return program === undefined ? [] : [words.slice(program.length)];
    });
}

/** What is wrong with the arguments; nothing is started. */
export async function problemsOf(args: readonly string[]): Promise<readonly string[]> {
  const named = await loadCommand(args[0] ?? "");
  if (named !== null) {
    const { args: known = {} } = named;
    return args
      .slice(1)
      .filter((arg) => /^--/.test(arg) && !Object.hasOwn(known, arg.replace(/^--|=.*$/g, "")))
      .map((arg) => `${args[0]} has no ${arg}`);
  }
  const { config, given, problems } = readFlags(args);
  // Of a file nothing is known here: it is a block of its own.
  if (problems.length > 0 || config !== null) return problems;
  try {
    validate(given);
    return [];
  } catch (error) {
    // Nor of the files that flags name, such as a certificate.
    const isOfFlags = (problem: string) => !problem.endsWith(": there is no such file");
    if (error instanceof ConfigError) return error.problems.filter(isOfFlags);
    throw error;
  }
}

/** The commands of a line, each in words, without comments, variables before them and redirections. */
function simpleCommands(line: string): string[][] {
  const all: string[][] = [[]];
  for (const [word] of line.matchAll(
    /#.*$|&&|\|\||[|;&()]|(?:'[^']*'|"[^"]*"|\\.|[^\s|;&()'"\\])+/g,
  )) {
    if (word.startsWith("#")) break;
    if (/^[|;&()]/.test(word)) all.push([]);
    else all.at(-1)?.push(word.replaceAll(/'([^']*)'|"([^"]*)"/g, "$1$2"));
  }
  return all.map((words) => {
    const from = words.findIndex(
      (word) => !/^\w+=/.test(word) && word !== "exec" && word !== "sudo",
    );
    const until = words.findIndex((word) => /^\d?[<>]/.test(word));
    return words.slice(Math.max(from, 0), until < 0 ? undefined : until);
  });
}
