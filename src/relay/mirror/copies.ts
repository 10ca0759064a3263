import { formatAddress } from "../../base/address.ts";
import { cleanUpOrThrow, forEach } from "../../base/clean-up.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
import { Deadlines } from "../../base/deadlines.ts";
import type { ListenerOptions } from "../../config/options.ts";
import { Count } from "../../counts/figures.ts";
import { Backlog, COPY_SEGMENT_SIZE } from "../../memory/backlog.ts";
import { Pool, PoolCount } from "../../memory/pool.ts";
import type { Descriptors } from "../../system/descriptors.ts";
import type { ResolveName } from "../../upstream/names/ask.ts";
import type { Numbers } from "../ledger/page.ts";
import type { Pages } from "../ledger/pages.ts";
import { MirrorAccount } from "./account.ts";
import type { Copy } from "./copy.ts";
import { Mirror } from "./mirror.ts";
import type { DropReason, MirrorDrop } from "./reason.ts";

/**
 * On Linux with TCP, the engine is not woken for fewer bytes of a mirror's answers, which it
 * discards anyway (bench/FINDINGS.md, 2026-11-24).
 */
export const ANSWER_BYTES = 64 * 1024;

/** Segments for all copies of a worker: 64 MiB, beside the memory of relays. */
const SEGMENT_COUNT = 4096;
/** The most bytes that may wait for one mirror connection; see `MirrorOptions.bufferSize`. */
const BUFFER_MAX = 16 * 1024 * 1024;

/** After the end of its relay a copy gets this much time for its last bytes. */
const LEAVE_MS = 5_000;
/** A copy is given up if the mirror takes nothing for this long while bytes wait. */
const STILL_MS = 10_000;
/** Interval of the checks whether the last bytes before a reset have left the kernel. */
const DRAIN_LOOK_MS = 10;
/** After the last relay a stop waits this long for copies. */
const STOP_MS = 1_000;
/** At most this many copies are given up for one relay that needs descriptors. */
const YIELD_COUNT = 4;

/** The part of the engine that copies use. */
export interface CopiesHost {
  readonly descriptors: Descriptors;
  /** Resolves mirrors' names. */
  readonly resolve: ResolveName;
  newCopy(backlog: Backlog): Copy;
  /** A copy was given up. */
  mirrorDropped(drop: MirrorDrop): void;
  /** The last copy is over. */
  noCopies(): void;
}

/**
 * All copies of an engine. They have memory and timeouts of their own, and when descriptors are
 * scarce copies are given up before any relay is.
 *
 * Owner: an engine. Nothing is allocated before the first copy.
 */
export class Copies {
  /** Copies that outlive their relay. */
  readonly leaving: Deadlines<Copy>;
  /** Copies with waiting bytes. */
  readonly waiting: Deadlines<Copy>;
  /** Copies whose last bytes must leave the kernel before the mirror is reset. */
  readonly draining: Deadlines<Copy>;
  /** Copies with a connection, oldest first. */
  private readonly running = new Set<Copy>();
  /** Copies to reuse. A carrier may keep a slot for each one, so they are never dropped. */
  private readonly spare: Copy[] = [];
  private readonly accounts = new Map<string, MirrorAccount>();
  private readonly pages: Pages;
  private readonly figures: Numbers;
  private pool: Pool | null = null;
  private isHurrying = false;

  constructor(
    private readonly host: CopiesHost,
    { pages, counts }: { readonly pages: Pages; readonly counts: Numbers },
    private readonly clock: Clock = systemClock,
  ) {
    const first = Count.mirrorSegmentsLeased;
    this.figures = counts.subarray(first, first + PoolCount.Size);
    this.pages = pages;
    const queue = (spanMs: number, call: (copy: Copy) => void) =>
      new Deadlines<Copy>(spanMs, call, clock);
    this.leaving = queue(LEAVE_MS, (copy) => copy.leftTooLong());
    this.waiting = queue(STILL_MS, (copy) => copy.lookStill());
    this.draining = queue(DRAIN_LOOK_MS, (copy) => copy.advance());
  }

  /**
   * The mirror of a listener; null if it has none.
   *
   * @param name the listener's name
   * @param before the mirror of the listener that it replaces. An unchanged mirror is kept, so that
   *   a reload does not dial an unreachable one again
   */
  mirrorOf(
    { mirror, connectTimeoutMs, tls }: ListenerOptions,
    name: string,
    before: Mirror | null,
  ): Mirror | null {
    // What came by TLS goes on as plain text only where somebody has said so.
    if (mirror === null || (tls !== null && mirror.plainText !== true)) return null;
    const isSame = before?.account.listener === name;
    if (isSame && before.hasOptions(mirror, connectTimeoutMs)) return before;
    const address = formatAddress(mirror.address);
    const key = `${name} ${address}`;
    let account = this.accounts.get(key);
    if (account === undefined) {
      account = new MirrorAccount(name, address);
      this.accounts.set(key, account);
      this.pages.add(account.page);
    }
    return new Mirror(mirror, connectTimeoutMs, account, this.clock);
  }

  /** A relay dials its upstream. @returns its copy; null if the mirror does not pick this relay */
  begin(mirror: Mirror, relay: number): Copy | null {
    if (!mirror.picks) return null;
    const copy = this.spare.pop() ?? this.host.newCopy(new Backlog(this.memory, BUFFER_MAX));
    mirror.account.begins();
    this.running.add(copy);
    copy.begin(mirror, relay);
    if (mirror.isPaused) copy.giveUp("unreachable");
    else if (!this.host.descriptors.ample) copy.drop("descriptors");
    else copy.connect();
    return copy;
  }

  /** Number of copies with a connection. */
  get count(): number {
    return this.running.size;
  }

  /** Gives up the oldest copies if the next relay might get no descriptor. */
  makeRoom(): void {
    if (this.host.descriptors.ample) return;
    let left = YIELD_COUNT;
    for (const copy of this.running) {
      if (left === 0) return;
      left--;
      copy.drop("descriptors");
    }
  }

  /** The engine stops and no relay is left: gives copies a last moment. */
  hurry(): void {
    if (this.isHurrying) return;
    this.isHurrying = true;
    this.clock.alarm(STOP_MS, () => this.cut());
  }

  /** Gives all copies up at once. */
  cut(): void {
    cleanUpOrThrow(
      forEach(
        () => this.running,
        (copy) => void copy.giveUp("stopped"),
      ),
    );
  }

  // --- for copies ---

  get resolve(): ResolveName {
    return this.host.resolve;
  }

  /** A copy was given up. */
  told(copy: Copy, reason: DropReason, detail: string): void {
    const { listener, mirror } = copy.mirror.account;
    this.host.mirrorDropped({ listener, mirror, relay: copy.relay, reason, detail });
  }

  /** A copy no longer has a connection. */
  over(copy: Copy): void {
    this.leaving.delete(copy);
    this.waiting.delete(copy);
    this.draining.delete(copy);
    copy.mirror.account.ends(copy.outcome === "mirrored");
    this.running.delete(copy);
    if (this.running.size === 0) this.host.noCopies();
  }

  /** A copy may be reused. */
  free(copy: Copy): void {
    this.spare.push(copy);
  }

  private get memory(): Pool {
    this.pool ??= new Pool(COPY_SEGMENT_SIZE, SEGMENT_COUNT, undefined, this.figures);
    return this.pool;
  }
}
