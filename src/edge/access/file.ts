import { ConfigError, printable } from "../../config/error.ts";
import { formatCount } from "../../config/quantity.ts";
import { readFailure } from "../../config/read-failure.ts";
import { type Network, parseNetwork } from "./networks.ts";

/** Most bytes that a list may have, some 900,000 networks: beyond this it is some other file. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Mistakes that are told one by one. Who gives a wrong file has one on every line. */
const PROBLEMS_MAX = 100;

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
  for (const text of linesOf(await readText(path, name))) {
    line++;
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

async function readText(path: string, name: string): Promise<string> {
  const bytes = await readBytes(path, name);
  if (bytes.length > FILE_BYTES_MAX) {
    throw new ConfigError(`${name}: larger than 16 MiB, so this is not a list of networks`);
  }
  try {
    if (!bytes.includes(0)) return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Told below: bytes that are no text are as wrong as zeros.
  }
  throw new ConfigError(`${name}: not a text, so this is not a list of networks`);
}

async function readBytes(path: string, name: string): Promise<Uint8Array> {
  const file = Bun.file(path);
  let why = "it is not a regular file";
  try {
    const stat = await file.stat();
    // Of a pipe or a device the end may never come.
    if (stat.isFile()) return await file.slice(0, FILE_BYTES_MAX + 1).bytes();
    if (stat.isDirectory()) why = "it is a directory";
  } catch (error) {
    why = readFailure(error);
  }
  throw new ConfigError(`${name}: cannot be read: ${why}`);
}
