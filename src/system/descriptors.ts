import { readdirSync } from "node:fs";
import { type Clock, systemClock } from "../base/clock.ts";
import { descriptorLimit } from "./libc.ts";

/** Descriptors of one relay at most: client, upstream, and the upstream's own when it is inside. */
export const RELAY_DESCRIPTORS_MAX = 3;

/**
 * What the process's descriptors are set aside for, before relays get the rest. This is the one place
 * where that is decided: whoever opens something has a share here, or is counted by an engine.
 */
export interface DescriptorBudget {
  /** Connections of the admin server, 4…64. */
  readonly admin: number;
  /** Health checks that run at the same time, 4…64. */
  readonly checks: number;
  /** Questions to DNS servers at the same time, 4…32. */
  readonly lookups: number;
  /** Files, logs and whatever else the process opens. */
  readonly others: number;
}

/** @param limit descriptors of the whole process; Infinity for no limit */
export function descriptorBudget(limit = descriptorLimit()): DescriptorBudget {
  const share = (most: number) => Math.max(4, Math.min(most, Math.floor(limit / 32)));
  return { admin: share(64), checks: share(64), lookups: share(32), others: 16 };
}

/** Bounds of {@link Descriptors.forUnknown}. */
const UNKNOWN_MIN = 16;
const UNKNOWN_MAX = 1_024;

/** Descriptors taken before the first relay, where they cannot be counted. */
const USED_GUESS = 32;

/** What a worker's thread opens for itself: its event loop, its ring, what wakes it. */
const ENGINE_DESCRIPTORS = 6;

/** What of a listener's socket a process has, for one worker: its own descriptor and duplicates of it. */
const LISTENER_DESCRIPTORS = 3;

/** Of what an engine may have, clients that were refused and are left to wait get so much at most. */
const REFUSED_SHARE = 8;

/** The limit of the process is asked for no more often than this, in milliseconds. */
const LIMIT_AGE_MS = 1_000;

/** See `EngineShare`. */
interface DescriptorShare {
  readonly engines: number;
  readonly sharing?: SharedArrayBuffer;
  readonly usedDescriptors?: number;
}

/**
 * Counts the descriptors that an engine's relays hold against what they may have.
 *
 * At the limit Bun's listeners spin: accept(2) fails with EMFILE and the connection stays readable
 * (oven-sh/bun PR 32705). So accepting stops before the limit is reached, with a reserve. Somebody may
 * change the limit of a process that runs (prlimit(1)): {@link look} finds out.
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
   * @param share so many workers share what is left, or as many as `sharing` says now, and so many
   *   descriptors were open before any of them
   * @param onClosed called when descriptors were given back
   * @param readLimit tells the process's limit
   * @param clock its time
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

  /** Asks for the process's limit again, if that was some time ago. */
  look(): void {
    const now = this.clock.now();
    if (now - this.lookedAt < LIMIT_AGE_MS) return;
    this.lookedAt = now;
    this.allot();
  }

  /** A listener was opened (1) or closed (−1): what it holds is no relay's. */
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

  /** Clients that may be left to wait because they were refused. At least 1. */
  get refusedMax(): number {
    return Math.max(1, Math.floor(this.most / REFUSED_SHARE));
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
    return this.isAmpleBut(0);
  }

  /** The same, once so many have come back that are about to. */
  isAmpleBut(coming: number): boolean {
    return this.held - coming + RELAY_DESCRIPTORS_MAX + this.margin <= this.most;
  }

  private get margin(): number {
    return Math.min(64, Math.floor(this.most / 16));
  }
}

/** Descriptors that the process has open now. */
export function usedDescriptors(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return USED_GUESS;
  }
}
