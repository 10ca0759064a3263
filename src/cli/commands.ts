import type { CommandDef } from "citty";

/** A command beside the proxy, which has no name. */
export interface Command {
  /** What it does, in at most 47 characters. */
  readonly text: string;
  /** Loads it; its `run` answers with the exit code, as that of the proxy does. */
  load(): Promise<CommandDef>;
}

/**
 * Commands by their names: the first argument, before all flags. Each is a file of its own and loaded
 * only when it is named, so that the proxy starts without them.
 */
export const commands: ReadonlyMap<string, Command> = new Map([
  [
    "check",
    {
      text: "whether a configuration FILE is right",
      load: async () => (await import("./check-command.ts")).checkCommand,
    },
  ],
  [
    "init",
    {
      text: "write an example of a configuration FILE",
      load: async () => (await import("./init-command.ts")).initCommand,
    },
  ],
  [
    "schema",
    {
      text: "print a JSON Schema of it, for editors",
      load: async () => (await import("./schema-command.ts")).schemaCommand,
    },
  ],
  [
    "doctor",
    {
      text: "what this machine allows, and remedies",
      load: async () => (await import("./doctor-command.ts")).doctorCommand,
    },
  ],
  [
    "top",
    {
      text: "show a running proxy, live",
      load: async () => (await import("./top-command.ts")).topCommand,
    },
  ],
  [
    "relays",
    {
      text: "list the relays of a running proxy",
      load: async () => (await import("./relays-command.ts")).relaysCommand,
    },
  ],
  [
    "upstreams",
    {
      text: "list or change its upstreams",
      load: async () => (await import("./upstreams-command.ts")).upstreamsCommand,
    },
  ],
  [
    "plan",
    {
      text: "what a reload of it would change",
      load: async () => (await import("./plan-command.ts")).planCommand,
    },
  ],
  [
    "reload",
    {
      text: "have it read its configuration anew",
      load: async () => (await import("./reload-command.ts")).reloadCommand,
    },
  ],
  [
    "drain",
    {
      text: "let it, or one listener, finish and stop",
      load: async () => (await import("./drain-command.ts")).drainCommand,
    },
  ],
  [
    "help",
    {
      text: "explain a TOPIC, or all",
      load: async () => (await import("./help-command.ts")).helpCommand,
    },
  ],
]);

/** Their names, in the order of the help. */
export const commandNames: readonly string[] = [...commands.keys()];
