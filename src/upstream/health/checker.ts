import { assert } from "../../assert.ts";
import type { Address } from "../../base/address.ts";
import { type LoopClock, systemClock } from "../../base/clock.ts";
import type { CheckOptions } from "./check-options.ts";
import type { HealthEvent, HealthStatus } from "./monitor.ts";
import type { ProbeResult } from "./probe.ts";
import type { AddressView, CheckedUpstream, HealthView } from "./view.ts";
import { type Place, UNCHECKED, Watch } from "./watch.ts";

export type { AddressView, CheckedUpstream, HealthView } from "./view.ts";

/** Receives what a checker finds out. It may call anything here, and must not throw. */
export interface CheckListener {
  /** The status of an upstream has changed. */
  onEvent(name: string, event: HealthEvent): void;
  /** One of an upstream's several addresses has come up or gone down. */
  onAddress?(name: string, address: string, event: HealthEvent): void;
  /** A check has changed what is known about an upstream or an address, or was its first one. */
  onNews?(name: string): void;
  /** A check has failed, whether or not the status changes. */
  onFailed?(name: string): void;
}

/** Checks an upstream once, at one address of its name if `host` is set; see `probe`. */
export type CheckOnce = (
  address: Address,
  options: CheckOptions,
  signal: AbortSignal,
  host: string | null,
) => Promise<ProbeResult>;

/** What a checker uses; the defaults are for production. */
export interface CheckerParts {
  readonly probe: CheckOnce;
  readonly clock?: LoopClock;
  /** Returns 0…1, 1 excluded. */
  readonly random?: () => number;
  /** Most checks that run at once, at least 1; default 64. */
  readonly runningMax?: number;
}

/** First checks are spread over this many milliseconds, so that a start soon knows what is down. */
const FIRST_SPREAD_MS = 200;

const RUNNING_MAX = 64;

/**
 * Monitors the health of many upstreams: schedules their checks, and keeps what checks and relays
 * have found. Runs in the control plane.
 *
 * An upstream that is a name has a health for each address, and is well as long as one of them is.
 * A new address gets no relays before a check has succeeded there. Until then the old addresses
 * that are well keep serving, and are still checked.
 *
 * A place never has two checks at once, and at most 64 checks run in all; the rest wait in line.
 * The next check of a place starts one interval after the start of the last one, or at once if that
 * took longer.
 */
export class Checker {
  private readonly watches = new Map<string, Watch>();
  /** Places whose check is due but has to wait, in order. */
  private readonly line = new Set<Place>();
  private runningCount = 0;
  private isStopped = false;
  private readonly probe: CheckOnce;
  private readonly clock: LoopClock;
  private readonly random: () => number;
  private readonly runningMax: number;

  constructor(
    private readonly listener: CheckListener,
    parts: CheckerParts,
  ) {
    this.probe = parts.probe;
    this.clock = parts.clock ?? systemClock;
    this.random = parts.random ?? Math.random;
    this.runningMax = parts.runningMax ?? RUNNING_MAX;
  }

  /**
   * Replaces the set of upstreams. An upstream with the same name and address as before keeps its
   * state, whatever else has changed. New ones start up, and are checked soon.
   */
  setUpstreams(upstreams: readonly CheckedUpstream[]): void {
    assert(!this.isStopped, "a stopped checker gets no upstreams");
    const wanted = new Map(upstreams.map((upstream) => [upstream.name, upstream]));
    assert(wanted.size === upstreams.length, "the names of checked upstreams are unique");
    for (const [name, watch] of this.watches) {
      const { address } = wanted.get(name) ?? {};
      if (address === undefined || !Bun.deepEquals(address, watch.upstream.address, true)) {
        this.forget(watch);
      }
    }
    const now = this.clock.now();
    const kept: Watch[] = [];
    const due: Place[] = [];
    for (const upstream of upstreams) {
      let watch = this.watches.get(upstream.name);
      const isSameCheck = Bun.deepEquals(watch?.upstream.check, upstream.check, true);
      if (watch === undefined) {
        watch = new Watch(upstream, now);
        this.watches.set(upstream.name, watch);
      } else kept.push(watch);
      watch.upstream = upstream;
      const added = this.arrange(watch, now);
      if (isSameCheck) due.push(...added);
      else {
        for (const place of watch.places.values()) this.halt(place);
        due.push(...watch.places.values());
      }
    }
    this.planFirst(due, now);
    // The listener may call anything here, so it is called last.
    for (const watch of kept) {
      this.reconfigure(watch, now);
      this.wake(watch);
    }
  }

  /** Sets the current addresses of an upstream's name; see {@link CheckedUpstream.hosts}. */
  setHosts(name: string, hosts: readonly string[] | null): void {
    const watch = this.watches.get(name);
    if (watch === undefined) return;
    watch.upstream = { ...watch.upstream, hosts };
    const now = this.clock.now();
    this.planFirst(this.arrange(watch, now), now);
    this.wake(watch);
  }

  /**
   * Reports which addresses of an upstream's name may get relays: at once, or as soon as a check
   * has finished.
   *
   * @param tell called once: with null if addresses are not checked separately, and with no address
   *   if the upstream is removed meanwhile
   */
  wellHosts(name: string, tell: (hosts: readonly string[] | null) => void): void {
    const watch = this.watches.get(name);
    if (watch?.isByAddress !== true) tell(null);
    else if (watch.isAwaited) watch.waiting.push(tell);
    else tell(watch.wellHosts);
  }

  /** A relay has connected to it. An unknown name comes from late news, and is ignored. */
  dialed(name: string): void {
    const watch = this.watches.get(name);
    if (watch !== undefined) this.tell(watch, watch.health.dialed(this.clock.now()));
  }

  /**
   * This many dials of relays have failed in a row. The upstream is checked soon, without waiting
   * for the interval.
   */
  dialFailed(name: string, count = 1): void {
    const watch = this.watches.get(name);
    if (watch === undefined) return;
    const { check } = watch.upstream;
    for (const place of watch.places.values()) {
      if (check === null) break;
      if (place.run !== null || this.line.has(place)) continue;
      const soon = place.startedAt + this.jittered(check.fastIntervalMs, check);
      if (soon < place.nextAt) this.plan(place, soon);
    }
    this.tell(watch, watch.health.dialFailed(this.clock.now(), count));
  }

  /**
   * The time, for callers that ask about many upstreams: reading the clock costs more than the
   * rest.
   */
  get now(): number {
    return this.clock.now();
  }

  /** Whether new relays may go there; an unknown upstream is open. */
  isOpen(name: string, now = this.clock.now()): boolean {
    return this.watches.get(name)?.health.isOpen(now) ?? true;
  }

  /** The status of an upstream; null if it is not monitored. */
  status(name: string): HealthStatus | null {
    return this.watches.get(name)?.health.status(this.clock.now()) ?? null;
  }

  /** Whether a check has confirmed that it is up; false before the first one. */
  hasPassed(name: string): boolean {
    return this.watches.get(name)?.health.hasPassed ?? false;
  }

  /** Whether it is checked and no check has finished yet. */
  isAwaited(name: string): boolean {
    const watch = this.watches.get(name);
    return watch !== undefined && watch.upstream.check !== null && watch.health.isAwaited;
  }

  /** What is known about all upstreams, in the order in which they were added. */
  views(): HealthView[] {
    return Array.from(this.watches.values(), (watch) => this.viewOf(watch));
  }

  /** What is known about one; undefined if it is not monitored. */
  view(name: string): HealthView | undefined {
    const watch = this.watches.get(name);
    return watch === undefined ? undefined : this.viewOf(watch);
  }

  private viewOf(watch: Watch): HealthView {
    const { health, since, places, upstream } = watch;
    return {
      name: upstream.name,
      status: health.status(this.clock.now()),
      state: health.state,
      hasPassed: health.hasPassed,
      sinceMs: since,
      ejectedUntilMs: health.ejectedUntilMs,
      addresses: [...places.values()].flatMap(addressView),
      lastCheck: lastCheckOf(watch),
    };
  }

  /** Stops all checks; the listener is not called any more. May be called again. */
  stop(): void {
    this.isStopped = true;
    for (const watch of this.watches.values()) this.forget(watch);
  }

  private forget(watch: Watch): void {
    this.watches.delete(watch.upstream.name);
    for (const place of watch.places.values()) this.halt(place);
    watch.cancelTick();
    this.wake(watch);
  }

  /** Answers callers that wait for addresses, unless nothing is known yet. */
  private wake(watch: Watch): void {
    const isGone = this.watches.get(watch.upstream.name) !== watch;
    if (watch.isAwaited && !isGone) return;
    const known = watch.isByAddress ? watch.wellHosts : null;
    for (const tell of watch.waiting.splice(0)) tell(isGone ? [] : known);
  }

  /** @returns the places to check for the first time */
  private arrange(watch: Watch, now: number): Place[] {
    const { added, removed } = watch.arrange(now);
    for (const place of removed) this.halt(place);
    return added;
  }

  private planFirst(due: readonly Place[], now: number): void {
    for (const [index, place] of due.entries()) {
      const { check } = place.watch.upstream;
      if (check === null) continue;
      const spreadMs = Math.min(FIRST_SPREAD_MS, check.intervalMs);
      this.plan(place, now + (spreadMs * index) / due.length);
    }
  }

  private reconfigure(watch: Watch, now: number): void {
    const { health, places } = watch;
    const { check, ejection } = watch.upstream;
    for (const place of places.values()) {
      if (place.host !== null) place.health.reconfigure(check ?? UNCHECKED, null, now);
    }
    this.tell(watch, health.reconfigure(check ?? UNCHECKED, ejection, now));
    if (check === null) this.tell(watch, health.uncheck(now));
  }

  /** Cancels the planned check and the running one, whose result is ignored. */
  private halt(place: Place): void {
    place.cancelNext();
    place.nextAt = Number.POSITIVE_INFINITY;
    this.line.delete(place);
    const { run } = place;
    place.run = null;
    run?.abort();
  }

  private plan(place: Place, at: number): void {
    place.cancelNext();
    place.nextAt = at;
    const delayMs = Math.max(0, at - this.clock.now());
    place.cancelNext = this.clock.after(delayMs, () => {
      this.line.add(place);
      this.advance();
    });
  }

  /** Starts as many of the checks in line as may run. */
  private advance(): void {
    for (const place of this.line) {
      if (this.runningCount >= this.runningMax) return;
      this.line.delete(place);
      this.begin(place);
    }
  }

  private begin(place: Place): void {
    const { address, check } = place.watch.upstream;
    assert(check !== null && place.run === null, "only one check of a place at a time");
    const run = new AbortController();
    place.run = run;
    place.nextAt = Number.POSITIVE_INFINITY;
    place.startedAt = this.clock.now();
    this.runningCount++;
    void this.probe(address, check, run.signal, place.host).then((result) => {
      this.runningCount--;
      if (place.run === run) this.finished(place, check, result);
      this.advance();
    });
  }

  private finished(place: Place, check: CheckOptions, result: ProbeResult): void {
    const now = this.clock.now();
    const { watch, health } = place;
    const { name } = watch.upstream;
    const wasAwaited = health.isAwaited;
    place.run = null;
    place.lastCheck = { ...result, atMs: now };
    const events = health.checked(result, now);
    const intervalMs = health.isUnsettled ? check.fastIntervalMs : check.intervalMs;
    this.plan(place, place.startedAt + this.jittered(intervalMs, check));
    if (place.host === null) this.tell(watch, events);
    else this.tellPlace(place, place.host, events, now);
    if (this.watches.get(name) !== watch) return;
    this.wake(watch);
    if (!result.ok && !result.inconclusive) this.listener.onFailed?.(name);
    if (wasAwaited !== health.isAwaited || events.length > 0) this.listener.onNews?.(name);
  }

  /** Draws the conclusions for the upstream after one of its addresses was checked. */
  private tellPlace(place: Place, host: string, events: readonly HealthEvent[], now: number): void {
    const { watch } = place;
    const { name } = watch.upstream;
    const isAlone = watch.places.size === 1;
    for (const event of events) {
      place.since = event.at;
      if (!isAlone) this.listener.onAddress?.(name, host, event);
    }
    if (this.watches.get(name) !== watch) return;
    for (const gone of watch.superfluous()) this.halt(gone);
    const why = events.at(-1)?.why ?? `a check succeeded: ${place.lastCheck?.detail}`;
    this.tell(watch, watch.conclude(isAlone ? why : `${host}: ${why}`, now));
  }

  private jittered(intervalMs: number, { jitter }: CheckOptions): number {
    return intervalMs * (1 + jitter * (2 * this.random() - 1));
  }

  /** Reports changes, and makes sure that the end of an ejection is noticed. */
  private tell(watch: Watch, events: readonly HealthEvent[]): void {
    const { name } = watch.upstream;
    for (const [index, event] of events.entries()) {
      // A callback for the previous event may have removed the upstream.
      if (this.watches.get(name) !== watch) return;
      watch.since = event.at;
      if (index === 0) this.planTick(watch);
      this.listener.onEvent(name, event);
    }
  }

  private planTick(watch: Watch): void {
    watch.cancelTick();
    const until = watch.health.ejectedUntilMs;
    if (until === null) return;
    const delayMs = Math.max(0, until - this.clock.now());
    watch.cancelTick = this.clock.after(delayMs, () => {
      const events = watch.health.tick(this.clock.now());
      // Timers may fire a little early.
      if (events.length === 0) this.planTick(watch);
      else this.tell(watch, events);
    });
  }
}

function addressView({ host, health, isCurrent, lastCheck }: Place): AddressView[] {
  if (host === null) return [];
  const known = health.isAwaited ? "unknown" : health.state;
  return [{ address: host, health: known, isCurrent, lastCheck }];
}

/** The last check; of several addresses, the last one that agrees with the upstream's state. */
function lastCheckOf({ places, health }: Watch): HealthView["lastCheck"] {
  const checks = Array.from(places.values(), ({ lastCheck }) => lastCheck);
  const known = checks.flatMap((one) => one ?? []).toSorted((a, b) => b.atMs - a.atMs);
  return known.find(({ ok }) => ok === (health.state === "up")) ?? known[0] ?? null;
}
