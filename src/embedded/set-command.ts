import { INTEGER_MAX, parseInteger } from "../resp/integer.ts";
import { bytesAt, type Context, errors, textAt, wordAt } from "./command.ts";

/** The options of one SET. */
interface SetOptions {
  condition: "always" | "missing" | "present";
  returnsOld: boolean;
  keepsExpiry: boolean;
  /** In ms since 1970. */
  expiresAtMs: number | undefined;
}

/** Runs `SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]`. */
export function set(args: readonly Buffer[], { reply, store }: Context): void {
  const options = args.length === 3 ? plain : readOptions(args, store.now());
  if (typeof options === "string") {
    reply.error(options);
    return;
  }
  const key = textAt(args, 1);
  const needsOld = options.returnsOld || options.condition !== "always";
  const old = needsOld ? store.get(key) : undefined;
  const applies = options.condition === "always" || (options.condition === "missing") === !old;
  const expiresAtMs = options.keepsExpiry ? store.expiresAt(key) : options.expiresAtMs;
  if (applies && !store.set(key, bytesAt(args, 2), expiresAtMs)) {
    reply.error(errors.outOfMemory);
  } else if (options.returnsOld && old !== undefined) {
    reply.bulk(old);
  } else if (options.returnsOld || !applies) {
    reply.nil();
  } else {
    reply.simple("OK");
  }
}

const plain: SetOptions = {
  condition: "always",
  returnsOld: false,
  keepsExpiry: false,
  expiresAtMs: undefined,
};

/** Reads the options from `args[3]` on. @returns them, or the text of an error. */
function readOptions(args: readonly Buffer[], nowMs: number): SetOptions | string {
  const options = { ...plain };
  for (let i = 3; i < args.length; i++) {
    const word = wordAt(args, i);
    const expiry = expiries.get(word);
    const hasExpiry = options.expiresAtMs !== undefined;
    if (word === "nx" && options.condition !== "present") {
      options.condition = "missing";
    } else if (word === "xx" && options.condition !== "missing") {
      options.condition = "present";
    } else if (word === "get") {
      options.returnsOld = true;
    } else if (word === "keepttl" && !hasExpiry) {
      options.keepsExpiry = true;
    } else if (expiry && !hasExpiry && !options.keepsExpiry && i + 1 < args.length) {
      const expiresAtMs = readExpiry(bytesAt(args, ++i), expiry, nowMs);
      if (typeof expiresAtMs === "string") return expiresAtMs;
      options.expiresAtMs = expiresAtMs;
    } else {
      return errors.syntax;
    }
  }
  return options;
}

interface ExpiryUnit {
  readonly unitMs: bigint;
  readonly isRelative: boolean;
}

const expiries: ReadonlyMap<string, ExpiryUnit> = new Map([
  ["ex", { unitMs: 1000n, isRelative: true }],
  ["px", { unitMs: 1n, isRelative: true }],
  ["exat", { unitMs: 1000n, isRelative: false }],
  ["pxat", { unitMs: 1n, isRelative: false }],
]);

/** @returns when the key expires, in ms since 1970, or the text of an error. */
function readExpiry(bytes: Buffer, expiry: ExpiryUnit, nowMs: number): number | string {
  const amount = parseInteger(bytes);
  if (amount === undefined) return errors.notAnInteger;
  const expiresAtMs = amount * expiry.unitMs + (expiry.isRelative ? BigInt(nowMs) : 0n);
  if (amount <= 0n || expiresAtMs > INTEGER_MAX) return "ERR invalid expire time in 'set' command";
  return Number(expiresAtMs);
}
