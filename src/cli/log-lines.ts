import { formatCount } from "../base/quantity.ts";
import type { Outlet } from "../observe/outlet.ts";

/** Most bytes that wait for a reader who is slow. */
const QUEUE_BYTES_MAX = 1024 * 1024;
/** Milliseconds until a reader that takes nothing is tried again, and one that has failed. */
const FULL_MS = 20;
const FAILED_MS = 1_000;
/** Milliseconds between two looks at whether all is written. */
const LOOK_MS = 5;

/**
 * Writes the log's lines without ever waiting for whoever reads them: what is not taken waits, within
 * bounds, and lines beyond that are dropped and counted, as are those that cannot be written. As soon as
 * somebody reads again a line says how many are missing.
 *
 * Invariant: `queuedBytes` are those of `queue`, at most {@link QUEUE_BYTES_MAX}.
 */
export class LogLines {
  /** Lines that nobody will ever read. */
  dropped = 0;
  private toldDropped = 0;
  /** The first one may be the rest of a line. */
  private queue: Uint8Array[] = [];
  private queuedBytes = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private isPumping = false;
  /** Nothing could be written the last time. */
  private hasFailed = false;

  /**
   * @param outlet where they go
   * @param missing called when lines are written again and some before them are missing
   */
  constructor(
    private readonly outlet: Outlet,
    private readonly missing: (lines: string) => void,
  ) {}

  /** Writes a line, or queues it, or drops it. @param text with its newline */
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

  /** Waits until all lines are written, for so many milliseconds at most; not where nobody reads. */
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
      // Nobody reads, or a disk is full. What waits would be out of date when that is over.
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

  /** Lines that come until then only queue. */
  private pause(ms: number): void {
    this.timer = setTimeout(() => this.pump(), ms);
    // Whether anybody reads the log is no reason to go on.
    this.timer.unref();
  }

  /** Once the queue is empty, so that what is told finds room. */
  private tellDropped(): void {
    const count = this.dropped - this.toldDropped;
    if (count === 0) return;
    this.toldDropped = this.dropped;
    this.missing(count === 1 ? "1 line" : `${formatCount(count)} lines`);
  }
}
