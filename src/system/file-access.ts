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

/** Who may do what with a file or a unix socket that ringway makes. */
export interface FileAccess {
  /** Permissions, as of chmod(2); they do not depend on the umask. */
  readonly mode: number;
  /** The numbers of its owners; null for those of the process. */
  readonly user: number | null;
  readonly group: number | null;
}

/** Permissions that nobody but the owner has a part of. */
const OWNER_ALONE = 0o177;
/** Opens what stands at a path, be it a socket or a link, only to have it by a number: Linux's O_PATH. */
const BY_NUMBER = 0o10000000 | (constants.O_NOFOLLOW ?? 0);

/**
 * Gives a socket file its owner and its permissions, whatever this process's umask is. Nothing else gets
 * them that somebody has put in its place meanwhile; where there is no Linux the folder has to be one that nobody else
 * may write to.
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

/** Whose a socket file is, and its permissions. @throws an error with the system's code when there is none */
export function socketAccess(path: string): FileAccess {
  if (path.startsWith("\0")) return { user: null, group: null, mode: 0 };
  const { uid: user, gid: group, mode } = lstatSync(path);
  return { user, group, mode: mode & 0o7777 };
}

/** Whose a socket file is. @throws an error when it is none */
function socketAt(descriptor: number): { readonly uid: number; readonly gid: number } {
  const stats = fstatSync(descriptor);
  if (stats.isSocket()) return stats;
  const code = "EADDRINUSE";
  const told = new Error(`${code}: something else stands in the place of the socket`);
  throw Object.assign(told, { code, errno: -Errno[code] });
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
