import { fstatSync } from "node:fs";

/**
 * Whether a descriptor goes to systemd's journal, which knows when each line came.
 *
 * Source: man systemd.exec(5), `$JOURNAL_STREAM`.
 *
 * @param environment where `JOURNAL_STREAM` stands: the device and inode of what systemd has made
 *   stdout or stderr. It is passed on to children whose output goes somewhere else
 */
export function isJournal(
  descriptor: number,
  { JOURNAL_STREAM: journal }: Readonly<Record<string, string | undefined>>,
): boolean {
  if (journal === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor);
    return journal === `${dev}:${ino}`;
  } catch {
    // It is closed.
    return false;
  }
}
