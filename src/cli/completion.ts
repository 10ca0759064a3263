import { wordsOf } from "../config/table/kind.ts";
import { settingTable, uringTable } from "../config/table/table.ts";
import { commands } from "./commands.ts";
import { flags } from "./flags.ts";

/** The shells that {@link renderCompletion} supports. */
export const shells = ["bash", "zsh", "fish"] as const;

export type Shell = (typeof shells)[number];

/** A flag as the scripts need it. */
export interface CompletedFlag {
  /** Without its dashes. */
  readonly name: string;
  readonly short?: string;
  readonly text: string;
  /** The words that its value may be; empty for any value, null for a switch. */
  readonly values: readonly string[] | null;
  /** Its value is a file. */
  readonly isFile: boolean;
}

/** A command. */
export interface CompletedCommand {
  readonly name: string;
  readonly text: string;
  readonly flags: readonly CompletedFlag[];
  /** The words that its argument may be. */
  readonly operands: readonly string[];
  /** Its argument is a file. */
  readonly takesFile: boolean;
}

/** The help's words for values that may be files. */
const FILES = /FILE|WHERE/;

/** The flags of the proxy. */
function proxyFlags(): CompletedFlag[] {
  return flags.map(({ name, short, hint, text, setting }) => ({
    name,
    ...(short === undefined ? {} : { short }),
    text,
    values: hint === undefined ? null : wordsOfSetting(setting),
    isFile: hint !== undefined && FILES.test(hint),
  }));
}

/** The text of a command in the help. */
export function textOfCommand(name: string): string {
  return commands.get(name)?.text ?? "";
}

/** The words that a setting may have; empty if its value is no word. */
function wordsOfSetting(setting: string | undefined): string[] {
  const [group, key = ""] = setting?.startsWith("uring.")
    ? [uringTable, setting.slice(6)]
    : [settingTable, setting];
  const entry = Object.entries(group).find(([name]) => name === key)?.[1];
  return entry === undefined ? [] : wordsOf(entry.is);
}

/** A shell script that completes flags, values, commands and files. */
export function renderCompletion(shell: Shell, all: readonly CompletedCommand[]): string {
  switch (shell) {
    case "bash":
      return `# ringway completion for bash: source <(ringway completion bash)\n${bash(all)}`;
    case "zsh":
      // zsh understands bash's script.
      return `#compdef ringway
# ringway completion for zsh: source <(ringway completion zsh)
autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
${bash(all)}`;
    case "fish":
      return `# ringway completion for fish: ringway completion fish | source\n${fish(all)}`;
  }
}

/** Adds files to bash's and zsh's completions; their names may have spaces. */
const ADD_FILES = 'IFS=$lines; COMPREPLY+=($(compgen -f -- "$current"))';

function bash(all: readonly CompletedCommand[]): string {
  const own = proxyFlags();
  const everyFlag = [...own, ...all.flatMap((command) => command.flags)];
  const known = new Map(everyFlag.map((flag) => [flag.name, flag]));
  const cases = Array.from(known.values(), bashValue).filter((line) => line !== "");
  const branches = all.map(
    (command) =>
      `    ${command.name}) words="${[...command.operands, ...dashed(command.flags)].join(" ")}"${command.takesFile ? "; files=yes" : ""} ;;`,
  );
  return `_ringway() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words="" files=""
  local IFS=$IFS lines=$'\\n'
  case "$previous" in
${cases.join("\n")}
  esac
  case "\${COMP_WORDS[1]}" in
${branches.join("\n")}
    *) words="${dashed(own).join(" ")}"
      [ "$COMP_CWORD" -eq 1 ] && words="${all.map(({ name }) => name).join(" ")} $words" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ -z "$files" ] || { ${ADD_FILES}; }
}
complete -o filenames -F _ringway ringway
`;
}

/** The completions of a flag's value. */
function bashValue({ name, short, values, isFile }: CompletedFlag): string {
  if (values === null) return "";
  const pattern = short === undefined ? `--${name}` : `--${name} | -${short}`;
  const words =
    values.length === 0 ? "" : `COMPREPLY=($(compgen -W "${values.join(" ")}" -- "$current")); `;
  const files = isFile ? `${ADD_FILES}; ` : "";
  return `    ${pattern}) ${words}${files}return ;;`;
}

function dashed(all: readonly CompletedFlag[]): string[] {
  return all.map(({ name }) => `--${name}`);
}

function fish(all: readonly CompletedCommand[]): string {
  const names = all.map(({ name }) => name).join(" ");
  const isProxy = `not __fish_seen_subcommand_from ${names}`;
  const lines = all.flatMap((command) => {
    const isIt = `__fish_seen_subcommand_from ${command.name}`;
    const operands = command.operands.join(" ");
    return [
      `complete -c ringway -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.text)}`,
      ...(operands === "" ? [] : [`complete -c ringway -n ${quoted(isIt)} -a ${quoted(operands)}`]),
      ...(command.takesFile ? [`complete -c ringway -n ${quoted(isIt)} -F`] : []),
      ...command.flags.map((flag) => fishFlag(flag, isIt)),
    ];
  });
  return [
    "complete -c ringway -f",
    ...lines,
    ...proxyFlags().map((flag) => fishFlag(flag, isProxy)),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

function fishFlag({ name, short, text, values, isFile }: CompletedFlag, when: string): string {
  const letter = short === undefined ? "" : ` -s ${short}`;
  const words = values === null || values.length === 0 ? "" : ` -a ${quoted(values.join(" "))}`;
  const value = values === null ? "" : isFile ? ` -r -F${words}` : ` -x${words}`;
  return `complete -c ringway -n ${quoted(when)} -l ${name}${letter}${value} -d ${quoted(text)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
