import { close, constants, fstat, fstatSync, open, type Stats, write } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
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
const stat = promisify(fstat) as (descriptor: number) => Promise<Stats>;

/** Behind a pipe that is full a descriptor must not hold up the thread that writes. */
const FLAGS =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0);
/** Links by which the system names what is open already: nobody else can put one there. */
const SYSTEM_LINK = /^\/dev\/(?:stdout|stderr|fd\/\d+)$|^\/proc\/self\/fd\/\d+$/;
/** Whoever may read the log is the owner's business; nobody else's. */
const MODE = 0o640;
/** Milliseconds between two looks at whether a file is still there. */
const LOOK_MS = 1_000;

/**
 * Opens a file to append to. A link in its place is not followed: whoever may write to its folder could
 * have lines put into any file that this process may write to. Links among the folders are.
 */
async function openLog(path: string): Promise<number> {
  const flags = SYSTEM_LINK.test(resolve(path)) ? FLAGS : FLAGS | (constants.O_NOFOLLOW ?? 0);
  return await openFile(path, flags, MODE);
}

/**
 * A file by its path, which may also be a device or a pipe, but no symbolic link. It is made when it is
 * missing, and again when somebody has removed it.
 */
export class FileTarget implements LineTarget {
  private lookedAt = performance.now();

  private constructor(
    readonly name: string,
    private descriptor: number,
  ) {}

  /** Opens a file to append to. @throws TargetError */
  static async open(path: string): Promise<FileTarget> {
    try {
      return new FileTarget(path, await openLog(path));
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
    this.descriptor = await openLog(this.name);
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

/** Standard output, whatever it is. */
export function stdoutTarget(): LineTarget {
  return fstatSync(1).isFile() ? new StdoutFile() : new StdoutStream();
}

/** Standard output that somebody has put into a file: a disk may be slow. */
class StdoutFile implements LineTarget {
  readonly name = "stdout";

  write(bytes: Uint8Array): Promise<number> {
    return writeSome(1, bytes);
  }

  async reopen(): Promise<void> {}
  async close(): Promise<void> {}
}

/** Standard output that is a pipe, a terminal or a socket: its reader may be slow, or leave. */
class StdoutStream implements LineTarget {
  readonly name = "stdout";
  private readonly sink = Bun.stdout.writer();
  /** Why nothing can be written any more. */
  private failure: unknown = null;

  async write(bytes: Uint8Array): Promise<number> {
    if (this.failure !== null) throw this.failure;
    try {
      this.sink.write(bytes);
      await this.sink.flush();
      return bytes.length;
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  async reopen(): Promise<void> {}
  async close(): Promise<void> {}
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
