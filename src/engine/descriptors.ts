import { readdirSync } from "node:fs";
import { descriptorLimit } from "./libc.ts";
import { RELAY_DESCRIPTORS_MAX } from "./policy.ts";

/** Descriptors kept free for files, name lookups, logs and whatever else the process opens. */
const RESERVE = 24;

/** Bounds of {@link Descriptors.forUnknown}. */
const UNKNOWN_MIN = 16;
const UNKNOWN_MAX = 1_024;

/** Descriptors taken before the first relay, where they cannot be counted. */
const USED_GUESS = 32;

/**
 * Counts the descriptors that relays hold against what the process may have.
 *
 * At the limit Bun's listeners spin: accept(2) fails with EMFILE and the connection stays readable
 * (oven-sh/bun PR 32705). So accepting stops before the limit is reached, with a reserve.
 */
export class Descriptors {
  private held = 0;
  private readonly most: number;

  /**
   * @param engines so many share what is left
   * @param onClosed called when descriptors were given back
   */
  constructor(
    engines: number,
    private readonly onClosed: () => void,
  ) {
    const left = descriptorLimit() - usedNow() - RESERVE;
    this.most = Math.max(RELAY_DESCRIPTORS_MAX, Math.floor(left / engines));
  }

  opened(count: number): void {
    this.held += count;
  }

  closed(count: number): void {
    this.held -= count;
    this.onClosed();
  }

  /**
   * How many a listener may give to clients that have not said yet who they are. A PROXY header comes
   * with the first segment, so that few wait for theirs at a time, however many come.
   */
  get forUnknown(): number {
    return Math.min(UNKNOWN_MAX, Math.max(UNKNOWN_MIN, this.most >>> 3));
  }

  /** How many are left for relays. */
  get left(): number {
    return this.most - this.held;
  }

  /** Not a single one is left for relays. */
  get exhausted(): boolean {
    return this.held >= this.most;
  }

  /** One more relay would not fit: stop accepting. */
  get tight(): boolean {
    return this.held + RELAY_DESCRIPTORS_MAX > this.most;
  }

  /** Several more relays fit: accept again, and not for each one that leaves. */
  get ample(): boolean {
    return this.held + RELAY_DESCRIPTORS_MAX + Math.min(64, this.most >>> 4) <= this.most;
  }
}

function usedNow(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return USED_GUESS;
  }
}
