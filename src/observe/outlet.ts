import { constants, fstatSync, openSync, write, writeSync } from "node:fs";
import { Errno, errnoName, sendNow } from "../system/linux.ts";

/** Takes bytes without ever blocking the calling thread. */
export interface Outlet {
  /**
   * Writes some of the bytes. They must not change until a later call takes more.
   *
   * @returns how many were taken; 0 if there is no room now
   * @throws an error with the system's code: the reader has gone, or a disk is full
   */
  write(bytes: Uint8Array): number;
  /** Some bytes are still being written: an exit would lose them. */
  readonly isBusy: boolean;
}

/** The outlet for an open descriptor of any kind, such as stdout. Files are written directly. */
export function outletOf(descriptor: number): Outlet {
  const stats = statsOf(descriptor);
  if (stats === null || stats.isFile()) return new Plain(descriptor);
  const isLinux = process.platform === "linux";
  if (stats.isSocket()) return isLinux ? new ToSocket(descriptor) : new ToSink(descriptor);
  const own = isLinux ? openedAnew(descriptor) : null;
  if (own !== null) return new Plain(own);
  return stats.isCharacterDevice() ? new ByOthers(descriptor) : new ToSink(descriptor);
}

function statsOf(descriptor: number) {
  try {
    return fstatSync(descriptor);
  } catch {
    // It is closed, which each write reports.
    return null;
  }
}

/**
 * Opens the same pipe or terminal again, so that it can be non-blocking for ringway alone: the flag
 * belongs to the open file, which a shell and other programs share. Otherwise a stopped terminal
 * (Ctrl-S), or a pipe that is not read, would hold up every relay.
 *
 * @returns null if another user owns it and that is not allowed
 */
function openedAnew(descriptor: number): number | null {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    return openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return null;
  }
}

/** A file, or a non-blocking descriptor of our own. */
class Plain implements Outlet {
  readonly isBusy = false;
  constructor(private readonly descriptor: number) {}

  write(bytes: Uint8Array): number {
    try {
      return writeSync(this.descriptor, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return 0;
      throw error;
    }
  }
}

/** A socket, such as the journal's, which can be written without blocking. */
class ToSocket implements Outlet {
  readonly isBusy = false;
  constructor(private readonly descriptor: number) {}

  write(bytes: Uint8Array): number {
    const taken = sendNow(this.descriptor, bytes);
    if (taken >= 0) return taken;
    if (taken === -Errno.EAGAIN) return 0;
    const code = errnoName(-taken);
    throw Object.assign(new Error(code), { code });
  }
}

/** Passes bytes on, and takes no more until they are written. */
abstract class Waiting implements Outlet {
  isBusy = false;
  private failure: unknown = null;

  constructor(protected readonly descriptor: number) {}

  write(bytes: Uint8Array): number {
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
    if (this.isBusy) return 0;
    this.isBusy = true;
    this.hand(bytes).then(
      () => {
        this.isBusy = false;
      },
      (error) => {
        this.isBusy = false;
        this.failure = error;
      },
    );
    return bytes.length;
  }

  /** Writes all of the bytes. */
  protected abstract hand(bytes: Uint8Array): Promise<void>;
}

/**
 * Bun's own writer. Its `write` may return a promise that rejects, although its type says
 * otherwise.
 */
class ToSink extends Waiting {
  private readonly sink = Bun.file(this.descriptor).writer();

  protected async hand(bytes: Uint8Array): Promise<void> {
    await Promise.all([this.sink.write(bytes) as unknown, this.sink.flush()]);
  }
}

/** Lets another thread wait for a terminal that cannot be opened again. */
class ByOthers extends Waiting {
  protected hand(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const from = (offset: number) =>
        write(this.descriptor, bytes, offset, bytes.length - offset, null, (error, taken) => {
          if (error !== null && error !== undefined) reject(error);
          else if (offset + taken < bytes.length) from(offset + taken);
          else resolve();
        });
      from(0);
    });
  }
}
