import type { ProtocolVersion, ReplyEncoder } from "./reply.ts";
import type { Store } from "./store.ts";

/** The version of Redis whose behaviour the embedded upstream follows, as clients see it. */
export const redisVersion = "7.2.0";

/** What the upstream remembers about one connection. */
export interface Session {
  /** Counts from 1 in the order of accepting. */
  readonly id: number;
  /** Set by CLIENT SETNAME; empty until then. */
  name: string;
  protocol: ProtocolVersion;
  /** Set when the connection is to end once the replies so far are sent. */
  closing: boolean;
}

/** The upstream's own figures, for INFO. */
export interface UpstreamStatus {
  /** 0 on a unix socket. */
  readonly port: number;
  /** On the monotonic clock, in ms. */
  readonly startedAtMs: number;
  /** Connections that are open now. */
  connectionCount: number;
  /** Commands executed since the start. */
  commandCount: number;
}

/** What a command works on. One per connection, made at accept. */
export interface Context {
  readonly store: Store;
  readonly reply: ReplyEncoder;
  readonly session: Session;
  readonly status: UpstreamStatus;
}

/** Runs one command and encodes exactly one reply. `args[0]` is the name as the client wrote it. The
 *  arguments are valid only during the call, unless they are passed to the store or the encoder. */
export type Handler = (args: readonly Buffer[], context: Context) => void;

/** One command, or one subcommand of a container such as CONFIG. */
export interface Command {
  /** In lower case; a subcommand's name is `config|get`. */
  readonly name: string;
  /** The count of arguments with the name: exactly this many, or with a minus sign at least. */
  readonly arity: number;
  readonly run: Handler;
}

/** The errors that commands share, in Redis' words. */
export const errors = {
  syntax: "ERR syntax error",
  notAnInteger: "ERR value is not an integer or out of range",
  outOfMemory: "OOM command not allowed when used memory > 'maxmemory'.",
} as const;

/** Whether `count` arguments, the name included, suit `command`. */
export function arityAllows(command: Command, count: number): boolean {
  return command.arity >= 0 ? count === command.arity : count >= -command.arity;
}

/** The error for a wrong number of arguments. */
export function arityError(name: string): string {
  return `ERR wrong number of arguments for '${name}' command`;
}

/** Argument `index` as text, one character per byte; empty if it is missing. */
export function textAt(args: readonly Buffer[], index: number): string {
  return args[index]?.toString("latin1") ?? "";
}

/** Argument `index` as a word of the command language, in lower case. */
export function wordAt(args: readonly Buffer[], index: number): string {
  return textAt(args, index).toLowerCase();
}

/** Argument `index` as bytes; empty if it is missing, which the arity check rules out. */
export function bytesAt(args: readonly Buffer[], index: number): Buffer {
  return args[index] ?? Buffer.alloc(0);
}

/** Makes a command whose second word chooses one of `subcommands`. */
export function container(name: string, arity: number, subcommands: readonly Command[]): Command {
  const table = new Map(subcommands.map((command) => [command.name, command]));
  return {
    name,
    arity,
    run(args, context) {
      const command = table.get(`${name}|${wordAt(args, 1)}`);
      if (command === undefined) {
        const word = textAt(args, 1).slice(0, 128);
        const help = `Try ${name.toUpperCase()} HELP.`;
        context.reply.error(`ERR unknown subcommand '${word}'. ${help}`);
      } else if (!arityAllows(command, args.length)) {
        context.reply.error(arityError(command.name));
      } else {
        command.run(args, context);
      }
    },
  };
}
