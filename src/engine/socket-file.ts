import { lstatSync, unlinkSync } from "node:fs";

/** Whether there is a unix socket at this path. */
export function isSocketFile(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch {
    return false;
  }
}

/** Removes the unix socket at this path, if there is one and it may be removed. */
export function removeSocketFile(path: string): void {
  try {
    if (isSocketFile(path)) unlinkSync(path);
  } catch {
    // It is gone already, or was never ours to remove.
  }
}
