import { fstatSync } from "node:fs";

/**
 * Whether a descriptor goes to systemd's journal, which adds the time to each line.
 *
 * Source: man systemd.exec(5), `$JOURNAL_STREAM`.
 *
 * @param environment has `JOURNAL_STREAM`: the device and inode of the file that systemd made
 *   stdout or stderr. Children inherit it even if their output goes elsewhere
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
    // The descriptor is closed.
    return false;
  }
}
