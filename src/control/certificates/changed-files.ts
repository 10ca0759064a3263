import { stat } from "node:fs/promises";
import { type Clock, systemClock } from "../../base/clock.ts";

/** A file that was written this recently may be written again without a trace in its times. */
const FRESH_MS = 2_000;

/** Finds out which files have changed since the last look, without reading them. */
export class ChangedFiles {
  /** What was seen of each; missing if it has to be read whatever it looks like. */
  private readonly seen = new Map<string, string>();

  constructor(private readonly clock: Pick<Clock, "wall"> = systemClock) {}

  /** Whether a file may have other contents than at the last call; true at the first one. */
  async hasChanged(path: string): Promise<boolean> {
    const before = this.seen.get(path);
    const now = await lookOf(path, this.clock.wall());
    if (now === null) this.seen.delete(path);
    else this.seen.set(path, now);
    return now === null || now !== before;
  }

  /** Takes all files for changed. */
  forget(): void {
    this.seen.clear();
  }
}

/** What tells one state of a file from others; null if it says too little. @param now milliseconds since 1970 */
async function lookOf(path: string, now: number): Promise<string | null> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = await stat(path, { bigint: true });
    if (Math.abs(now - Number(ctimeMs)) < FRESH_MS) return null;
    return [dev, ino, size, mtimeNs, ctimeNs].join();
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
