import { existsSync } from "node:fs";

/** GNU time; the one that is built into shells cannot write to a file. */
const PATH = "/usr/bin/time";

/** Null when GNU time is installed; otherwise how to get it. */
export function missingGnuTime(): string | null {
  return existsSync(PATH) ? null : "apt install time";
}

/** Put this before a command to have its resource usage written to a file when it ends. */
export function underGnuTime(file: string): string[] {
  return [PATH, "-v", "-o", file];
}

/**
 * CPU time in milliseconds that the command and all that it waited for have used, from what
 * `time -v` wrote. It counts in steps of 10 ms.
 *
 * @throws Error when it is not in there
 */
export function parseGnuTime(text: string): number {
  const user = /^\s*User time \(seconds\): ([\d.]+)$/m.exec(text)?.[1];
  const system = /^\s*System time \(seconds\): ([\d.]+)$/m.exec(text)?.[1];
  if (user === undefined || system === undefined) throw new Error(`${PATH} said no CPU time`);
  return (Number(user) + Number(system)) * 1e3;
}
