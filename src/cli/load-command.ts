import type { CommandDef } from "citty";
import type { CommandName } from "./commands.ts";

/**
 * How to load each command. Commands are loaded only when they are named, so that the proxy
 * starts without them. Their `run` returns the exit code, like the proxy's.
 */
const loaders: { readonly [Name in CommandName]: () => Promise<CommandDef> } = {
  check: async () => (await import("./check-command.ts")).checkCommand,
  init: async () => (await import("./init-command.ts")).initCommand,
  schema: async () => (await import("./schema-command.ts")).schemaCommand,
  doctor: async () => (await import("./doctor-command.ts")).doctorCommand,
  top: async () => (await import("./top-command.ts")).topCommand,
  relays: async () => (await import("./relays-command.ts")).relaysCommand,
  upstreams: async () => (await import("./upstreams-command.ts")).upstreamsCommand,
  plan: async () => (await import("./plan-command.ts")).planCommand,
  reload: async () => (await import("./reload-command.ts")).reloadCommand,
  drain: async () => (await import("./drain-command.ts")).drainCommand,
  completion: async () => (await import("./completion-command.ts")).completionCommand(loadCommand),
  help: async () => (await import("./help-command.ts")).helpCommand,
};

/** Loads a command. @returns null for an unknown name */
export async function loadCommand(name: string): Promise<CommandDef | null> {
  return Object.hasOwn(loaders, name) ? await loaders[name as CommandName]() : null;
}
