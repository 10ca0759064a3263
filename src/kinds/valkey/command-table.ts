import commands from "./commands.json";

/**
 * What becomes of a command:
 *
 * - `share`: it goes out on a connection that many clients share.
 * - `pin`: it needs a connection of its own until that has no state of this client any more.
 * - `here`: ringway answers it, as it is about the client's own session.
 * - `relay`: the client gets a connection of its own for as long as it stays, and from then on its bytes are
 *   relayed as they are, in both directions.
 */
export type Way = "share" | "pin" | "here" | "relay";

/** One command of Valkey. */
export interface Command {
  /** In capitals, with its subcommand: `CONFIG SET`. */
  readonly name: string;
  readonly way: Way;
  /** It changes nothing: it may be asked again, or of a replica. */
  readonly isRead: boolean;
  readonly state: State;
}

/** What a command changes about the connection that it is sent on. */
export type State = "none" | "multi" | "exec" | "watch" | "unwatch" | "blocks" | "reset" | "quit";

/** Commands that are not shared, or not as their flags suggest. */
const WAYS: Readonly<Record<string, Way>> = {
  MULTI: "pin",
  WATCH: "pin",
  // Each channel has a reply of its own, and messages come between them.
  SUBSCRIBE: "relay",
  PSUBSCRIBE: "relay",
  SSUBSCRIBE: "relay",
  UNSUBSCRIBE: "relay",
  PUNSUBSCRIBE: "relay",
  SUNSUBSCRIBE: "relay",
  MONITOR: "relay",
  SYNC: "relay",
  PSYNC: "relay",
  REPLCONF: "relay",
  // Some requests get no reply any more.
  "CLIENT REPLY": "relay",
  "CLIENT TRACKING": "relay",
  "CLIENT CACHING": "relay",
  "CLIENT GETREDIR": "relay",
  "CLIENT TRACKINGINFO": "relay",
  "CLIENT NO-EVICT": "relay",
  "CLIENT NO-TOUCH": "relay",
  "CLIENT CAPA": "relay",
  "CLIENT IMPORT-SOURCE": "relay",
  "SCRIPT DEBUG": "relay",
  DEBUG: "relay",
  FAILOVER: "relay",
  SHUTDOWN: "relay",
  READONLY: "relay",
  READWRITE: "relay",
  ASKING: "relay",
  AUTH: "here",
  HELLO: "here",
  SELECT: "here",
  RESET: "here",
  QUIT: "here",
  "CLIENT SETNAME": "here",
  "CLIENT GETNAME": "here",
  "CLIENT SETINFO": "here",
  "CLIENT ID": "here",
  "CLIENT INFO": "here",
};

const STATES: Readonly<Record<string, State>> = {
  MULTI: "multi",
  EXEC: "exec",
  DISCARD: "exec",
  WATCH: "watch",
  UNWATCH: "unwatch",
  RESET: "reset",
  QUIT: "quit",
};

/** A command that Valkey's own table does not have: a module's, or one of a later version. */
const unknown: Command = { name: "(unknown)", way: "relay", isRead: false, state: "none" };

/** The longest name, its subcommand included, in bytes. */
const NAME_BYTES_MAX = 64;

/** All commands by their names, and the names of those that have subcommands. */
const table = new Map<string, Command>();
const containers = new Set<string>();
for (const [name, flags] of Object.entries(commands)) {
  const [first = "", second] = name.split(" ");
  if (second !== undefined) containers.add(first);
  const isBlocking = (flags as readonly string[]).includes("blocking");
  table.set(name, {
    name,
    way: WAYS[name] ?? (isBlocking ? "pin" : "share"),
    isRead: (flags as readonly string[]).includes("readonly"),
    state: STATES[name] ?? (isBlocking ? "blocks" : "none"),
  });
}

/** Commands that wait only if they say so: without BLOCK they are like any other. */
const waitsIfAsked = new Set(["XREAD", "XREADGROUP"]);

/** How many arguments, the name included, have to be read to know what a command is. */
export function argsToRead(name: Uint8Array): number {
  const text = nameOf(name);
  if (containers.has(text) || waitsIfAsked.has(text)) return Infinity;
  return table.get(text)?.way === "here" ? Infinity : 1;
}

/**
 * The command that a request is.
 *
 * @param args the arguments that {@link argsToRead} asks for, at least 1
 */
export function commandOf(args: readonly Uint8Array[]): Command {
  const name = nameOf(args[0] as Uint8Array);
  if (containers.has(name)) {
    const subcommand = args[1];
    const full = subcommand === undefined ? name : `${name} ${nameOf(subcommand)}`;
    // Without a subcommand, or with a wrong one, Valkey answers with an error and changes nothing; a
    // later version may know it.
    return table.get(full) ?? unknown;
  }
  const command = table.get(name) ?? unknown;
  if (!waitsIfAsked.has(name)) return command;
  const waits = args.some((arg) => arg.length === 5 && nameOf(arg) === "BLOCK");
  return waits ? command : { ...command, way: "share", state: "none" };
}

/** In capitals; what is too long for any name is none. */
function nameOf(bytes: Uint8Array): string {
  if (bytes.length > NAME_BYTES_MAX) return "";
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1").toUpperCase();
}
