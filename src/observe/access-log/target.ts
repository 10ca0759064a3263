import {
  close,
  constants,
  fchmod,
  fchown,
  fstat,
  fstatSync,
  open,
  type Stats,
  write,
} from "node:fs";
import { promisify } from "node:util";
import type { FileAccess } from "../../system/file-access.ts";
import { type Outlet, outletOf } from "../outlet.ts";
import { TargetError } from "./target-error.ts";

/** Where lines are written. None of its methods blocks the caller. */
export interface LineTarget {
  /** Its name in the log. */
  readonly name: string;
  /**
   * Writes some of the bytes.
   *
   * @returns how many bytes were taken; 0 if there is no room now
   * @throws an error with the system's code
   */
  write(bytes: Uint8Array): Promise<number>;
  /**
   * Opens the path again, because what was there may have been moved away. If that fails, the old
   * one stays open.
   *
   * @throws an error with the system's code
   */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

const openFile = promisify(open);
const closeFile = promisify(close);
const changeOwner = promisify(fchown);
const changeMode = promisify(fchmod);
const stat = promisify(fstat) as (descriptor: number) => Promise<Stats>;

/**
 * A full pipe must not block the writing thread, and a terminal must not become this process's own.
 */
const FLAGS =
  constants.O_WRONLY |
  constants.O_APPEND |
  (constants.O_NONBLOCK ?? 0) |
  (constants.O_NOCTTY ?? 0) |
  // Otherwise someone who may write to the folder could direct lines into any file of this process.
  (constants.O_NOFOLLOW ?? 0);
/** Milliseconds between two checks whether a file still exists. */
const LOOK_MS = 1_000;
/** Milliseconds between two checks whether everything has been written. */
const LOOK_BUSY_MS = 5;

/**
 * A file, device or pipe by its path, but not a symbolic link. A missing file is created, also if
 * it was removed meanwhile.
 */
export class FileTarget implements LineTarget {
  private lookedAt = performance.now();

  private constructor(
    readonly name: string,
    private descriptor: number,
    private readonly access: FileAccess,
  ) {}

  /** Opens a file to append to. @param access of a new file @throws TargetError */
  static async open(path: string, access: FileAccess): Promise<FileTarget> {
    try {
      return new FileTarget(path, await openOrMake(path, access), access);
    } catch (error) {
      throw new TargetError(path, (error as NodeJS.ErrnoException).code ?? "unknown error");
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    const now = performance.now();
    if (now - this.lookedAt >= LOOK_MS) {
      this.lookedAt = now;
      if (await this.isRemoved()) {
        // If it cannot be created, the next write checks again.
        this.lookedAt = -LOOK_MS;
        await this.reopen();
        this.lookedAt = now;
      }
    }
    return await writeSome(this.descriptor, bytes);
  }

  async reopen(): Promise<void> {
    const old = this.descriptor;
    this.descriptor = await openOrMake(this.name, this.access);
    await closeFile(old);
  }

  async close(): Promise<void> {
    await closeFile(this.descriptor);
  }

  /** What is written to a file without a name is lost; a renamed file still has one. */
  private async isRemoved(): Promise<boolean> {
    const { nlink } = await stat(this.descriptor);
    return nlink === 0;
  }
}

/**
 * Opens a file, or creates it with this access whatever the umask. An existing file keeps its
 * access. A link in its place is not followed; links among its folders are.
 */
async function openOrMake(path: string, { mode, user, group }: FileAccess): Promise<number> {
  try {
    return await openFile(path, FLAGS, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  let descriptor: number;
  try {
    descriptor = await openFile(path, FLAGS | constants.O_CREAT | constants.O_EXCL, mode & 0o600);
  } catch (error) {
    // Another process has created it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return await openFile(path, FLAGS, 0);
  }
  try {
    if (user !== null || group !== null) {
      const { uid, gid } = await stat(descriptor);
      await changeOwner(descriptor, user ?? uid, group ?? gid);
    }
    await changeMode(descriptor, mode);
    return descriptor;
  } catch (error) {
    await closeFile(descriptor);
    throw error;
  }
}

/**
 * Standard output, or another descriptor that was already open.
 *
 * @throws TargetError if it is not
 */
export function descriptorTarget(descriptor: number, name: string): LineTarget {
  let isFile: boolean;
  try {
    isFile = fstatSync(descriptor).isFile();
  } catch (error) {
    throw new TargetError(name, (error as NodeJS.ErrnoException).code ?? "unknown error");
  }
  return isFile ? new OpenFile(descriptor, name) : new OpenStream(descriptor, name);
}

/** A descriptor of a file. A disk may be slow, so another thread writes. */
class OpenFile implements LineTarget {
  constructor(
    private readonly descriptor: number,
    readonly name: string,
  ) {}

  write(bytes: Uint8Array): Promise<number> {
    return writeSome(this.descriptor, bytes);
  }

  async reopen(): Promise<void> {}
  async close(): Promise<void> {}
}

/** A descriptor of a pipe, a terminal or a socket: its reader may be slow, or leave. */
class OpenStream implements LineTarget {
  private readonly outlet: Outlet;

  constructor(
    descriptor: number,
    readonly name: string,
  ) {
    this.outlet = outletOf(descriptor);
  }

  async write(bytes: Uint8Array): Promise<number> {
    return this.outlet.write(bytes);
  }

  async reopen(): Promise<void> {}

  async close(): Promise<void> {
    while (this.outlet.isBusy) await Bun.sleep(LOOK_BUSY_MS);
  }
}

function writeSome(descriptor: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, 0, bytes.length, null, (error, taken) => {
      if (error === null || error === undefined) resolve(taken);
      else if (error.code === "EAGAIN") resolve(0);
      else reject(error);
    });
  });
}
