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
  /** Its number in the table; 0 if the table does not have it, −1 for what ringway itself asks for. */
  readonly index: number;
  readonly way: Way;
  /** It changes nothing: it may be asked again, or of a replica. */
  readonly isRead: boolean;
  readonly state: State;
  /** It needs a connection of its user, but of no database in particular. */
  readonly isAside: boolean;
  /** Clients may not use it. */
  readonly isDenied?: true;
}

/** What a command changes about the connection that it is sent on. */
export type State =
  | "none"
  | "multi"
  | "exec"
  | "watch"
  | "unwatch"
  | "blocks"
  | "identity"
  | "reset"
  | "quit";

/** Commands that are not shared, or not as their flags suggest. */
const WAYS: Readonly<Record<string, Way>> = {
  MULTI: "pin",
  WATCH: "pin",
  // One that does not end keeps its connection for ever; on others the server says BUSY, and can be told to kill it.
  EVAL: "pin",
  EVAL_RO: "pin",
  EVALSHA: "pin",
  EVALSHA_RO: "pin",
  FCALL: "pin",
  FCALL_RO: "pin",
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
  // Whoever looks at the server's connections wants to find the own one, with its name.
  "CLIENT LIST": "relay",
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
  // A client that wants to be found by its number keeps the connection that has it.
  "CLIENT ID": "pin",
  "CLIENT INFO": "here",
};

const STATES: Readonly<Record<string, State>> = {
  MULTI: "multi",
  EXEC: "exec",
  DISCARD: "exec",
  WATCH: "watch",
  UNWATCH: "unwatch",
  AUTH: "identity",
  HELLO: "identity",
  SELECT: "identity",
  RESET: "reset",
  QUIT: "quit",
};

/** A command that Valkey's own table does not have: a module's, or one of a later version. */
function unknownCommand(name: string): Command {
  return { name, index: 0, way: "relay", isRead: false, state: "none", isAside: false };
}

/** A request of ringway itself. */
export const ownCommand: Command = {
  name: "",
  index: -1,
  way: "share",
  isRead: false,
  state: "none",
  isAside: false,
};

/** The longest name, its subcommand included, in bytes. */
const NAME_BYTES_MAX = 64;

/**
 * They help when the server does not get on, which may be just what a shared connection waits for. They are the same
 * in any database, and a server that is busy with a script lets nobody choose one.
 */
const asides = new Set([
  "CLIENT KILL",
  "CLIENT PAUSE",
  "CLIENT UNPAUSE",
  "FUNCTION KILL",
  "SCRIPT KILL",
]);

/** Commands that read, and may write down what they have found: Valkey takes them for writes where that matters. */
const cachesWhatItReads = new Set(["PFCOUNT"]);

/** All commands by their names, and the names of those that have subcommands. */
const table = new Map<string, Command>();
const containers = new Set<string>();
for (const [name, flags] of Object.entries(commands)) {
  const [first = "", second] = name.split(" ");
  if (second !== undefined) containers.add(first);
  const isBlocking = (flags as readonly string[]).includes("blocking");
  table.set(name, {
    name,
    index: table.size + 1,
    way: WAYS[name] ?? (isBlocking || asides.has(name) ? "pin" : "share"),
    isRead: (flags as readonly string[]).includes("readonly") && !cachesWhatItReads.has(name),
    state: STATES[name] ?? (isBlocking ? "blocks" : "none"),
    isAside: asides.has(name),
  });
}

/** Commands that wait only if they say so: without BLOCK they are like any other. */
const waitsIfAsked = new Set(["XREAD", "XREADGROUP"]);

/** The options of those that may stand before STREAMS, and how many arguments each has behind it. */
const readOptions = new Map([
  ["COUNT", 1],
  ["GROUP", 2],
  ["NOACK", 0],
]);

/** The most arguments that say what a command is: `XREADGROUP GROUP g c COUNT 1 BLOCK 0` has most. */
const ARGS_MAX = 16;

/** Commands by a hash of their names, those of which more than the name has to be known left out. */
const byHash: (Command | undefined)[] = new Array(8_192);
for (const command of table.values()) {
  const { name } = command;
  const isPlain = !name.includes(" ") && !containers.has(name) && !waitsIfAsked.has(name);
  if (!isPlain || command.way === "here") continue;
  const bytes = Buffer.from(name, "latin1");
  const place = hashOf(bytes, 0, bytes.length);
  // Of two with the same hash the second is found by its text.
  byHash[place] ??= command;
}

/**
 * The command that a name alone stands for. It is looked up for every request, so no text is made of the name.
 *
 * @returns null if more has to be read
 */
export function commandNamed(bytes: Uint8Array, from: number, to: number): Command | null {
  const command = byHash[hashOf(bytes, from, to)];
  if (command === undefined) return null;
  const { name } = command;
  if (name.length !== to - from) return null;
  for (let i = 0; i < name.length; i++) {
    if (capital(bytes[from + i] as number) !== name.charCodeAt(i)) return null;
  }
  return command;
}

/** How many arguments, the name included, have to be read to know what a command is that {@link commandNamed} does not know. */
export function argsToRead(name: Uint8Array): number {
  const text = nameOf(name);
  if (containers.has(text) || waitsIfAsked.has(text)) return ARGS_MAX;
  // The name itself is kept only if more than one is wanted.
  return table.get(text)?.way === "here" ? ARGS_MAX : 2;
}

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = to - from;
  for (let i = from; i < to; i++) hash = Math.imul(hash, 31) + capital(bytes[i] as number);
  return (hash ^ (hash >>> 13)) & (byHash.length - 1);
}

function capital(byte: number): number {
  return byte >= 97 && byte <= 122 ? byte - 32 : byte;
}

/** Whether the table has it: of any other command nothing is known but its name. */
export function isKnown(command: Command): boolean {
  return table.get(command.name) === command || command.name === ownCommand.name;
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
    return table.get(full) ?? unknownCommand(full);
  }
  const command = table.get(name) ?? unknownCommand(name);
  if (!waitsIfAsked.has(name)) return command;
  return mayWait(args) ? command : { ...command, way: "share", state: "none" };
}

/** Whether an XREAD or XREADGROUP may wait. An option may stand there again and again, so not all need be known. */
function mayWait(args: readonly Uint8Array[]): boolean {
  for (let at = 1; at < args.length; at++) {
    const option = nameOf(args[at] as Uint8Array);
    if (option === "STREAMS") return false;
    const behind = readOptions.get(option);
    if (behind === undefined) return true;
    at += behind;
  }
  // Of one that is all known there are no streams, and so an error.
  return args.length >= ARGS_MAX;
}

/** In capitals; what is too long for any name is none. */
function nameOf(bytes: Uint8Array): string {
  if (bytes.length > NAME_BYTES_MAX) return "";
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1").toUpperCase();
}
