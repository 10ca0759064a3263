import { formatAddress } from "../../base/address.ts";
import { cleanUpOrThrow, forEach } from "../../base/clean-up.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
import { Deadlines } from "../../base/deadlines.ts";
import type { ListenerOptions } from "../../config/options.ts";
import { Count } from "../../counts/figures.ts";
import { Backlog } from "../../memory/backlog.ts";
import { Pool, PoolCount } from "../../memory/pool.ts";
import type { Descriptors } from "../../system/descriptors.ts";
import type { ResolveName } from "../../upstream/names/ask.ts";
import type { Numbers } from "../ledger/page.ts";
import type { Pages } from "../ledger/pages.ts";
import { COPY_SEGMENT_SIZE } from "../policy.ts";
import { MirrorAccount } from "./account.ts";
import type { Copy } from "./copy.ts";
import { Mirror } from "./mirror.ts";
import type { DropReason, MirrorDrop } from "./reason.ts";

/**
 * Nobody is woken for less of what a mirror answers, on Linux and TCP: as it is thrown away, nobody waits for
 * it (bench/FINDINGS.md, 2026-11-24).
 */
export const ANSWER_BYTES = 64 * 1024;

/** What all copies of a worker may have waiting: 64 MiB beside the memory of relays. */
const SEGMENT_COUNT = 4096;
/** Most bytes that one copy may have waiting; see `MirrorOptions.bufferSize`. */
const BUFFER_MAX = 16 * 1024 * 1024;

/** What is left of a copy when its relay is over has so long to be taken. */
const LEAVE_MS = 5_000;
/** A mirror that takes nothing for so long, while bytes wait for it, is given up. */
const STILL_MS = 10_000;
/** After so long it is looked again whether the last bytes before a reset have left. */
const DRAIN_LOOK_MS = 10;
/** A stop waits so long for copies, when no relay is left. */
const STOP_MS = 1_000;
/** So many copies make room for one relay whose descriptors are missing. */
const YIELD_COUNT = 4;

/** What copies need of their engine. */
export interface CopiesHost {
  readonly descriptors: Descriptors;
  /** Tells the addresses of mirrors' names. */
  readonly resolve: ResolveName;
  /** Makes a copy for this backlog, for whichever relay. */
  newCopy(backlog: Backlog): Copy;
  /** A copy was given up. */
  mirrorDropped(drop: MirrorDrop): void;
  /** No copy is left for now. */
  noCopies(): void;
}

/**
 * All copies of an engine: what they share, and what they may have. They have memory and time of their
 * own, and when descriptors are scarce they go before any relay does.
 *
 * Owner: an engine. Nothing is made before the first copy.
 */
export class Copies {
  /** Copies whose relay is over and that are not. */
  readonly leaving: Deadlines<Copy>;
  /** Copies for which bytes wait. */
  readonly waiting: Deadlines<Copy>;
  /** Copies whose last bytes must leave the kernel before the mirror is reset. */
  readonly draining: Deadlines<Copy>;
  /** Those that have a connection, in the order of their beginning. */
  private readonly running = new Set<Copy>();
  /** Those that are nobody's: no more are made than there are at a time, as each may have a slot for good. */
  private readonly spare: Copy[] = [];
  private readonly accounts = new Map<string, MirrorAccount>();
  private readonly pages: Pages;
  private readonly figures: Numbers;
  private pool: Pool | null = null;
  private isHurrying = false;

  /** @param figures where the engine counts: there is a page for each mirror */
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
   * The mirror of a listener with these options; null when it has none.
   *
   * @param name the listener's
   * @param before the one of the listener whose place it takes: while nothing about it changes it stays
   *   the same, so that one which is left alone is not dialled again for each reload
   */
  mirrorOf(
    { mirror, connectTimeoutMs }: ListenerOptions,
    name: string,
    before: Mirror | null,
  ): Mirror | null {
    if (mirror === null) return null;
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

  /**
   * A relay dials its upstream, and this is its listener's mirror.
   *
   * @returns its copy; null when it is none of those that are copied
   */
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

  /** Copies that have a connection. */
  get count(): number {
    return this.running.size;
  }

  /** A relay has come in: when the next one might not, the oldest copies go. */
  makeRoom(): void {
    if (this.host.descriptors.ample) return;
    let left = YIELD_COUNT;
    for (const copy of this.running) {
      if (left === 0) return;
      left--;
      copy.drop("descriptors");
    }
  }

  /** No relay is left and the engine is to stop: what waits has a moment. */
  hurry(): void {
    if (this.isHurrying) return;
    this.isHurrying = true;
    this.clock.alarm(STOP_MS, () => this.cut());
  }

  /** Gives all of them up, at once. */
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

  /** A copy has no connection any more. */
  over(copy: Copy): void {
    this.leaving.delete(copy);
    this.waiting.delete(copy);
    this.draining.delete(copy);
    copy.mirror.account.ends(copy.outcome === "mirrored");
    this.running.delete(copy);
    if (this.running.size === 0) this.host.noCopies();
  }

  /** A copy is nobody's. */
  free(copy: Copy): void {
    this.spare.push(copy);
  }

  private get memory(): Pool {
    this.pool ??= new Pool(COPY_SEGMENT_SIZE, SEGMENT_COUNT, undefined, this.figures);
    return this.pool;
  }
}
