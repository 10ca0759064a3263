import { constants, fstatSync, openSync, write, writeSync } from "node:fs";
import { Errno, errnoName, sendNow } from "../system/linux.ts";

/** Takes bytes without ever holding up the thread that writes them. */
export interface Outlet {
  /**
   * Writes some of the bytes. They must stay as they are until a later call takes more.
   *
   * @returns how many were taken; 0 when there is no room now
   * @throws an error with the system's code: nobody reads any more, or a disk is full
   */
  write(bytes: Uint8Array): number;
  /** Bytes that were taken are still on their way: an exit would lose them. */
  readonly isBusy: boolean;
}

/** An open descriptor, such as stdout, whatever it is. Files are written to directly. */
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
    // It is closed: each write says so.
    return null;
  }
}

/**
 * The same pipe or terminal once more, so that it may be non-blocking for us alone: the flag belongs to
 * the open file, which a shell and other programs share. A terminal that was stopped (Ctrl-S), or one
 * that nobody reads, would otherwise hold up every relay.
 *
 * @returns null where that is not allowed: it is somebody else's
 */
function openedAnew(descriptor: number): number | null {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    return openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return null;
  }
}

/** A file, or a descriptor of our own that does not block. */
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

/** A socket, such as the journal's: it has a way to be written to without waiting. */
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

/** Hands bytes on and waits for the answer before it takes more. */
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

/** Bun's own writer. Its `write` may answer by a promise that rejects, though its type says otherwise. */
class ToSink extends Waiting {
  private readonly sink = Bun.file(this.descriptor).writer();

  protected async hand(bytes: Uint8Array): Promise<void> {
    await Promise.all([this.sink.write(bytes) as unknown, this.sink.flush()]);
  }
}

/** Another thread waits for a terminal that cannot be opened anew. */
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
