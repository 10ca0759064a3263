import { readdirSync } from "node:fs";
import { type Clock, systemClock } from "../base/clock.ts";
import { descriptorLimit } from "./libc.ts";

/**
 * Most descriptors of one relay: the client's, the upstream's, and the embedded server's own end.
 */
export const RELAY_DESCRIPTORS_MAX = 3;

/**
 * The descriptors that are reserved before relays get the rest. This is the one place that decides
 * it: whatever opens a descriptor has a share here, or an engine counts it.
 */
export interface DescriptorBudget {
  /** Connections of the admin server, 4…64. */
  readonly admin: number;
  /** Health checks that run at once, 4…64. */
  readonly checks: number;
  /** Questions to DNS servers at once, 4…32. */
  readonly lookups: number;
  /** Files, logs and everything else that the process opens. */
  readonly others: number;
}

/** Divides the descriptors. @param limit of the whole process; Infinity for no limit */
export function descriptorBudget(limit = descriptorLimit()): DescriptorBudget {
  const share = (most: number) => Math.max(4, Math.min(most, Math.floor(limit / 32)));
  return { admin: share(64), checks: share(64), lookups: share(32), others: 16 };
}

/** Bounds of {@link Descriptors.forUnknown}. */
const UNKNOWN_MIN = 16;
const UNKNOWN_MAX = 1_024;

/** Descriptors taken before the first relay, if they cannot be counted. */
const USED_GUESS = 32;

/** Descriptors of a worker's thread itself: its event loop, its ring, the one that wakes it. */
const ENGINE_DESCRIPTORS = 6;

/** Descriptors of a listener for one worker: the socket's own and its duplicates. */
const LISTENER_DESCRIPTORS = 3;

/** Refused clients that are left to wait get at most one part in this many of an engine's share. */
const REFUSED_SHARE = 8;

/** The process's limit is read at most once in this many milliseconds. */
const LIMIT_AGE_MS = 1_000;

/** See `EngineShare`. */
interface DescriptorShare {
  readonly engines: number;
  readonly sharing?: SharedArrayBuffer;
  readonly usedDescriptors?: number;
}

/**
 * Counts the descriptors of an engine's relays against its share.
 *
 * At the limit Bun's listeners spin: accept(2) fails with EMFILE and the connection stays readable
 * (oven-sh/bun PR 32705). So accepting stops before the limit is reached, with a reserve. The limit
 * of a running process may be changed (prlimit(1)), which {@link look} notices.
 */
export class Descriptors {
  private held = 0;
  private listeners = 0;
  private most = 0;
  private lookedAt = -Infinity;
  private readonly used: number;
  /** How many workers share what is left: one number, which the control plane may change. */
  private readonly workers: Int32Array;

  /**
   * @param share how many engines share the rest, or as many as `sharing` says now, and how many descriptors
   *   were open before all of them
   * @param onClosed called when descriptors were given back
   * @param readLimit reads the process's limit
   */
  constructor(
    share: DescriptorShare,
    private readonly onClosed: () => void,
    private readonly readLimit: () => number = descriptorLimit,
    private readonly clock: Pick<Clock, "now"> = systemClock,
  ) {
    this.used = share.usedDescriptors ?? usedDescriptors();
    this.workers = new Int32Array(share.sharing ?? Int32Array.of(share.engines).buffer);
    this.look();
  }

  /** Reads the process's limit again, unless it was read recently. */
  look(): void {
    const now = this.clock.now();
    if (now - this.lookedAt < LIMIT_AGE_MS) return;
    this.lookedAt = now;
    this.allot();
  }

  /** A listener was opened (1) or closed (−1); its descriptors are not for relays. */
  listens(change: 1 | -1): void {
    this.listeners += change;
    this.allot();
  }

  private allot(): void {
    const limit = this.readLimit();
    const { admin, checks, lookups, others } = descriptorBudget(limit);
    const left = limit - this.used - admin - checks - lookups - others;
    const ownUse = ENGINE_DESCRIPTORS + this.listeners * LISTENER_DESCRIPTORS;
    this.most = Math.max(RELAY_DESCRIPTORS_MAX, Math.floor(left / this.sharing) - ownUse);
  }

  private get sharing(): number {
    return Math.max(1, Atomics.load(this.workers, 0));
  }

  opened(count: number): void {
    this.held += count;
  }

  closed(count: number): void {
    this.held -= count;
    this.onClosed();
  }

  /**
   * How many a listener may give to clients whose PROXY header is still missing. The header comes
   * with the first segment, so few clients wait at a time, however many connect.
   */
  get forUnknown(): number {
    return Math.min(UNKNOWN_MAX, Math.max(UNKNOWN_MIN, this.most >>> 3));
  }

  /** How many are left for relays. */
  get left(): number {
    return this.most - this.held;
  }

  /** How many refused clients may be left to wait, at least 1. */
  get refusedMax(): number {
    return Math.max(1, Math.floor(this.most / REFUSED_SHARE));
  }

  /** None is left for relays. */
  get exhausted(): boolean {
    return this.held >= this.most;
  }

  /** One more relay would not fit: stop accepting. */
  get tight(): boolean {
    return this.held + RELAY_DESCRIPTORS_MAX > this.most;
  }

  /** Several more relays fit: accept again. The margin avoids a change for each relay that ends. */
  get ample(): boolean {
    return this.isAmpleBut(0);
  }

  /** The same, counting `coming` descriptors that are about to be given back. */
  isAmpleBut(coming: number): boolean {
    return this.held - coming + RELAY_DESCRIPTORS_MAX + this.margin <= this.most;
  }

  private get margin(): number {
    return Math.min(64, Math.floor(this.most / 16));
  }
}

/** How many descriptors the process has open. */
export function usedDescriptors(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return USED_GUESS;
  }
}
