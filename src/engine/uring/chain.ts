import type { Queue } from "../end.ts";
import { type Chunks, NONE } from "./chunks.ts";
import { type Direction, LARGE, type Memory } from "./memory.ts";

/** What chains have of their loop. */
export interface ChainHost {
  readonly chunks: Chunks;
  readonly memory: Memory;
}

/** Chunks that a lane may queue; with more its source is not read, however small they are. */
const CHUNKS_MAX = 32;
/** So few are left when it is read again. */
const CHUNKS_FEW = 8;
/** The same in large buffers, each of which is held whole for whatever few bytes a receive brings. */
const LARGE_CHUNKS_MAX = 3;
const LARGE_CHUNKS_FEW = 2;

/**
 * The queue of a lane: a chain of chunks, each of them a part of a provided buffer, which goes back to its
 * group when its last chunk is done with.
 *
 *     first ─► [ 512 bytes of buffer 7 ] ─► [ 4096 bytes of buffer 2 ] ─► NONE        count 2, size 4608
 *
 * Owner: a lane. What is in it does not move, unless it is to {@link settleDown}.
 */
export class Chain implements Queue {
  /** The first chunk; {@link NONE} when it is empty. */
  first = NONE;
  /** Chunks. */
  count = 0;
  size = 0;
  /** A receive has found no buffer, and there are none yet. */
  isDry = false;
  /** What was put into it last lies in a large buffer. */
  private isLarge = false;
  private last = NONE;

  /** @param direction whose buffers these are */
  constructor(
    private readonly loop: ChainHost,
    readonly direction: Direction,
  ) {}

  /** All that was received has its place. */
  get room(): number {
    return Infinity;
  }

  get isCrowded(): boolean {
    const { memory } = this.loop;
    if (memory.group(this.direction, this.isLarge).low) return this.count >= 1;
    return this.count >= (this.isLarge ? LARGE_CHUNKS_MAX : CHUNKS_MAX);
  }

  get isRoomy(): boolean {
    if (this.isDry) return false;
    if (this.loop.memory.group(this.direction, false).low) return this.count === 0;
    return this.count <= (this.isLarge ? LARGE_CHUNKS_FEW : CHUNKS_FEW);
  }

  /** Bytes of its first chunk, and where they are. */
  get firstAddress(): number {
    const { chunks, memory } = this.loop;
    const buffer = chunks.buffer[this.first] as number;
    return memory.address(buffer, chunks.start[this.first] as number);
  }

  get firstSize(): number {
    const { chunks } = this.loop;
    return (chunks.end[this.first] as number) - (chunks.start[this.first] as number);
  }

  /** Puts bytes of a buffer behind all others. */
  push(buffer: number, start: number, end: number): void {
    const { chunks } = this.loop;
    const chunk = chunks.take(buffer, start, end);
    if (this.first === NONE) this.first = chunk;
    else chunks.next[this.last] = chunk;
    this.last = chunk;
    this.isLarge = (buffer & LARGE) !== 0;
    this.count++;
    this.size += end - start;
  }

  consume(size: number): void {
    const { chunks } = this.loop;
    this.size -= size;
    for (let left = size; left > 0; ) {
      const { first, firstSize } = this;
      if (left < firstSize) {
        chunks.start[first] = (chunks.start[first] as number) + left;
        return;
      }
      left -= firstSize;
      this.shift();
    }
  }

  cut(size: number): void {
    const { chunks } = this.loop;
    let kept = this.size - size;
    this.size = kept;
    let before = NONE;
    let chunk = this.first;
    while (kept > 0) {
      const start = chunks.start[chunk] as number;
      const length = (chunks.end[chunk] as number) - start;
      if (length > kept) chunks.end[chunk] = start + kept;
      kept -= Math.min(kept, length);
      before = chunk;
      chunk = chunks.next[chunk] as number;
    }
    if (before === NONE) this.first = NONE;
    else chunks.next[before] = NONE;
    this.last = before;
    while (chunk !== NONE) {
      const next = chunks.next[chunk] as number;
      this.release(chunk);
      chunk = next;
    }
  }

  settleDown(): void {
    const { chunks, memory } = this.loop;
    const { last, direction } = this;
    if (last === NONE) return;
    const buffer = chunks.buffer[last] as number;
    const start = chunks.start[last] as number;
    const size = (chunks.end[last] as number) - start;
    const before = this.before(last);
    const room = before === NONE ? null : this.roomBehind(before, size);
    if (room !== null) {
      room.set(memory.view(buffer, start, size));
      chunks.end[before] = (chunks.end[before] as number) + size;
      chunks.next[before] = NONE;
      this.last = before;
      this.release(last);
    } else if (!memory.isFitting(direction, buffer, size)) {
      const own = memory.leaseOwn(direction);
      // Without memory for a better place it stays where it is.
      if (own < 0) return;
      memory.view(own, 0, size).set(memory.view(buffer, start, size));
      chunks.buffer[last] = own;
      chunks.start[last] = 0;
      chunks.end[last] = size;
      memory.released(direction, buffer);
    }
    this.isLarge = ((chunks.buffer[this.last] as number) & LARGE) !== 0;
  }

  /** The chunk before this one; {@link NONE} if it is the first. */
  private before(chunk: number): number {
    const { next } = this.loop.chunks;
    let before = NONE;
    for (let one = this.first; one !== chunk; one = next[one] as number) before = one;
    return before;
  }

  /** So many bytes behind a chunk that nobody else writes or reads; null if there are none. */
  private roomBehind(chunk: number, size: number): Uint8Array | null {
    const { chunks, memory } = this.loop;
    const buffer = chunks.buffer[chunk] as number;
    const end = chunks.end[chunk] as number;
    if (!memory.isOwn(this.direction, buffer)) return null;
    if (end + size > memory.sizeOf(buffer)) return null;
    return memory.view(buffer, end, size);
  }

  views(from: number, size: number): Uint8Array[] {
    const { chunks, memory } = this.loop;
    const views: Uint8Array[] = [];
    let skip = from;
    let left = size;
    for (let chunk = this.first; left > 0; chunk = chunks.next[chunk] as number) {
      const start = (chunks.start[chunk] as number) + skip;
      const length = Math.min(left, (chunks.end[chunk] as number) - start);
      skip = Math.max(0, -length);
      if (length <= 0) continue;
      views.push(memory.view(chunks.buffer[chunk] as number, start, length));
      left -= length;
    }
    return views;
  }

  clear(): void {
    this.size = 0;
    this.isDry = false;
    while (this.first !== NONE) this.shift();
  }

  /** The first chunk is done with. */
  private shift(): void {
    const chunk = this.first;
    this.first = this.loop.chunks.next[chunk] as number;
    this.release(chunk);
  }

  private release(chunk: number): void {
    const { chunks, memory } = this.loop;
    this.count--;
    memory.released(this.direction, chunks.buffer[chunk] as number);
    chunks.release(chunk);
  }
}
