/**
 * Keeps a closed pipe (`ringway | head`) from ending the program: without a handler an `error` of a
 * standard stream is thrown. A stream that failed drops what is written to it from then on.
 */
export function guardStreams(): void {
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
}

/**
 * Writes all of the text to stdout, however slowly it is read: an exit right after a plain write
 * would cut it off.
 *
 * @returns null, or the system's code for why it could not be written; a reader that left is no
 *   error
 */
export function writeOut(text: string): Promise<string | null> {
  return new Promise((resolve) => {
    process.stdout.write(text, (error?: Error | null) => {
      const { code = "unknown error" } = (error ?? {}) as NodeJS.ErrnoException;
      resolve(error === undefined || error === null || code === "EPIPE" ? null : code);
    });
  });
}

/** Writes one sentence to stderr, for what ends the program before or instead of a log line. */
export function complain(sentence: string): void {
  process.stderr.write(`ringway: ${sentence}\n`);
}
