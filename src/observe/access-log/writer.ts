import { assert } from "../../assert.ts";
import type { LineTarget } from "./target.ts";

/** Receives what happens to a writer, once for each change. */
export interface WriterObserver {
  /** The target takes nothing, or too little: from now on lines may be dropped. */
  stuck(cause: string): void;
  /** Lines go to the target again. */
  goesOn(): void;
  /** The target could not be reopened; the old one stays in use. */
  notReopened(cause: string): void;
}

/** Limits of a writer; tests use smaller ones. */
export interface WriterOptions {
  /** Most bytes in the queue. */
  readonly queueBytesMax: number;
  /** Most bytes to write at once. */
  readonly batchBytesMax: number;
  /** Milliseconds to gather lines before writing them. */
  readonly gatherMs: number;
  /** Milliseconds before a full target is tried again, and before a failed one is. */
  readonly fullMs: number;
  readonly failedMs: number;
}

/** Enough for two seconds of a proxy that ends six thousand relays a second. */
const QUEUE_BYTES_MAX = 4 * 1024 * 1024;

/** Defaults that suit any target. */
export const writerDefaults: WriterOptions = {
  queueBytesMax: QUEUE_BYTES_MAX,
  batchBytesMax: 256 * 1024,
  gatherMs: 10,
  fullMs: 20,
  failedMs: 1_000,
};

const NEWLINE = 0x0a;

/**
 * Writes lines to a target, and never blocks the caller.
 *
 *     write(line) ─► queue, at most queueBytesMax ─► batch, one at a time ─► target
 *                └─► dropped and counted when there is no room
 *
 * Lines stay whole: if a target takes a part of a batch, the rest follows; if the target was
 * reopened meanwhile, the cut line is written again from its beginning. A target that fails is
 * tried again, and what is queued is kept until then.
 *
 * Invariant: `queuedBytes` are those of the queue and of the batch, at most `queueBytesMax`.
 */
export class LineWriter {
  /** Lines that the target has taken, and lines that it will never get. */
  written = 0;
  dropped = 0;
  private queue: string[] = [];
  private queuedBytes = 0;
  private batch: Uint8Array | null = null;
  private batchLines = 0;
  private offset = 0;
  private isPumping = false;
  /** `stuck` was reported, and `goesOn` not yet. */
  private isStuck = false;
  private hasFailed = false;
  private wantsReopen = false;
  private isClosing = false;
  /** What is queued will not be written any more. */
  private isAbandoned = false;
  /** Ends the pump's pause early. */
  private wake: (() => void) | null = null;
  private roomWaited: PromiseWithResolvers<void> | null = null;
  private readonly over = Promise.withResolvers<void>();

  constructor(
    private readonly target: LineTarget,
    private readonly observer: WriterObserver,
    private readonly options: WriterOptions = writerDefaults,
  ) {}

  /** Queues a line, or drops it. @param line ASCII, with its newline */
  write(line: string): void {
    if (this.isClosing || this.queuedBytes + line.length > this.options.queueBytesMax) {
      this.dropped++;
      this.stuck("it takes lines too slowly");
      return;
    }
    this.queue.push(line);
    this.queuedBytes += line.length;
    this.pump();
  }

  /** Whether half of the queue is free. */
  get hasRoom(): boolean {
    return this.queuedBytes <= this.options.queueBytesMax / 2;
  }

  /** Waits until half of the queue is free. */
  room(): Promise<void> {
    if (this.hasRoom) return Promise.resolve();
    this.roomWaited ??= Promise.withResolvers();
    return this.roomWaited.promise;
  }

  /** Reopens the target. A batch that is being written still goes to the old one. */
  reopen(): void {
    if (this.isClosing) return;
    this.wantsReopen = true;
    this.pump();
    this.wake?.();
  }

  /**
   * Writes what is queued and closes the target; further lines are dropped.
   *
   * @param withinMs what is left after this many milliseconds is dropped
   */
  async close(withinMs: number): Promise<void> {
    this.isClosing = true;
    this.pump();
    this.wake?.();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, withinMs);
    await Promise.race([this.closed(), late.promise]);
    clearTimeout(timer);
    this.isAbandoned = true;
    this.dropped += this.queue.length + this.batchLines;
    this.queue = [];
    this.batchLines = 0;
  }

  private async closed(): Promise<void> {
    if (this.isPumping) await this.over.promise;
    if (this.batch === null) await this.target.close();
  }

  private pump(): void {
    if (this.isPumping) return;
    this.isPumping = true;
    void this.run();
  }

  /** Runs until there is nothing left to do. Only one runs at a time. */
  private async run(): Promise<void> {
    if (!this.isClosing) await this.pause(this.options.gatherMs);
    while (!this.isAbandoned) {
      // A batch goes where it began, as long as that works.
      const mayReopen = this.batch === null || this.hasFailed;
      if (this.wantsReopen && mayReopen) await this.reopenNow();
      else if (this.batch !== null || this.nextBatch()) await this.writeSome();
      else break;
    }
    this.isPumping = false;
    if (this.isClosing) this.over.resolve();
  }

  /** Makes a batch of what is queued. @returns whether there is anything */
  private nextBatch(): boolean {
    const { queue } = this;
    let count = 0;
    let bytes = 0;
    while (count < queue.length) {
      bytes += (queue[count] as string).length;
      if (count > 0 && bytes > this.options.batchBytesMax) break;
      count++;
    }
    if (count === 0) return false;
    const lines = count === queue.length ? queue : queue.slice(0, count);
    this.queue = count === queue.length ? [] : queue.slice(count);
    this.batch = Buffer.from(lines.join(""), "latin1");
    this.batchLines = count;
    this.offset = 0;
    return true;
  }

  private async writeSome(): Promise<void> {
    const batch = this.batch as Uint8Array;
    try {
      const taken = await this.target.write(batch.subarray(this.offset));
      this.hasFailed = false;
      this.offset += taken;
      if (this.offset === batch.length) this.batchWritten(batch.length);
      else if (taken === 0) await this.pause(this.options.fullMs);
    } catch (error) {
      this.hasFailed = true;
      this.stuck(codeOf(error));
      // There is no time left to wait until it works again.
      if (this.isClosing) this.isAbandoned = true;
      else await this.pause(this.options.failedMs);
    }
  }

  private batchWritten(bytes: number): void {
    this.batch = null;
    this.queuedBytes -= bytes;
    assert(this.queuedBytes >= 0, "writer: what was written had been queued");
    this.written += this.batchLines;
    this.batchLines = 0;
    if (!this.hasRoom) return;
    this.roomWaited?.resolve();
    this.roomWaited = null;
    if (!this.isStuck) return;
    this.isStuck = false;
    this.observer.goesOn();
  }

  private async reopenNow(): Promise<void> {
    this.wantsReopen = false;
    try {
      await this.target.reopen();
    } catch (error) {
      this.observer.notReopened(codeOf(error));
      return;
    }
    if (this.batch === null || this.offset === 0) return;
    this.offset = this.batch.lastIndexOf(NEWLINE, this.offset - 1) + 1;
  }

  private stuck(cause: string): void {
    if (this.isStuck || this.isClosing) return;
    this.isStuck = true;
    this.observer.stuck(cause);
  }

  /** Waits, unless `wake` is called. */
  private async pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.wake = resolve;
    await promise;
    clearTimeout(timer);
    this.wake = null;
  }
}

function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
