import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  lchownSync,
  lstatSync,
  openSync,
} from "node:fs";
import { Errno } from "./linux.ts";

/** Access to a file or a unix socket that ringway creates. */
export interface FileAccess {
  /** Permissions, as in chmod(2); they do not depend on the umask. */
  readonly mode: number;
  /** The ids of its owners; null: those of the process. */
  readonly user: number | null;
  readonly group: number | null;
}

/** A umask that leaves permissions to the owner alone. */
const OWNER_ALONE = 0o177;
/** Opens whatever is at a path, even a socket or a link, just to refer to it: Linux's O_PATH. */
const BY_NUMBER = 0o10000000 | (constants.O_NOFOLLOW ?? 0);

/**
 * Sets the owner and the permissions of a socket file, whatever the umask. If someone has replaced
 * the socket by something else meanwhile, that does not get them; except on Linux this requires a
 * folder that no one else may write to.
 *
 * @throws an error with the system's code and number
 */
export function setSocketAccess(path: string, access: FileAccess): void {
  if (path.startsWith("\0")) return;
  if (process.platform !== "linux") {
    const { uid, gid } = lstatSync(path);
    if (access.user !== null || access.group !== null) {
      lchownSync(path, access.user ?? uid, access.group ?? gid);
    }
    chmodSync(path, access.mode);
    return;
  }
  const descriptor = openSync(path, BY_NUMBER);
  try {
    const { uid, gid } = socketAt(descriptor);
    const name = `/proc/self/fd/${descriptor}`;
    if (access.user !== null || access.group !== null) {
      chownSync(name, access.user ?? uid, access.group ?? gid);
    }
    chmodSync(name, access.mode);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The owner and the permissions of a socket file.
 *
 * @throws an error with the system's code if there is none
 */
export function socketAccess(path: string): FileAccess {
  if (path.startsWith("\0")) return { user: null, group: null, mode: 0 };
  const { uid: user, gid: group, mode } = lstatSync(path);
  return { user, group, mode: mode & 0o7777 };
}

/** The owner of a socket file. @throws an error if it is something else */
function socketAt(descriptor: number): { readonly uid: number; readonly gid: number } {
  const stats = fstatSync(descriptor);
  if (stats.isSocket()) return stats;
  const code = "EADDRINUSE";
  const wrong = new Error(`${code}: something else has taken the place of the socket`);
  throw Object.assign(wrong, { code, errno: -Errno[code] });
}

/** Calls a function that creates a file, which only its owner can use until its access is set. */
export function madeForOwner<T>(make: () => T): T {
  let before: number;
  try {
    before = process.umask(OWNER_ALONE);
  } catch {
    // A thread may not change the umask: the file has its usual permissions until its access is
    // set.
    return make();
  }
  try {
    return make();
  } finally {
    process.umask(before);
  }
}
