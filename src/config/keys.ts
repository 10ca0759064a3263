import { notHere, settingCalled } from "../base/elsewhere.ts";
import { describe, printable } from "../base/error.ts";
import { withoutNamed } from "../base/secret-keys.ts";
import { isSecret } from "./secrets.ts";
import { nearest } from "./suggest.ts";

/** The most keys that a message lists; more would bury the rest of it. */
const LISTED_MAX = 20;

/** The path to a value of a document: keys of tables and indexes of lists. */
export type Path = readonly (string | number)[];

/** The keys of each kind of table. */
export interface KnownKeys {
  readonly top: readonly string[];
  readonly listener: readonly string[];
  readonly upstream: readonly string[];
  readonly uring: readonly string[];
}

/** How much of a key a message repeats, in characters: twice the longest known key. */
const KEY_LENGTH_MAX = 40;

/** A path as a message has it: `listeners[1].upstreams[0]`; empty for the whole document. */
export function formatPath(path: Path): string {
  // Everything below a secret is a part of it.
  const end = path.findIndex(isSecret);
  const shown = end === -1 ? path : path.slice(0, end + 1);
  return shown.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    return text === "" ? shownKey(step) : `${text}.${shownKey(step)}`;
  }, "");
}

/**
 * A key for a message. No key has a colon, an equals sign or a space: the text behind one was meant
 * as a value, and may be a secret.
 */
function shownKey(key: string): string {
  const [name = ""] = withoutNamed(key.slice(0, KEY_LENGTH_MAX)).split(/[:= ]/, 1);
  return printable(name === key || name.endsWith("*") ? name : `${name}…`);
}

/** The sentence for a key that its table does not have, with what was probably meant. */
export function unknownKey(path: Path, known: KnownKeys): string {
  const key = String(path.at(-1));
  const table = path.slice(0, -1);
  const prefix = table.length === 0 ? "" : `${formatPath(table)}.`;
  return `unknown key ${describe(formatPath(path))}; ${hint(key, table, prefix, known)}`;
}

function hint(key: string, table: Path, prefix: string, known: KnownKeys): string {
  const keys = keysAt(table, known);
  const isShort = key.length <= KEY_LENGTH_MAX;
  const elsewhere = isShort ? hintFromElsewhere(key, keys, known) : null;
  if (elsewhere !== null) return elsewhere;
  // Many people try the name of the flag first, in kebab-case.
  const near = isShort ? nearest(key.replaceAll(/[-_]/g, ""), keys) : null;
  if (near !== null) return `did you mean ${prefix}${near}?`;
  const place = placeOf(key, keys, known);
  if (place !== null) return place;
  if (keys.length > LISTED_MAX) return "`ringway init` writes a file with all keys";
  return `expected ${keys.length === 1 ? "" : "one of "}${keys.join(", ")}`;
}

/** Where a key belongs that this table does not have; null if no table has it. */
function placeOf(key: string, keys: readonly string[], known: KnownKeys): string | null {
  if (keys === known.upstream && known.listener.includes(key)) {
    return `it belongs to the listener, for all of its upstreams; an upstream has ${keys.join(", ")}`;
  }
  if (keys !== known.upstream && known.upstream.includes(key) && !known.top.includes(key)) {
    return `it belongs to an upstream, as in { address = "host:port", ${key} = … }`;
  }
  if (known.uring.includes(key)) return `did you mean uring.${key}?`;
  if (known.top.includes(key)) return "it belongs at the top of the file, outside of all tables";
  return known.listener.includes(key) ? "it belongs in a table of the list listeners" : null;
}

/** For a key of another proxy: its name in ringway, and where that belongs if not in this table. */
function hintFromElsewhere(key: string, keys: readonly string[], known: KnownKeys): string | null {
  const missing = notHere(key);
  if (missing !== null) return missing;
  const setting = settingCalled(key);
  if (setting === null) return null;
  if (keys.includes(setting)) return `it is called ${setting} here`;
  if (setting === "upstream" && keys === known.listener) return "it is called upstreams here";
  const place = placeOf(setting, keys, known);
  return place === null ? null : `it is called ${setting} here; ${place}`;
}

function keysAt(table: Path, known: KnownKeys): readonly string[] {
  if (table.length === 0) return known.top;
  if (table[0] === "uring") return known.uring;
  return table[0] === "listeners" && table.length === 2 ? known.listener : known.upstream;
}
