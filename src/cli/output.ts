import { fstatSync } from "node:fs";
import { printableLines } from "../config/error.ts";

/**
 * A standard stream of Node's, which drops what is written to it once its pipe is closed
 * (`ringway | head`): without a handler its `error` would be thrown and end the program.
 *
 * Made at the first use: it takes 10 to 20 ms, which a plain start does not need.
 */
export function standardStream(name: "stdout" | "stderr"): NodeJS.WriteStream {
  const stream = process[name];
  if (stream.listenerCount("error") === 0) stream.on("error", () => {});
  return stream;
}

/** Whether a person at a terminal sees stderr. */
export function isStderrTerminal(): boolean {
  try {
    // Node's stream would tell, at its price; most that is no terminal is no device at all.
    return fstatSync(2).isCharacterDevice() && standardStream("stderr").isTTY === true;
  } catch {
    return false;
  }
}

/**
 * Writes to stderr where it is no terminal: what a slow reader does not take yet waits in memory,
 * and a closed pipe swallows everything, as with Node's stream but without loading it.
 */
export function stderrWriter(): (text: string) => void {
  const sink = Bun.stderr.writer();
  let isClosed = false;
  const close = () => {
    isClosed = true;
  };
  return (text) => {
    if (isClosed) return;
    try {
      sink.write(text);
      const flushed = sink.flush();
      if (flushed instanceof Promise) flushed.catch(close);
    } catch {
      close();
    }
  };
}

/**
 * Writes all of the text to a standard stream, however slowly it is read: an exit right after a plain write
 * would cut it off.
 *
 * @returns null, or the system's code for why it could not be written; a reader that left is no
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

/** Prints what a command answers. @returns its exit code: 1 when that could not be written */
export async function print(text: string, code = 0): Promise<number> {
  return (await writeOut(text)) === null ? code : 1;
}

/** Writes one sentence to stderr, for what is told before or instead of a log line. */
export function complain(sentence: string): void {
  standardStream("stderr").write(`ringway: ${printableLines(sentence)}\n`);
}
