import type { Queue } from "../../src/engine/end.ts";
import { holds } from "../model/fuzz.ts";

/** Most bytes that one receive brings. */
export const RECEIVE_MAX = 4096;

/** The memory of one direction, as bytes that all its queues hold. */
export class Memory {
  held = 0;
  /** Somebody has found none since all were fed. */
  private wasDry = false;

  constructor(private readonly limit: number) {}

  /** There is none for what a receive may bring. */
  get isDry(): boolean {
    const isDry = this.limit - this.held < RECEIVE_MAX;
    if (isDry) this.wasDry = true;
    return isDry;
  }

  took(size: number): void {
    this.held += size;
    holds(this.held <= this.limit, "queues hold at most the memory that there is");
  }

  gaveBack(size: number): void {
    this.held -= size;
    holds(this.held >= 0, "memory is given back once");
  }

  /** Whether there is memory again for who has found none; told once. */
  takesMore(): boolean {
    if (!this.wasDry || this.isDry) return false;
    this.wasDry = false;
    return true;
  }
}

/** Queued bytes, in pieces as they came. */
export class MemoryQueue implements Queue {
  size = 0;
  readonly room = Infinity;
  readonly isCrowded = false;
  private pieces: Uint8Array[] = [];

  constructor(readonly memory: Memory) {}

  get isRoomy(): boolean {
    return !this.isDry;
  }

  get isDry(): boolean {
    return this.memory.isDry;
  }

  push(bytes: Uint8Array): void {
    this.pieces.push(bytes);
    this.size += bytes.length;
    this.memory.took(bytes.length);
  }

  consume(size: number): void {
    holds(size <= this.size, "no more is consumed than is queued");
    this.size -= size;
    this.memory.gaveBack(size);
    let left = size;
    while (left > 0) {
      const [first = new Uint8Array(0)] = this.pieces;
      if (first.length > left) this.pieces[0] = first.subarray(left);
      else this.pieces.shift();
      left -= Math.min(left, first.length);
    }
  }

  cut(size: number): void {
    holds(size <= this.size, "no more is cut than is queued");
    this.size -= size;
    this.memory.gaveBack(size);
    let left = size;
    while (left > 0) {
      const last = this.pieces.pop() as Uint8Array;
      if (last.length > left) this.pieces.push(last.subarray(0, last.length - left));
      left -= Math.min(left, last.length);
    }
  }

  views(from: number, size: number): Uint8Array[] {
    const views: Uint8Array[] = [];
    let skip = from;
    let left = size;
    for (const piece of this.pieces) {
      if (left === 0) break;
      const view = piece.subarray(skip, skip + left);
      skip = Math.max(0, skip - piece.length);
      if (view.length > 0) views.push(view);
      left -= view.length;
    }
    return views;
  }

  /** Pieces take no more than their bytes. */
  settleDown(): void {}

  clear(): void {
    this.memory.gaveBack(this.size);
    this.size = 0;
    this.pieces = [];
  }
}
