import { ConfigError, PROBLEMS_MAX, printable } from "../../base/error.ts";
import { formatCount } from "../../base/quantity.ts";
import { readRegularFile } from "../../system/regular-file.ts";
import { type Network, parseNetwork } from "./networks.ts";

/** Most bytes that a list may have, some 900,000 networks: beyond this it is some other file. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Lines that are read in one go. */
const LINES_AT_ONCE = 2_000;

/**
 * Reads a list of networks: one on each line, with `#` before comments, which may also stand behind
 * a network; empty lines count for nothing.
 *
 * @param path as the person wrote it, which is also how messages name it
 * @throws ConfigError with all that is wrong, by file and line; beyond a hundred mistakes the
 *   rest is only counted
 */
export async function readNetworks(path: string): Promise<Network[]> {
  const name = printable(path);
  const networks: Network[] = [];
  const problems: string[] = [];
  let untold = 0;
  let line = 0;
  for (const text of linesOf(readText(path, name))) {
    line++;
    // Nobody else gets a turn of this thread meanwhile, and a million lines take seconds.
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

/** One after the other: a split would hold a million texts at once. */
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
    // Told below: bytes that are no text are as wrong as zeros.
  }
  throw new ConfigError(`${name}: not a text, so this is not a list of networks`);
}
