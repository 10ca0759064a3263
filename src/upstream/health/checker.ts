import { assert } from "../../assert.ts";
import type { Address } from "../../config/options.ts";
import { timerSpan } from "../../engine/deadlines.ts";
import type { CheckOptions, EjectionOptions } from "./check-options.ts";
import {
  type HealthEvent,
  type HealthState,
  type HealthStatus,
  UpstreamHealth,
} from "./monitor.ts";
import type { ProbeResult } from "./probe.ts";

/** An upstream whose health is looked after. */
export interface CheckedUpstream {
  /** What it is known by, unique; its state is kept over a reload by this name. */
  readonly name: string;
  readonly address: Address;
  /** How it is checked; null: not at all, so that only dials speak against it. */
  readonly check: CheckOptions | null;
  /** When failed dials eject it; null: never. */
  readonly ejection: EjectionOptions | null;
}

/** What is known of one upstream's health, for a page or a list. Times are those of the clock. */
export interface HealthView {
  readonly name: string;
  readonly status: HealthStatus;
  /** What its checks say, whether it is ejected or not. */
  readonly state: HealthState;
  /** When it got this status. */
  readonly sinceMs: number;
  /** When its ejection ends; null when there is none. */
  readonly ejectedUntilMs: number | null;
  /** The last check that is over; null when there was none yet. */
  readonly lastCheck: (ProbeResult & { readonly atMs: number }) | null;
}

/** Time, for tests to replace. */
export interface Clock {
  /** Milliseconds since anything; never goes back. */
  now(): number;
  /** Calls once, after so many milliseconds. @returns what takes it back */
  after(delayMs: number, call: () => void): () => void;
}

/** Checks an upstream once; see `probe`. */
export type CheckOnce = (
  address: Address,
  options: CheckOptions,
  signal: AbortSignal,
) => Promise<ProbeResult>;

/** What a checker is made of; the defaults are what runs. */
export interface CheckerParts {
  readonly probe: CheckOnce;
  readonly clock?: Clock;
  /** 0…1, 1 excluded. */
  readonly random?: () => number;
  /** Most checks that run at the same time, at least 1; default 64. */
  readonly runningMax?: number;
}

/** First checks are spread over this time, in milliseconds: a start is to know soon what is down. */
const FIRST_SPREAD_MS = 200;

const RUNNING_MAX = 64;

/** What stands for the options of an upstream without checks: nothing is ever counted. */
const UNCHECKED = { rise: 1, fall: 1 } as const;

/** The time that runs. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, call) {
    // Checks are no reason for a process to go on: the listeners are.
    const timer = setTimeout(call, timerSpan(delayMs)).unref();
    return () => clearTimeout(timer);
  },
};

/** One upstream and when it is checked. */
class Watch {
  readonly health: UpstreamHealth;
  /** The check that runs, null when none does. */
  run: AbortController | null = null;
  /** When the last check began. */
  startedAt = Number.NEGATIVE_INFINITY;
  /** When the next one begins; Infinity while none is planned. */
  nextAt = Number.POSITIVE_INFINITY;
  cancelNext = nothing;
  cancelTick = nothing;
  lastCheck: HealthView["lastCheck"] = null;

  constructor(
    public upstream: CheckedUpstream,
    public since: number,
  ) {
    this.health = new UpstreamHealth(upstream.check ?? UNCHECKED, upstream.ejection);
  }
}

/**
 * Looks after the health of many upstreams: plans their checks, and keeps what checks and relays have
 * found. Runs in the control plane.
 *
 * Never two checks of one upstream at the same time, and not more than 64 of all; who is due beyond
 * that waits in line. The next check of an upstream is an interval after the start of the last one,
 * or at once where that took longer.
 */
export class Checker {
  private readonly watches = new Map<string, Watch>();
  /** Those that are due and wait for others to be done, in order. */
  private readonly line = new Set<Watch>();
  private runningCount = 0;
  private isStopped = false;
  private readonly probe: CheckOnce;
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly runningMax: number;

  /**
   * @param onEvent told of every change of a status, with the upstream's name; it may call anything
   *   here, and must not throw
   */
  constructor(
    private readonly onEvent: (name: string, event: HealthEvent) => void,
    parts: CheckerParts,
  ) {
    this.probe = parts.probe;
    this.clock = parts.clock ?? systemClock;
    this.random = parts.random ?? Math.random;
    this.runningMax = parts.runningMax ?? RUNNING_MAX;
  }

  /**
   * These are the upstreams from now on. One that was there before, by name and with the same address,
   * keeps its state, whatever else about it has changed; new ones are up and are checked soon.
   */
  setUpstreams(upstreams: readonly CheckedUpstream[]): void {
    assert(!this.isStopped, "a checker that was stopped gets no upstreams");
    const wanted = new Map(upstreams.map((upstream) => [upstream.name, upstream]));
    assert(wanted.size === upstreams.length, "the names of checked upstreams are unique");
    for (const [name, watch] of this.watches) {
      const { address } = wanted.get(name) ?? {};
      if (address === undefined || !Bun.deepEquals(address, watch.upstream.address, true)) {
        this.watches.delete(name);
        this.halt(watch);
        watch.cancelTick();
      }
    }
    const now = this.clock.now();
    const kept: Watch[] = [];
    const due: Watch[] = [];
    for (const upstream of upstreams) {
      let watch = this.watches.get(upstream.name);
      if (watch === undefined) {
        watch = new Watch(upstream, now);
        this.watches.set(upstream.name, watch);
        due.push(watch);
        continue;
      }
      kept.push(watch);
      const isSameCheck = Bun.deepEquals(watch.upstream.check, upstream.check, true);
      watch.upstream = upstream;
      if (isSameCheck) continue;
      this.halt(watch);
      due.push(watch);
    }
    for (const [index, watch] of due.entries()) {
      const { check } = watch.upstream;
      if (check === null) continue;
      const spreadMs = Math.min(FIRST_SPREAD_MS, check.intervalMs);
      this.plan(watch, now + (spreadMs * index) / due.length);
    }
    // Whoever is told may call anything here, so that comes last.
    for (const watch of kept) this.reconfigure(watch, now);
  }

  /** Relays have connected to it. A name that is unknown is late news and does nothing. */
  dialed(name: string): void {
    const watch = this.watches.get(name);
    if (watch !== undefined) this.tell(watch, watch.health.dialed(this.clock.now()));
  }

  /**
   * So many dials of relays failed in a row. It is checked soon, too: what relays have just found out
   * need not wait for the interval.
   */
  dialFailed(name: string, count = 1): void {
    const watch = this.watches.get(name);
    if (watch === undefined) return;
    const { check } = watch.upstream;
    if (check !== null && watch.run === null && !this.line.has(watch)) {
      const soon = watch.startedAt + this.jittered(check.fastIntervalMs, check);
      if (soon < watch.nextAt) this.plan(watch, soon);
    }
    this.tell(watch, watch.health.dialFailed(this.clock.now(), count));
  }

  /** The time, for who asks after many upstreams: to ask for it takes longer than the rest. */
  get now(): number {
    return this.clock.now();
  }

  /** Whether new relays may go there; one that is unknown is open. */
  isOpen(name: string, now = this.clock.now()): boolean {
    return this.watches.get(name)?.health.isOpen(now) ?? true;
  }

  /** How an upstream is; null when nobody watches it. */
  status(name: string): HealthStatus | null {
    return this.watches.get(name)?.health.status(this.clock.now()) ?? null;
  }

  /** What is known of all upstreams, in the order in which they came. */
  views(): HealthView[] {
    const now = this.clock.now();
    return Array.from(this.watches, ([name, { health, since, lastCheck }]) => ({
      name,
      status: health.status(now),
      state: health.state,
      sinceMs: since,
      ejectedUntilMs: health.ejectedUntilMs,
      lastCheck,
    }));
  }

  /** Ends all checks; nothing is told any more. May be called again. */
  stop(): void {
    this.isStopped = true;
    for (const watch of this.watches.values()) {
      this.halt(watch);
      watch.cancelTick();
    }
    this.watches.clear();
  }

  private reconfigure(watch: Watch, now: number): void {
    const { health } = watch;
    const { check, ejection } = watch.upstream;
    this.tell(watch, health.reconfigure(check ?? UNCHECKED, ejection, now));
    if (check === null) this.tell(watch, health.uncheck(now));
  }

  /** No check of it runs or is planned any more; what a running one would find is not asked for. */
  private halt(watch: Watch): void {
    watch.cancelNext();
    watch.nextAt = Number.POSITIVE_INFINITY;
    this.line.delete(watch);
    const { run } = watch;
    watch.run = null;
    run?.abort();
  }

  private plan(watch: Watch, at: number): void {
    watch.cancelNext();
    watch.nextAt = at;
    const delayMs = Math.max(0, at - this.clock.now());
    watch.cancelNext = this.clock.after(delayMs, () => {
      this.line.add(watch);
      this.advance();
    });
  }

  /** Begins as many of the checks in line as may run. */
  private advance(): void {
    for (const watch of this.line) {
      if (this.runningCount >= this.runningMax) return;
      this.line.delete(watch);
      this.begin(watch);
    }
  }

  private begin(watch: Watch): void {
    const { address, check } = watch.upstream;
    assert(check !== null && watch.run === null, "only one check of an upstream at a time");
    const run = new AbortController();
    watch.run = run;
    watch.nextAt = Number.POSITIVE_INFINITY;
    watch.startedAt = this.clock.now();
    this.runningCount++;
    void this.probe(address, check, run.signal).then((result) => {
      this.runningCount--;
      if (watch.run === run) this.finished(watch, check, result);
      this.advance();
    });
  }

  private finished(watch: Watch, check: CheckOptions, result: ProbeResult): void {
    const now = this.clock.now();
    watch.run = null;
    watch.lastCheck = { ...result, atMs: now };
    const events = watch.health.checked(result, now);
    const intervalMs = watch.health.isUnsettled ? check.fastIntervalMs : check.intervalMs;
    this.plan(watch, watch.startedAt + this.jittered(intervalMs, check));
    this.tell(watch, events);
  }

  private jittered(intervalMs: number, { jitter }: CheckOptions): number {
    return intervalMs * (1 + jitter * (2 * this.random() - 1));
  }

  /** Passes changes on, and sees to it that the end of an ejection is noticed. */
  private tell(watch: Watch, events: readonly HealthEvent[]): void {
    const { name } = watch.upstream;
    for (const [index, event] of events.entries()) {
      // Whoever was told of the one before may have taken the upstream away.
      if (this.watches.get(name) !== watch) return;
      watch.since = event.at;
      if (index === 0) this.planTick(watch);
      this.onEvent(name, event);
    }
  }

  private planTick(watch: Watch): void {
    watch.cancelTick();
    const until = watch.health.ejectedUntilMs;
    if (until === null) return;
    const delayMs = Math.max(0, until - this.clock.now());
    watch.cancelTick = this.clock.after(delayMs, () => {
      const events = watch.health.tick(this.clock.now());
      // Timers may be a little early.
      if (events.length === 0) this.planTick(watch);
      else this.tell(watch, events);
    });
  }
}

function nothing(): void {}
