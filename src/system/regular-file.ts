import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { ConfigError } from "../base/error.ts";
import { formatSize } from "../base/quantity.ts";

/** What a file must be like. */
export interface ReadLimits {
  /** Most bytes; a larger file is refused, and never read completely. */
  readonly bytesMax: number;
  /** What it should be, for the message about a file that is too large: `a configuration`. */
  readonly kind: string;
  /** Only its owner and its group may be able to read it, and only its owner to change it. */
  readonly isPrivate?: boolean;
}

/** Bits of a mode: read by others, write by the group or by others. */
const MODE_OF_OTHERS = 0o026;

/**
 * Reads a file that a configuration or a flag names, at once and up to a limit; only a regular
 * file. A pipe, a device or a socket may never end, never begin, or do something when it is opened,
 * so it is not opened. Links are followed.
 *
 * @param name its name in messages
 * @throws ConfigError with one sentence
 */
export function readRegularFile(path: string, name: string, limits: ReadLimits): Buffer {
  const refuse = (why: string) => new ConfigError(`${name}: cannot be read: ${why}`);
  try {
    const kind = strangeKind(statSync(path));
    if (kind !== null) throw refuse(kind);
    // It may have become a pipe meanwhile, whose other end may never come.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      const stat = fstatSync(file);
      const opened = strangeKind(stat);
      if (opened !== null) throw refuse(opened);
      if (limits.isPrivate === true && (stat.mode & MODE_OF_OTHERS) !== 0) {
        const mode = (stat.mode & 0o777).toString(8).padStart(4, "0");
        const expected = "expected a mode such as 0600 or 0640 (chmod)";
        throw new ConfigError(
          `${name}: others can read or change it, as its mode is ${mode}: ${expected}`,
        );
      }
      const bytes = stat.size <= limits.bytesMax ? readUpTo(file, limits.bytesMax) : null;
      if (bytes !== null) return bytes;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw error instanceof ConfigError ? error : refuse(readFailure(error));
  }
  const size = formatSize(limits.bytesMax);
  throw new ConfigError(`${name}: larger than ${size}, so this is not ${limits.kind}`);
}

/** Why a file is not read, in a few words; null for a regular file. */
function strangeKind(stat: Stats): string | null {
  if (stat.isFile()) return null;
  return stat.isDirectory() ? "it is a directory" : "it is not a regular file";
}

/**
 * Reads to the end, whatever size was reported: files may grow, and those of /proc report 0. Null
 * if there is more than `bytesMax`.
 */
function readUpTo(file: number, bytesMax: number): Buffer | null {
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(Math.min(65_536, bytesMax + 1 - size));
    const count = readSync(file, chunk, 0, chunk.length, null);
    if (count === 0) return Buffer.concat(chunks, size);
    size += count;
    if (size > bytesMax) return null;
    chunks.push(chunk.subarray(0, count));
  }
}

/** Why a file cannot be read, in a few words. @param error thrown by the system */
function readFailure(error: unknown): string {
  const { code = "unknown error" } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "no permission";
  if (code === "EISDIR") return "it is a directory";
  return code;
}
