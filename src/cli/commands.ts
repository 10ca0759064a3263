/** What each command does, in at most 47 characters. (The proxy itself has no command.) */
const texts = {
  check: "check a configuration FILE",
  init: "write an example configuration FILE",
  schema: "print a JSON Schema of it, for editors",
  doctor: "say what this machine allows, with remedies",
  top: "show a running proxy, live",
  relays: "list the relays of a running proxy",
  upstreams: "list or change the upstreams of a running proxy",
  plan: "show what a reload would change",
  reload: "reload its configuration",
  drain: "stop it, or one listener, gracefully",
  completion: "print a script for bash, zsh or fish",
  help: "explain a TOPIC, or all",
} as const;

/** The name of a command. */
export type CommandName = keyof typeof texts;

/** The commands in the order of the help. A command is the first argument, before all flags. */
export const commands: ReadonlyMap<string, { readonly text: string }> = new Map(
  Object.entries(texts).map(([name, text]) => [name, { text }]),
);

/** Their names, in the same order. */
export const commandNames: readonly string[] = Object.keys(texts);
