import type { EngineName } from "../config/options.ts";
import { FlowCount } from "../flow/flow.ts";
import { numberOfReason, type Reason, reasons } from "../flow/reason.ts";
import type { EngineStats, FlowStats, ListenerStats, RingStats, UpstreamStats } from "./engine.ts";
import { closeMirror, mirrorStats } from "./mirror/account.ts";
import {
  Count,
  type EnginePage,
  ListenerCount,
  type ListenerPage,
  type MirrorPage,
  type Numbers,
  type Page,
  sharedNumbers,
  UPSTREAM_NUMBERS,
  UpstreamCount,
  type UpstreamPage,
} from "./pages.ts";
import { COPY_SEGMENT_SIZE } from "./policy.ts";
import { noStats } from "./total.ts";

interface Listener {
  readonly page: ListenerPage;
  readonly upstreams: UpstreamPage[];
}

/**
 * Everything that an engine has counted, on pages in shared memory, as its figures. The engine has
 * one, and whoever looks at it from another thread has a copy with the same pages, which can be read
 * at any time, whatever that thread does and also when it is no more.
 *
 * Only the engine adds pages and removes some: see `ListenerAccount` for how many there may be.
 */
export class Book {
  private readonly startedAt = performance.now();
  private engine: EnginePage | null = null;
  private readonly listeners = new Map<string, Listener>();
  private readonly mirrors: MirrorPage[] = [];
  private added: (page: Page) => void = () => {};
  private removed: (page: UpstreamPage) => void = () => {};

  constructor(private readonly name: EngineName) {}

  /** From now on there is this page, too; that of a listener comes before those of its upstreams. */
  add(page: Page): void {
    if (page.kind === "engine") this.engine = page;
    else if (page.kind === "upstream") this.listeners.get(page.listener)?.upstreams.push(page);
    else if (page.kind === "mirror") this.mirrors.push(page);
    else this.listeners.set(page.listener, { page, upstreams: [] });
    this.added(page);
  }

  /** Nothing is counted any more of an upstream, and nobody wants to know what was. */
  remove(page: UpstreamPage): void {
    const upstreams = this.listeners.get(page.listener)?.upstreams ?? [];
    const index = upstreams.findIndex(({ upstream }) => upstream === page.upstream);
    if (index >= 0) upstreams.splice(index, 1);
    this.removed(page);
  }

  /**
   * Tells somebody of all pages: of those that are there now, of each new one before it is used, and of
   * those that are removed.
   */
  follow(added: (page: Page) => void, removed: (page: UpstreamPage) => void): void {
    if (this.engine !== null) added(this.engine);
    for (const { page, upstreams } of this.listeners.values()) {
      added(page);
      for (const upstream of upstreams) added(upstream);
    }
    for (const page of this.mirrors) added(page);
    this.added = added;
    this.removed = removed;
  }

  /**
   * The engine is no more, perhaps without a word: nothing runs, and what it has not counted as ended
   * was ended by that. Who calls this writes the pages from now on.
   */
  close(): void {
    const { engine } = this;
    if (engine === null) return;
    for (const page of this.mirrors) closeMirror(page);
    const failed = numberOfReason("worker_failed");
    const { counts } = engine;
    (engine.reasons[failed] as number) += leftOf(counts, Count.Accepted, Count.Ended);
    counts[Count.Ended] = counts[Count.Accepted] as number;
    for (const { page, upstreams } of this.listeners.values()) {
      page.counts[ListenerCount.Waiting] = 0;
      const left = leftOf(page.counts, ListenerCount.Accepted, ListenerCount.Ended);
      if (left === 0) continue;
      page.counts[ListenerCount.Ended] = page.counts[ListenerCount.Accepted] as number;
      // Nobody knows any more which upstreams they had.
      let nobody = upstreams.find(({ upstream }) => upstream === null);
      if (nobody === undefined) {
        const { listener } = page;
        const numbers = sharedNumbers(UPSTREAM_NUMBERS);
        nobody = { kind: "upstream", listener, upstream: null, counts: numbers };
        this.add(nobody);
      }
      (nobody.counts[UpstreamCount.Reasons + failed] as number) += left;
    }
  }

  /** A number that grows as long as the engine has something to do, and does it. */
  get activity(): number {
    const { counts } = this.engine ?? {};
    return counts === undefined
      ? 0
      : (counts[Count.Turns] as number) + (counts[Count.Events] as number);
  }

  /** The figures as of now. */
  stats(): EngineStats {
    const { engine, name } = this;
    if (engine === null) return noStats(name);
    const { counts, flows } = engine;
    const read = (count: Count) => counts[count] as number;
    // In this order: a relay may end in between, and more must not have ended than were accepted.
    const ended = read(Count.Ended);
    const accepted = read(Count.Accepted);
    return {
      engine: name,
      durationMs: performance.now() - this.startedAt,
      relays: {
        accepted,
        running: accepted - ended,
        ended,
        reasons: reasonsOf(engine.reasons, 0),
      },
      up: flowStats(flows.up, flows.discardedUp),
      down: flowStats(flows.down, flows.discardedDown),
      listeners: Array.from(this.listeners.values(), listenerStats),
      mirrors: this.mirrors.map(mirrorStats),
      memory: {
        segmentSize: read(Count.SegmentSize),
        segmentCount: read(Count.SegmentCount),
        segmentsLeased: read(Count.SegmentsLeased),
        segmentsLeasedMax: read(Count.SegmentsLeasedMax),
        poolBytes: read(Count.PoolBytes),
        mirrorBytes: read(Count.MirrorBytes),
        mirrorHeldBytes: read(Count.MirrorSegmentsLeased) * COPY_SEGMENT_SIZE,
      },
      loop: { turns: Math.round(read(Count.Turns)), events: read(Count.Events) },
      ring: ringStats(counts),
      receiveSegments: used(engine.receiveSegments),
      sendSegments: used(engine.sendSegments),
      acceptPauses: read(Count.AcceptPauses),
      routeFailures: read(Count.RouteFailures),
    };
  }
}

function leftOf(counts: Numbers, accepted: number, ended: number): number {
  return (counts[accepted] as number) - (counts[ended] as number);
}

function listenerStats({ page, upstreams }: Listener): ListenerStats {
  const { counts, listener } = page;
  const ended = counts[ListenerCount.Ended] as number;
  const accepted = counts[ListenerCount.Accepted] as number;
  return {
    listener,
    accepted,
    running: accepted - ended,
    waiting: counts[ListenerCount.Waiting] as number,
    upstreams: upstreams.map(upstreamStats),
  };
}

function upstreamStats({ upstream, counts }: UpstreamPage): UpstreamStats {
  return {
    upstream,
    ended: reasonsOf(counts, UpstreamCount.Reasons),
    upBytes: counts[UpstreamCount.UpBytes] as number,
    downBytes: counts[UpstreamCount.DownBytes] as number,
  };
}

function reasonsOf(counts: Numbers, first: number): Partial<Record<Reason, number>> {
  const occurred: Partial<Record<Reason, number>> = {};
  for (let i = 0; i < reasons.length; i++) {
    const count = counts[first + i] as number;
    if (count > 0) occurred[reasons[i] as Reason] = count;
  }
  return occurred;
}

function flowStats(plain: Numbers, discarded: Numbers): FlowStats {
  const sum = (count: FlowCount) => (plain[count] as number) + (discarded[count] as number);
  return {
    receives: sum(FlowCount.Receives),
    shortReceives: sum(FlowCount.ShortReceives),
    sends: plain[FlowCount.Sends] as number,
    shortSends: sum(FlowCount.ShortSends),
    pauses: sum(FlowCount.Pauses),
    poolEmpty: sum(FlowCount.PoolEmpty),
    receivedBytes: sum(FlowCount.ReceivedBytes),
    sentBytes: plain[FlowCount.SentBytes] as number,
    discardedBytes: discarded[FlowCount.SentBytes] as number,
    lostBytes: sum(FlowCount.LostBytes),
  };
}

function ringStats(counts: Numbers): RingStats | null {
  if (counts[Count.HasRing] === 0) return null;
  return {
    submissions: counts[Count.Submissions] as number,
    completions: counts[Count.Events] as number,
    silentSends: counts[Count.SilentSends] as number,
    receivesWithoutBuffer: counts[Count.ReceivesWithoutBuffer] as number,
    overflows: counts[Count.Overflows] as number,
  };
}

/** The numbers up to the last that is not 0: of hundreds, most of the time, the first two. */
function used(numbers: Numbers): number[] {
  let length = numbers.length;
  while (length > 0 && numbers[length - 1] === 0) length--;
  return Array.from(numbers.subarray(0, length));
}
