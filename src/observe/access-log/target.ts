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

/** Where lines are written to. None of its methods waits where it is called. */
export interface LineTarget {
  /** What the log calls it. */
  readonly name: string;
  /**
   * Writes some of the bytes.
   *
   * @returns how many were taken; 0 when there is no room now
   * @throws an error with the system's code
   */
  write(bytes: Uint8Array): Promise<number>;
  /**
   * Opens it anew, as what was there may have been moved away. What was open stays so when that
   * fails.
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
 * Behind a pipe that is full a descriptor must not hold up the thread that writes, and a terminal must not
 * become this process's own.
 */
const FLAGS =
  constants.O_WRONLY |
  constants.O_APPEND |
  (constants.O_NONBLOCK ?? 0) |
  (constants.O_NOCTTY ?? 0) |
  // Whoever may write to the folder could have lines put into any file that this process may write to.
  (constants.O_NOFOLLOW ?? 0);
/** Milliseconds between two looks at whether a file is still there. */
const LOOK_MS = 1_000;
/** Milliseconds between two looks at whether what was taken has been written. */
const LOOK_BUSY_MS = 5;

/**
 * A file by its path, which may also be a device or a pipe, but no symbolic link. It is made when it is
 * missing, and again when somebody has removed it.
 */
export class FileTarget implements LineTarget {
  private lookedAt = performance.now();

  private constructor(
    readonly name: string,
    private descriptor: number,
    private readonly access: FileAccess,
  ) {}

  /** Opens a file to append to. @param access what it gets when it is made @throws TargetError */
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
        // If it cannot be made again, the next write looks again.
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

  /** What is written to a file without a name is lost; a file that was renamed has one. */
  private async isRemoved(): Promise<boolean> {
    const { nlink } = await stat(this.descriptor);
    return nlink === 0;
  }
}

/**
 * Opens a file, or makes it, with the access that is wanted whatever the umask is. One that is there keeps
 * what somebody has given it. A link in its place is not followed; links among the folders are.
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
    // Somebody else has made it meanwhile.
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

/** Standard output, or another descriptor that was open already. @throws TargetError when it is not */
export function descriptorTarget(descriptor: number, name: string): LineTarget {
  let isFile: boolean;
  try {
    isFile = fstatSync(descriptor).isFile();
  } catch (error) {
    throw new TargetError(name, (error as NodeJS.ErrnoException).code ?? "unknown error");
  }
  return isFile ? new OpenFile(descriptor, name) : new OpenStream(descriptor, name);
}

/** One that somebody has put into a file: a disk may be slow. */
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

/** One that is a pipe, a terminal or a socket: its reader may be slow, or leave. */
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
