import { cleanUpOrThrow } from "../../base/clean-up.ts";
import type { MemoryOptions, UringOptions } from "../../config/options.ts";
import { Group } from "./group.ts";
import type { Kernel } from "./kernel.ts";
import { BUFFERS_MAX, Slabs } from "./slabs.ts";

/** The direction of a flow; also its index in tables. */
export enum Direction {
  Up,
  Down,
}

/** Marks a chunk's buffer as one of the large ones. */
export const LARGE = 1 << 16;

const KIB = 1024;
const MIB = 1024 * KIB;

/** An end that has found no buffer. */
interface Starving {
  /** It still waits. */
  readonly waiting: boolean;
  /** There are buffers for it. */
  readonly hasBuffers: boolean;
  /** Makes it receive again. */
  feed(): void;
}

/**
 * All memory that bytes pass through: small buffers for chatty lanes and large ones for bulk, each
 * in two groups, one per direction. Its bound is
 *
 *     per direction, half of segment size × segment count:
 *       1/4   small buffers, provided or held by lanes whose targets are slow
 *       3/4   large buffers, the same
 *
 * Each direction has groups of its own, because an upstream whose answers are not read takes no
 * more requests. If requests held all memory, answers could not be read, and neither would ever
 * move again.
 */
export class Memory {
  readonly small: Slabs;
  readonly large: Slabs;
  /** Most bytes of one receive. */
  readonly receiveMax: number;
  /** A flow's source is read while at most this many of its bytes are queued. */
  readonly receiveBelow: number;
  /**
   * Most bytes that a flow holds: what it may queue, plus what one turn may bring before it stops.
   */
  readonly flowLimit: number;
  private readonly groups: readonly Group[];
  private readonly waiting: Starving[] = [];
  private heldBytesMax = 0;

  constructor(
    kernel: Kernel,
    private readonly options: MemoryOptions,
    uring: UringOptions,
    onSlab: (bytes: number) => void,
  ) {
    const { bufferSize: smallSize, largeBufferSize: largeSize, hugePages, incremental } = uring;
    const half = (options.segmentSize * options.segmentCount) / 2;
    const largest = 2 ** Math.floor(Math.log2(half / 8));
    const large = Math.min(largeSize, Math.max(largest, 16 * KIB));
    const count = (bytes: number, size: number) =>
      Math.max(2, Math.min(BUFFERS_MAX / 2, Math.floor(bytes / size)));
    const smallLimit = count(half / 4, smallSize);
    const largeLimit = count((half * 3) / 4, large);
    const tell = () => onSlab(this.bytes);
    this.small = new Slabs(smallSize, 2 * smallLimit, hugePages, tell);
    this.large = new Slabs(large, 2 * largeLimit, hugePages, tell);
    const group = (direction: Direction, isLarge: boolean) =>
      new Group(kernel, isLarge ? this.large : this.small, {
        id: direction * 2 + (isLarge ? 1 : 0),
        limit: isLarge ? largeLimit : smallLimit,
        level: isLarge ? 2 : uring.bufferCount,
        levelMax: isLarge ? 64 : 1024,
        incremental: incremental && !isLarge,
      });
    this.groups = [
      group(Direction.Up, false),
      group(Direction.Up, true),
      group(Direction.Down, false),
      group(Direction.Down, true),
    ];
    this.receiveMax = Math.max(large, smallSize * smallLimit);
    this.receiveBelow = large;
    this.flowLimit =
      this.receiveBelow + this.receiveMax + Math.min(4 * MIB, smallSize * smallLimit);
  }

  /** The group for a direction's small or large receives. */
  group(direction: Direction, isLarge: boolean): Group {
    return this.groups[direction * 2 + (isLarge ? 1 : 0)] as Group;
  }

  get hasLarge(): boolean {
    return this.large.size > this.small.size;
  }

  /** The address of a byte in a buffer, which is named as in chunks. */
  address(buffer: number, offset: number): number {
    const slabs = (buffer & LARGE) !== 0 ? this.large : this.small;
    return slabs.address(buffer & ~LARGE, offset);
  }

  /** A view of bytes of a buffer. */
  view(buffer: number, offset: number, size: number): Uint8Array {
    const slabs = (buffer & LARGE) !== 0 ? this.large : this.small;
    return slabs.view(buffer & ~LARGE, offset, size);
  }

  /** Bytes of a whole buffer. */
  sizeOf(buffer: number): number {
    return ((buffer & LARGE) !== 0 ? this.large : this.small).size;
  }

  /** Whether a buffer has one chunk alone, and the kernel is done with it. */
  isOwn(direction: Direction, buffer: number): boolean {
    return this.group(direction, (buffer & LARGE) !== 0).isOwn(buffer & ~LARGE);
  }

  /** Whether a buffer is the right place for few bytes that are kept: a small one that is nobody else's. */
  isFitting(direction: Direction, buffer: number, size: number): boolean {
    const isSmall = (buffer & LARGE) === 0;
    return isSmall ? this.isOwn(direction, buffer) : size > this.small.size;
  }

  /** A buffer for one chunk alone, with which it is released; −1 if there is none. Small ones may serve for large. */
  leaseOwn(direction: Direction, isLarge = false): number {
    const large = isLarge ? this.group(direction, true).leaseOwn() : -1;
    return large >= 0 ? large | LARGE : this.group(direction, false).leaseOwn();
  }

  /** A chunk of a buffer is no longer needed. */
  released(direction: Direction, buffer: number): void {
    const isLarge = (buffer & LARGE) !== 0;
    this.group(direction, isLarge).released(buffer & ~LARGE);
  }

  /** An end found no buffer: it is fed once there are some. */
  wait(end: Starving): void {
    this.waiting.push(end);
  }

  get receivesWithoutBuffer(): number {
    let sum = 0;
    for (const { foundNone } of this.groups) sum += foundNone;
    return sum;
  }

  /** An end waits for buffers. */
  get isAwaited(): boolean {
    return this.waiting.length > 0;
  }

  /** Slow targets hold all small buffers of a direction. Large ones may run out without harm. */
  get dry(): boolean {
    return this.group(Direction.Up, false).dry || this.group(Direction.Down, false).dry;
  }

  /** Provides buffers to the kernel, and feeds ends that wait for them. Call it once a turn. */
  refill(): void {
    const held = this.heldBytes;
    if (held > this.heldBytesMax) this.heldBytesMax = held;
    for (const group of this.groups) group.refill();
    if (this.waiting.length === 0) return;
    for (let left = this.waiting.length; left > 0; left--) {
      const end = this.waiting.shift() as Starving;
      if (!end.waiting) continue;
      if (end.hasBuffers) end.feed();
      else this.waiting.push(end);
    }
  }

  get bytes(): number {
    return this.small.bytes + this.large.bytes;
  }

  /** Buffers that hold waiting bytes, in segments. */
  get leased(): number {
    return Math.ceil(this.heldBytes / this.options.segmentSize);
  }

  /** The maximum of {@link leased} at the end of a turn. */
  get leasedMax(): number {
    return Math.ceil(this.heldBytesMax / this.options.segmentSize);
  }

  close(): void {
    cleanUpOrThrow([
      ...this.groups.map((group) => () => group.close()),
      () => this.small.close(),
      () => this.large.close(),
    ]);
  }

  /**
   * Frees the memory but keeps its addresses, so that late writes of the kernel hit nothing else.
   */
  forsake(): void {
    cleanUpOrThrow([() => this.small.forsake(), () => this.large.forsake()]);
  }

  private get heldBytes(): number {
    let bytes = 0;
    for (const { held, slabs } of this.groups) bytes += held * slabs.size;
    return bytes;
  }
}
