import { type Clock, systemClock } from "../../base/clock.ts";
import { numberOfReason, reasons } from "../../base/reason.ts";
import type { EngineName } from "../../config/options.ts";
import {
  Count,
  engineFigures,
  type FlowStats,
  flowFigures,
  ListenerCount,
  listenerFigures,
  loopFigures,
  memoryFigures,
  ringFigures,
  upstreamFigures,
} from "../../counts/figures.ts";
import { occurred } from "../../counts/occurred.ts";
import { COPY_SEGMENT_SIZE } from "../../memory/backlog.ts";
import { closeMirror, mirrorStats } from "../mirror/account.ts";
import {
  type CommandPage,
  type EnginePage,
  type ListenerPage,
  type MirrorPage,
  type Numbers,
  type Page,
  sharedNumbers,
  UPSTREAM_NUMBERS,
  type UpstreamPage,
  type ValkeyPage,
} from "./page.ts";
import type { EngineStats, ListenerStats, RingStats, UpstreamStats } from "./stats.ts";
import { discard } from "./summary.ts";
import { noStats } from "./total.ts";
import { closeValkey, valkeyStats } from "./valkey-stats.ts";

interface Listener {
  readonly page: ListenerPage;
  readonly upstreams: UpstreamPage[];
  /** Null unless its mode is `valkey`. */
  valkey: ValkeyPage | null;
  readonly commands: CommandPage[];
}

/**
 * The figures of an engine, on pages in shared memory. The engine has an instance, and each thread
 * that reads them has another one with the same pages. They can be read at any time, even after the
 * engine's thread has died.
 *
 * Only the engine adds and removes pages; `ListenerAccount` bounds their number.
 */
export class Pages {
  private readonly startedAt: number;
  private engine: EnginePage | null = null;
  private readonly listeners = new Map<string, Listener>();
  private readonly mirrors: MirrorPage[] = [];
  private added: (page: Page) => void = () => {};
  private removed: (page: UpstreamPage) => void = () => {};

  constructor(
    private readonly name: EngineName,
    private readonly clock: Pick<Clock, "now"> = systemClock,
  ) {
    this.startedAt = clock.now();
  }

  /** Adds a page. A listener's page must precede those of its upstreams and commands. */
  add(page: Page): void {
    if (page.kind === "engine") this.engine = page;
    else if (page.kind === "mirror") this.mirrors.push(page);
    else if (page.kind === "listener")
      this.listeners.set(page.listener, { page, upstreams: [], valkey: null, commands: [] });
    else {
      const listener = this.listeners.get(page.listener);
      if (listener !== undefined) addTo(listener, page);
    }
    this.added(page);
  }

  /** Removes the page of an upstream that the listener no longer has. */
  remove(page: UpstreamPage): void {
    const upstreams = this.listeners.get(page.listener)?.upstreams ?? [];
    const index = upstreams.findIndex(({ upstream }) => upstream === page.upstream);
    if (index >= 0) upstreams.splice(index, 1);
    this.removed(page);
  }

  /** Reports all pages: present ones now, new ones before they are used, and removed ones. */
  follow(added: (page: Page) => void, removed: (page: UpstreamPage) => void): void {
    if (this.engine !== null) added(this.engine);
    for (const { page, upstreams, valkey, commands } of this.listeners.values()) {
      added(page);
      for (const upstream of upstreams) added(upstream);
      if (valkey !== null) added(valkey);
      for (const command of commands) added(command);
    }
    for (const page of this.mirrors) added(page);
    this.added = added;
    this.removed = removed;
  }

  /**
   * The engine has died, perhaps without notice: counts relays that had not ended as ended by that.
   * From now on the caller writes the pages.
   */
  close(): void {
    const { engine } = this;
    if (engine === null) return;
    for (const page of this.mirrors) closeMirror(page);
    const failed = numberOfReason("worker_failed");
    const { counts } = engine;
    const left = (counts[Count.accepted] as number) - (counts[Count.ended] as number);
    (engine.reasons[failed] as number) += left;
    counts[Count.ended] = counts[Count.accepted] as number;
    for (const { page, upstreams, valkey } of this.listeners.values()) {
      if (valkey !== null) closeValkey(valkey);
      const left = page.counts[ListenerCount.running] as number;
      page.counts[ListenerCount.running] = 0;
      page.counts[ListenerCount.waiting] = 0;
      if (left === 0) continue;
      // Their upstreams are no longer known.
      let nobody = upstreams.find(({ upstream }) => upstream === null);
      if (nobody === undefined) {
        const { listener } = page;
        const numbers = sharedNumbers(UPSTREAM_NUMBERS);
        nobody = { kind: "upstream", listener, upstream: null, counts: numbers };
        this.add(nobody);
      }
      (nobody.counts[upstreamFigures.size + failed] as number) += left;
    }
  }

  /** A number that grows while the engine works. */
  get activity(): number {
    const { counts } = this.engine ?? {};
    return counts === undefined
      ? 0
      : (counts[Count.turns] as number) + (counts[Count.events] as number);
  }

  stats(): EngineStats {
    const { engine, name } = this;
    if (engine === null) return noStats(name);
    const { counts, flows } = engine;
    // Read `ended` first: a relay may end in between, and no more may have ended than were
    // accepted.
    const ended = counts[Count.ended] as number;
    const accepted = counts[Count.accepted] as number;
    return {
      engine: name,
      durationMs: this.clock.now() - this.startedAt,
      relays: {
        accepted,
        running: accepted - ended,
        ended,
        reasons: occurred(reasons, engine.reasons),
      },
      up: flowStats(flows.up, flows.discardedUp),
      down: flowStats(flows.down, flows.discardedDown),
      listeners: Array.from(this.listeners.values(), listenerStats),
      mirrors: this.mirrors.map(mirrorStats),
      memory: memoryStats(counts),
      loop: loopStats(counts),
      ring: ringStats(counts),
      receiveSegments: used(engine.receiveSegments),
      sendSegments: used(engine.sendSegments),
      ...engineFigures.read(counts, Count.acceptPauses),
    };
  }
}

function addTo(listener: Listener, page: UpstreamPage | ValkeyPage | CommandPage): void {
  if (page.kind === "upstream") listener.upstreams.push(page);
  else if (page.kind === "command") listener.commands.push(page);
  else listener.valkey = page;
}

function listenerStats({ page, upstreams, valkey, commands }: Listener): ListenerStats {
  const { counts, listener } = page;
  return {
    listener,
    ...listenerFigures.read(counts),
    upstreams: upstreams.map(upstreamStats),
    valkey: valkey === null ? null : valkeyStats(valkey, commands),
  };
}

function upstreamStats({ upstream, counts }: UpstreamPage): UpstreamStats {
  const ended = occurred(reasons, counts, upstreamFigures.size);
  return { upstream, ended, ...upstreamFigures.read(counts) };
}

function flowStats(plain: Numbers, discarded: Numbers): FlowStats {
  const thrownAway = Float64Array.from(discarded);
  discard(thrownAway, 0);
  const stats = flowFigures.read(plain);
  flowFigures.add(stats, flowFigures.read(thrownAway));
  return stats;
}

function memoryStats(counts: Numbers): EngineStats["memory"] {
  return {
    ...memoryFigures.read(counts, Count.segmentSize),
    mirrorBytes: counts[Count.mirrorPoolBytes] as number,
    mirrorHeldBytes: (counts[Count.mirrorSegmentsLeased] as number) * COPY_SEGMENT_SIZE,
  };
}

function loopStats(counts: Numbers): EngineStats["loop"] {
  const loop = loopFigures.read(counts, Count.turns);
  return { ...loop, turns: Math.round(loop.turns) };
}

function ringStats(counts: Numbers): RingStats | null {
  if (counts[Count.hasRing] === 0) return null;
  const completions = counts[Count.events] as number;
  return { ...ringFigures.read(counts, Count.submissions), completions };
}

/** The numbers up to the last that is not 0, usually two of hundreds. */
function used(numbers: Numbers): number[] {
  let length = numbers.length;
  while (length > 0 && numbers[length - 1] === 0) length--;
  return Array.from(numbers.subarray(0, length));
}
