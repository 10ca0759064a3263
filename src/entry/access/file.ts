import { ConfigError, PROBLEMS_MAX, printable } from "../../base/error.ts";
import { formatCount } from "../../base/quantity.ts";
import { readRegularFile } from "../../system/regular-file.ts";
import { type Network, parseNetwork } from "./networks.ts";

/** The most bytes of a list, some 900,000 networks: a larger file is probably something else. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Lines that are read before other work of the thread gets a turn. */
const LINES_AT_ONCE = 2_000;

/**
 * Reads a list of networks: one per line. `#` begins a comment; empty lines are ignored.
 *
 * @param path as the user wrote it; messages show it like this
 * @throws ConfigError with every mistake by file and line; after a hundred the rest is only counted
 */
export async function readNetworks(path: string): Promise<Network[]> {
  const name = printable(path);
  const networks: Network[] = [];
  const problems: string[] = [];
  let untold = 0;
  let line = 0;
  for (const text of linesOf(readText(path, name))) {
    line++;
    // A million lines take seconds, in which this thread would do nothing else.
    if (line % LINES_AT_ONCE === 0) await new Promise(setImmediate);
    const entry = text.split("#", 1)[0]?.trim() ?? "";
    if (entry === "") continue;
    try {
      networks.push(parseNetwork(entry));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (problems.length < PROBLEMS_MAX) problems.push(`${name}:${line}: ${error.message}`);
      else untold++;
    }
  }
  if (untold > 0) problems.push(`${name}: ${formatCount(untold)} more lines are not networks`);
  if (problems.length > 0) throw new ConfigError(problems);
  return networks;
}

/** Yields one line at a time: `split` would hold a million strings at once. */
function* linesOf(text: string): Generator<string> {
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf("\n", start);
    yield text.slice(start, end === -1 ? text.length : end);
    start = end === -1 ? text.length : end + 1;
  }
}

function readText(path: string, name: string): string {
  const bytes = readRegularFile(path, name, {
    bytesMax: FILE_BYTES_MAX,
    kind: "a list of networks",
  });
  try {
    if (!bytes.includes(0)) return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Reported below, like zero bytes.
  }
  throw new ConfigError(`${name}: not a text, so this is not a list of networks`);
}
