import { type HealthEvent, UpstreamHealth } from "./monitor.ts";
import type { CheckedUpstream, HealthView } from "./view.ts";

/** The options of an upstream without checks: they are never applied. */
export const UNCHECKED = { rise: 1, fall: 1 } as const;

/** One thing to check: an upstream, or one address of its name. */
export class Place {
  /** The running check; null if there is none. */
  run: AbortController | null = null;
  /** When the last check started. */
  startedAt = Number.NEGATIVE_INFINITY;
  /** When the next one starts; Infinity if none is planned. */
  nextAt = Number.POSITIVE_INFINITY;
  cancelNext = nothing;
  lastCheck: HealthView["lastCheck"] = null;
  /** DNS lists it. If not, it serves only until an address that DNS lists is well. */
  isCurrent = true;

  /**
   * @param host the address; null: the upstream as configured
   * @param health the upstream's own health if this is its only place
   */
  constructor(
    readonly watch: Watch,
    readonly host: string | null,
    readonly health: UpstreamHealth,
    public since: number,
  ) {}
}

/** An upstream and the places where it is checked. */
export class Watch {
  readonly health: UpstreamHealth;
  /** By address; by null if it is checked as a whole. */
  readonly places = new Map<string | null, Place>();
  cancelTick = nothing;
  /** Callers that wait to learn which addresses are well. */
  waiting: ((hosts: readonly string[] | null) => void)[] = [];

  constructor(
    public upstream: CheckedUpstream,
    public since: number,
  ) {
    this.health = new UpstreamHealth(upstream.check ?? UNCHECKED, upstream.ejection);
  }

  /** Each address of its name has its own health. */
  get isByAddress(): boolean {
    return this.upstream.check !== null && this.upstream.hosts !== null;
  }

  /** No address is known to be well yet, and a check that may say so is still to come. */
  get isAwaited(): boolean {
    const places = [...this.places.values()];
    const isWell = places.some(({ health }) => health.hasPassed);
    return !isWell && places.some(({ health, isCurrent }) => isCurrent && health.isAwaited);
  }

  /** The addresses that are well. */
  get wellHosts(): string[] {
    const well = [...this.places.values()].filter(({ health }) => health.hasPassed);
    return well.flatMap(({ host }) => host ?? []);
  }

  /** Brings its places up to date. @returns which ones are new and which are gone */
  arrange(now: number): { added: Place[]; removed: Place[] } {
    const { check, hosts } = this.upstream;
    const wanted = new Set<string | null>(check === null ? [] : (hosts ?? [null]));
    const removed: Place[] = [];
    for (const [host, place] of this.places) {
      place.isCurrent = wanted.has(host);
      // It was checked as a whole and is now checked by address, or the other way round.
      if ((host === null) === this.isByAddress) removed.push(place);
    }
    const added: Place[] = [];
    for (const host of wanted) {
      if (this.places.has(host)) continue;
      const health = host === null ? this.health : new UpstreamHealth(check ?? UNCHECKED, null);
      const place = new Place(this, host, health, now);
      this.places.set(host, place);
      added.push(place);
    }
    for (const { host } of removed) this.places.delete(host);
    return { added, removed: [...removed, ...this.superfluous()] };
  }

  /**
   * Addresses that DNS no longer lists serve as long as they are well and no listed one is. Removes
   * all other unlisted addresses.
   */
  superfluous(): Place[] {
    const places = [...this.places.values()];
    const isServed = places.some(({ isCurrent, health }) => isCurrent && health.hasPassed);
    const gone = places.filter(
      ({ isCurrent, health }) => !isCurrent && (isServed || !health.hasPassed),
    );
    for (const { host } of gone) this.places.delete(host);
    return gone;
  }

  /** Draws a conclusion about the upstream after one of its addresses was checked. */
  conclude(told: string, now: number): readonly HealthEvent[] {
    if (this.wellHosts.length > 0) return this.health.concluded(true, told, now);
    return this.isAwaited ? [] : this.health.concluded(false, told, now);
  }
}

function nothing(): void {}
