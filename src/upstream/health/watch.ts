import { type HealthEvent, UpstreamHealth } from "./monitor.ts";
import type { CheckedUpstream, HealthView } from "./view.ts";

/** What stands for the options of an upstream without checks: nothing is ever counted. */
export const UNCHECKED = { rise: 1, fall: 1 } as const;

/** What is checked by itself, and when: an upstream, or one address of its name. */
export class Place {
  /** The check that runs, null when none does. */
  run: AbortController | null = null;
  /** When the last check began. */
  startedAt = Number.NEGATIVE_INFINITY;
  /** When the next one begins; Infinity while none is planned. */
  nextAt = Number.POSITIVE_INFINITY;
  cancelNext = nothing;
  lastCheck: HealthView["lastCheck"] = null;
  /** Its name has it; else it serves only until one that the name has is well. */
  isCurrent = true;

  /**
   * @param host the address; null: the upstream as it was configured
   * @param health of the upstream itself when it is one place
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
  /** By their addresses; one by null where it is checked as a whole. */
  readonly places = new Map<string | null, Place>();
  cancelTick = nothing;
  /** Who wants to know which addresses are well, as soon as that is known of any. */
  waiting: ((hosts: readonly string[] | null) => void)[] = [];

  constructor(
    public upstream: CheckedUpstream,
    public since: number,
  ) {
    this.health = new UpstreamHealth(upstream.check ?? UNCHECKED, upstream.ejection);
  }

  /** Each address of its name has a health of its own. */
  get isByAddress(): boolean {
    return this.upstream.check !== null && this.upstream.hosts !== null;
  }

  /** Something is to be learnt soon, and nothing is known that is good. */
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

  /** Brings its places to what it is now. @returns those that are new and those that are gone */
  arrange(now: number): { added: Place[]; removed: Place[] } {
    const { check, hosts } = this.upstream;
    const wanted = new Set<string | null>(check === null ? [] : (hosts ?? [null]));
    const removed: Place[] = [];
    for (const [host, place] of this.places) {
      place.isCurrent = wanted.has(host);
      // An upstream that was one place and is several addresses now, or the other way round.
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
   * Addresses that the name has no more serve as long as they are well and no other one is: takes
   * away all others of them.
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

  /** What all addresses say together, after one of them has said something. */
  conclude(told: string, now: number): readonly HealthEvent[] {
    if (this.wellHosts.length > 0) return this.health.concluded(true, told, now);
    return this.isAwaited ? [] : this.health.concluded(false, told, now);
  }
}

function nothing(): void {}
