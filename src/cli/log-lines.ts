import { formatCount } from "../base/quantity.ts";
import type { Outlet } from "../observe/outlet.ts";

/** The most bytes that wait for a slow reader. */
const QUEUE_BYTES_MAX = 1024 * 1024;
/** When to retry a reader that takes nothing, and one that has failed, in milliseconds. */
const FULL_MS = 20;
const FAILED_MS = 1_000;
/** How often to look whether all is written, in milliseconds. */
const LOOK_MS = 5;

/**
 * Writes the log's lines without ever waiting for their reader. Lines that it does not take are
 * queued within bounds; further lines, and those that cannot be written, are dropped and counted.
 * As soon as the reader takes lines again, one line says how many are missing.
 *
 * Invariant: `queuedBytes` are those of `queue`, at most {@link QUEUE_BYTES_MAX}.
 */
export class LogLines {
  /** The number of dropped lines. */
  dropped = 0;
  private toldDropped = 0;
  /** The first item may be the rest of a line. */
  private queue: Uint8Array[] = [];
  private queuedBytes = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private isPumping = false;
  /** The last attempt could not write anything. */
  private hasFailed = false;

  /**
   * @param outlet where lines go
   * @param missing called when writing works again after lines were dropped
   */
  constructor(
    private readonly outlet: Outlet,
    private readonly missing: (lines: string) => void,
  ) {}

  /** Writes, queues or drops a line. @param text with its newline */
  readonly write = (text: string): void => {
    const line = Buffer.from(text);
    if (this.queuedBytes + line.length > QUEUE_BYTES_MAX) {
      this.dropped++;
      return;
    }
    this.queue.push(line);
    this.queuedBytes += line.length;
    if (this.timer === null && !this.isPumping) this.pump();
  };

  /**
   * Waits until all lines are written, at most this many milliseconds, and not for a failed reader.
   */
  async flush(withinMs: number): Promise<void> {
    const end = performance.now() + withinMs;
    while (!this.hasFailed && (this.queue.length > 0 || this.outlet.isBusy)) {
      if (performance.now() >= end) return;
      await Bun.sleep(LOOK_MS);
    }
  }

  private pump(): void {
    this.timer = null;
    this.isPumping = true;
    try {
      this.hasFailed = false;
      this.writeQueued();
    } catch {
      // Nobody reads, or a disk is full. The queue would be out of date by the time that ends.
      this.hasFailed = true;
      this.dropped += this.queue.length;
      this.queue = [];
      this.queuedBytes = 0;
      this.pause(FAILED_MS);
    }
    this.isPumping = false;
  }

  private writeQueued(): void {
    const { queue } = this;
    for (let line = queue[0]; line !== undefined; line = queue[0]) {
      const taken = this.outlet.write(line);
      if (taken === 0) {
        this.pause(FULL_MS);
        return;
      }
      this.queuedBytes -= taken;
      if (taken === line.length) queue.shift();
      else queue[0] = line.subarray(taken);
      if (queue.length === 0) this.tellDropped();
    }
  }

  /** Until then, lines are only queued. */
  private pause(ms: number): void {
    this.timer = setTimeout(() => this.pump(), ms);
    // The timer must not keep the process alive.
    this.timer.unref();
  }

  /** Called once the queue is empty, so that the line finds room. */
  private tellDropped(): void {
    const count = this.dropped - this.toldDropped;
    if (count === 0) return;
    this.toldDropped = this.dropped;
    this.missing(count === 1 ? "1 line" : `${formatCount(count)} lines`);
  }
}
