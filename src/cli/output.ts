import { fstatSync } from "node:fs";
import { printableLines } from "../base/error.ts";
import { outletOf } from "../observe/outlet.ts";

/**
 * A standard stream of Node. It drops what is written after its pipe was closed
 * (`ringway | head`): without a handler its `error` would be thrown and end the program.
 *
 * Made at the first use, because it takes 10 to 20 ms.
 */
export function standardStream(name: "stdout" | "stderr"): NodeJS.WriteStream {
  const stream = process[name];
  if (stream.listenerCount("error") === 0) stream.on("error", () => {});
  return stream;
}

/** Whether stderr is a terminal. */
export function isStderrTerminal(): boolean {
  // Ask fstat first, which is cheaper than Node's stream: most outputs are no device at all.
  return isDevice(2) && standardStream("stderr").isTTY === true;
}

/**
 * Writes all of the text to a standard stream, however slow its reader: an exit right after a plain
 * write would cut it off.
 *
 * @returns null, or the system's error code; a reader that left is no
 *   error
 */
export function writeOut(
  text: string,
  name: "stdout" | "stderr" = "stdout",
): Promise<string | null> {
  return new Promise((resolve) => {
    standardStream(name).write(text, (error?: Error | null) => {
      const { code = "unknown error" } = (error ?? {}) as NodeJS.ErrnoException;
      resolve(error === undefined || error === null || code === "EPIPE" ? null : code);
    });
  });
}

/** How often to retry a reader that takes nothing, in milliseconds. */
const FULL_MS = 5;

/**
 * Writes all of the text while it is read: a stopped terminal must not hold up the end of the
 * program.
 *
 * @param stallMs how long the reader may take nothing, in milliseconds
 * @returns see {@link writeOut}; `ETIMEDOUT` for a reader that takes nothing
 */
export async function writeWhileRead(
  text: string,
  descriptor: 1 | 2,
  stallMs: number,
): Promise<string | null> {
  const outlet = outletOf(descriptor);
  const bytes = Buffer.from(text);
  let offset = 0;
  let movedAt = performance.now();
  try {
    while (offset < bytes.length || outlet.isBusy) {
      const taken = offset < bytes.length ? outlet.write(bytes.subarray(offset)) : 0;
      offset += taken;
      if (taken > 0) movedAt = performance.now();
      else if (performance.now() - movedAt >= stallMs) return "ETIMEDOUT";
      else await Bun.sleep(FULL_MS);
    }
    return null;
  } catch (error) {
    const { code = "unknown error" } = error as NodeJS.ErrnoException;
    const hasLeft = code === "EPIPE" || (code === "EIO" && isDevice(descriptor));
    return hasLeft ? null : code;
  }
}

/** A terminal whose window was closed answers EIO. */
function isDevice(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isCharacterDevice();
  } catch {
    return false;
  }
}

/** Prints a command's output. @returns its exit code: 1 if it could not be written */
export async function print(text: string, code = 0): Promise<number> {
  return (await writeOut(text)) === null ? code : 1;
}

/** Writes one sentence to stderr, before there is a log or instead of it. */
export function complain(sentence: string): void {
  standardStream("stderr").write(`ringway: ${printableLines(sentence)}\n`);
}
