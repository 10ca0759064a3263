import { readFileSync } from "node:fs";

/**
 * Keeps this program's main thread, and with it every process that is started from now on, on one
 * core.
 *
 * @returns what takes it back; null where this cannot be had, which is without Linux' taskset
 */
export function pinToOneCore(): (() => void) | null {
  const allowed = allowedCores();
  // The last core, because interrupts and unpinned processes tend to use the first one.
  const core = allowed?.split(/[,-]/).at(-1);
  if (allowed === null || core === undefined || !setCores(core)) return null;
  return () => void setCores(allowed);
}

/** As a list such as `0-3,6`; null when the system does not say. */
function allowedCores(): string | null {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? null;
  } catch {
    return null;
  }
}

function setCores(list: string): boolean {
  if (Bun.which("taskset") === null) return false;
  const { exitCode } = Bun.spawnSync(["taskset", "-cp", list, String(process.pid)]);
  return exitCode === 0;
}
