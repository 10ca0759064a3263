import { readFileSync } from "node:fs";

/** Descriptors that a process needs besides those of its connections. */
const RESERVE = 500;

/** How many descriptors a process started from here may have. */
export function descriptorLimit(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return Number(line?.[1] ?? 1_024);
  } catch {
    return 1_024;
  }
}

/**
 * How many relays fit: each takes two descriptors of its proxy. HAProxy wants half a descriptor
 * more for the pipes that it splices through, and refuses to start without them.
 */
export function relayLimit(): number {
  return Math.floor((descriptorLimit() - RESERVE) / 2.5);
}
