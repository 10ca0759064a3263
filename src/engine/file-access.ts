import { chmodSync, lchownSync, lstatSync } from "node:fs";
import type { FileAccess } from "../config/options.ts";

/** Permissions that nobody but the owner has a part of. */
const OWNER_ALONE = 0o177;

/**
 * Gives a socket file its owner and its permissions, whatever this process's umask is.
 *
 * @param path in a folder that nobody else may write to, or what is there could be replaced meanwhile
 * @throws an error with the system's code
 */
export function setSocketAccess(path: string, { mode, user, group }: FileAccess): void {
  if (path.startsWith("\0")) return;
  if (user !== null || group !== null) {
    const { uid, gid } = lstatSync(path);
    lchownSync(path, user ?? uid, group ?? gid);
  }
  chmodSync(path, mode);
}

/** Calls what makes a file, so that nobody else has any part of it before its access is set. */
export function madeForOwner<T>(make: () => T): T {
  let before: number;
  try {
    before = process.umask(OWNER_ALONE);
  } catch {
    // A thread may not: the file has what the umask leaves it until its access is set.
    return make();
  }
  try {
    return make();
  } finally {
    process.umask(before);
  }
}
