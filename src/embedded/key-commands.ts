import { INTEGER_MAX, parseInteger } from "../resp/integer.ts";
import { bytesAt, type Command, type Context, errors, textAt, wordAt } from "./command.ts";
import { shareBytesMin } from "./reply.ts";
import { set } from "./set-command.ts";

/** The most that one MGET may copy into its reply, in bytes: a short request can name one key a
 *  million times. Large values do not count, since they are sent in place. */
const copiedBytesMax = 64 * 1024 * 1024;

/** The commands that read and write keys. */
export const keyCommands: readonly Command[] = [
  { name: "get", arity: 2, run: get },
  { name: "set", arity: -3, run: set },
  { name: "mget", arity: -2, run: mget },
  { name: "mset", arity: -3, run: mset },
  { name: "del", arity: -2, run: del },
  { name: "exists", arity: -2, run: exists },
  { name: "incr", arity: 2, run: incr },
  { name: "ttl", arity: 2, run: (args, context) => remaining(args, context, 1000) },
  { name: "pttl", arity: 2, run: (args, context) => remaining(args, context, 1) },
  { name: "dbsize", arity: 1, run: (_, { reply, store }) => reply.integer(store.size) },
  { name: "flushdb", arity: -1, run: flush },
  { name: "flushall", arity: -1, run: flush },
];

function get(args: readonly Buffer[], { reply, store }: Context): void {
  const value = store.get(textAt(args, 1));
  if (value === undefined) reply.nil();
  else reply.bulk(value);
}

function mget(args: readonly Buffer[], { reply, store }: Context): void {
  const values: (Uint8Array | undefined)[] = [];
  let copiedBytes = 0;
  for (let i = 1; i < args.length; i++) {
    const value = store.get(textAt(args, i));
    const size = value?.length ?? 0;
    if (size < shareBytesMin) copiedBytes += size;
    if (copiedBytes > copiedBytesMax) {
      reply.error(`ERR reply of 'mget' would exceed ${copiedBytesMax} bytes`);
      return;
    }
    values.push(value);
  }
  reply.array(values.length);
  for (const value of values) {
    if (value === undefined) reply.nil();
    else reply.bulk(value);
  }
}

function mset(args: readonly Buffer[], { reply, store }: Context): void {
  if (args.length % 2 === 0) {
    reply.error("ERR wrong number of arguments for 'mset' command");
    return;
  }
  const entries = new Map<string, Uint8Array>();
  for (let i = 1; i < args.length; i += 2) entries.set(textAt(args, i), bytesAt(args, i + 1));
  if (store.setAll(entries)) reply.simple("OK");
  else reply.error(errors.outOfMemory);
}

function del(args: readonly Buffer[], { reply, store }: Context): void {
  let count = 0;
  for (let i = 1; i < args.length; i++) if (store.delete(textAt(args, i))) count++;
  reply.integer(count);
}

function exists(args: readonly Buffer[], { reply, store }: Context): void {
  let count = 0;
  for (let i = 1; i < args.length; i++) if (store.get(textAt(args, i)) !== undefined) count++;
  reply.integer(count);
}

function incr(args: readonly Buffer[], { reply, store }: Context): void {
  const key = textAt(args, 1);
  const old = store.get(key);
  const value = old === undefined ? 0n : parseInteger(old);
  if (value === undefined) {
    reply.error(errors.notAnInteger);
  } else if (value === INTEGER_MAX) {
    reply.error("ERR increment or decrement would overflow");
  } else if (store.set(key, Buffer.from(String(value + 1n), "latin1"), store.expiresAt(key))) {
    reply.integer(value + 1n);
  } else {
    reply.error(errors.outOfMemory);
  }
}

/** TTL and PTTL: the time that a key has left in units of `unitMs`; −1 if it never expires, −2 if it
 *  is missing. */
function remaining(args: readonly Buffer[], { reply, store }: Context, unitMs: number): void {
  const key = textAt(args, 1);
  const leftMs = store.remainingMs(key);
  if (leftMs !== undefined) reply.integer(Math.floor((leftMs + unitMs / 2) / unitMs));
  else reply.integer(store.get(key) === undefined ? -2 : -1);
}

function flush(args: readonly Buffer[], { reply, store }: Context): void {
  const mode = wordAt(args, 1);
  if (args.length > 2 || (args.length === 2 && mode !== "sync" && mode !== "async")) {
    reply.error(errors.syntax);
    return;
  }
  store.clear();
  reply.simple("OK");
}
