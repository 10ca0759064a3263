import type { Socket } from "bun";

/**
 * A socket of Bun 1.4 with the members that its type file does not list.
 *
 * After `pause()` there is no `data`, and Bun holds the FIN back until `resume()`. A reset is not
 * held back: it brings a last `data` with what the kernel still has, then `close` with an error.
 */
export interface BunSocket<Data> extends Socket<Data> {
  /** It is none of Bun's, but an `InsideSocket`. */
  readonly isInside?: true;
  readonly fd: number;
  pause(): void;
  resume(): void;
  /**
   * Closes the descriptor and calls `close`, both before it returns. The kernel still delivers what
   * was written, then FIN; if something was not read, it sends a reset instead.
   */
  close(): void;
}

/** The socket as Bun passes it, with the members above. */
export function bunSocket<Data>(socket: Socket<Data>): BunSocket<Data> {
  return socket as BunSocket<Data>;
}

/** The most bytes that one `data` callback brings (Bun's LIBUS_RECV_BUFFER_LENGTH). */
export const CHUNK_MAX = 512 * 1024;

/** Chunks of at least this many bytes are freed at once. */
export const RECYCLE_MIN = 32 * 1024;

/**
 * Frees a chunk's memory now instead of at a garbage collection, by detaching its buffer. The next
 * chunk then lands in memory that is still in the CPU cache: one bulk stream costs 12 % less CPU
 * (bench/FINDINGS.md, 2026-11-23).
 */
export function recycle(chunk: Uint8Array): void {
  if (chunk.byteLength < RECYCLE_MIN) return;
  const { buffer } = chunk;
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** Handles an error that a handler has thrown: a defect of ringway. */
export type OnDefect = (error: Error) => void;

/** Throws a defect outside of Bun's handlers, whose `error` would swallow it. */
export function throwUncaught(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}

/**
 * Whether an error that Bun reports is one of TLS: the other end broke its rules, or sent an alert. Bun 1.4 reports
 * it as it does an error that a handler has thrown, and then closes the socket as if all were well.
 */
export function isTlsError(error: NodeJS.ErrnoException): boolean {
  return error.code === "EPROTO";
}
