/** What each command beside the proxy, which has no name, does: in at most 47 characters. */
const texts = {
  check: "whether a configuration FILE is right",
  init: "write an example of a configuration FILE",
  schema: "print a JSON Schema of it, for editors",
  doctor: "what this machine allows, and remedies",
  top: "show a running proxy, live",
  relays: "list the relays of a running proxy",
  upstreams: "list or change its upstreams",
  plan: "what a reload of it would change",
  reload: "have it read its configuration anew",
  drain: "let it, or one listener, finish and stop",
  help: "explain a TOPIC, or all",
} as const;

/** The name of a command. */
export type CommandName = keyof typeof texts;

/** Commands by their names, the first argument before all flags, in the order of the help. */
export const commands: ReadonlyMap<string, { readonly text: string }> = new Map(
  Object.entries(texts).map(([name, text]) => [name, { text }]),
);

/** Their names, in the same order. */
export const commandNames: readonly string[] = Object.keys(texts);
