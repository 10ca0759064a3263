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
]);

/** Their names, in the order of the help. */
export const commandNames: readonly string[] = [...commands.keys()];
