import {
  type Address,
  formatAddress,
  type ServiceAddress,
  type UpstreamAddress,
} from "../base/address.ts";
import { cleanUpOrThrow } from "../base/clean-up.ts";
import { type LoopClock, type ProcessClock, systemClock } from "../base/clock.ts";
import { formatCount, formatCounted } from "../base/quantity.ts";
import type { ListenerOptions, UpstreamOptions, WantedListener } from "../config/options.ts";
import type { Observer } from "../relay/observer.ts";
import { resolverBy } from "../upstream/names/by-servers.ts";
import type { DnsServer } from "../upstream/names/dns-server.ts";
import { dnsTtlDefaults } from "../upstream/names/dns-ttl.ts";
import type { NameError } from "../upstream/names/name-error.ts";
import {
  PLACES_MAX,
  resolveService,
  type ServicePlace,
  type ServiceResolution,
} from "../upstream/names/service.ts";
import { Watcher, type WatcherParts } from "../upstream/names/watcher.ts";
import { SLOTS_MAX } from "../upstream/table.ts";
import type { DialFilter, Filtered } from "./dial-filter.ts";
import type { Next, Part, Stage } from "./stage.ts";

/** How long a start or a reload waits for the first answer of a new service. */
const FIRST_ANSWER_MS = 2_000;
/** When to try again to add members that could not be added. */
const RETRY_MS = 10_000;

/** How to look up names and services, for tests to replace. */
export interface LookUpParts extends WatcherParts {
  /** @throws NameError; any other error is a defect */
  readonly resolveService?: (name: string) => Promise<ServiceResolution>;
}

/**
 * Looks up by these servers alone (except localhost), because they may know names that no other
 * server knows (Consul). Without servers, the system looks up.
 */
export function lookUpBy(servers: readonly DnsServer[], ttl = dnsTtlDefaults): LookUpParts {
  if (servers.length === 0) return { ttl };
  return {
    ttl,
    resolve: resolverBy(servers),
    resolveService: (name) => resolveService(name, { servers }),
  };
}

/**
 * Keeps the services among all upstreams resolved, and replaces them by their members. Known
 * members survive reloads, and DNS outages.
 */
export class Services implements Part {
  private readonly watcher: Watcher<ServicePlace>;
  /** The names in use, without those of a reload in progress. */
  private held: ReadonlySet<string> = new Set();
  /** All names that are watched. */
  private watched = this.held;
  /** How many records of each service were left out. */
  private readonly leftOut = new Map<string, number>();
  /** What was reported about each service since its last change. */
  private readonly told = new Map<string, Set<string>>();
  /** The service of each member, by its address. */
  private places = new Map<string, string>();
  private readonly clock: LoopClock;
  private cancelRetry = () => {};

  /**
   * @param changed called when members or their weights have changed
   * @param dialFilter decides which members are allowed
   * @param start the clock for the first answers
   */
  constructor(
    private readonly observer: Observer,
    private readonly changed: () => void,
    private readonly dialFilter: DialFilter,
    { resolveService: resolve = resolveService, ...parts }: LookUpParts = {},
    private readonly start: Pick<ProcessClock, "hold"> = systemClock,
  ) {
    this.clock = parts.clock ?? systemClock;
    const listener = {
      onChange: (
        name: string,
        places: readonly ServicePlace[],
        before: readonly ServicePlace[],
        failures: number,
      ) => {
        this.told.delete(name);
        this.look();
        const [now, then] = [placesOf(places), placesOf(before)];
        observer.on({
          event: "serviceChanged",
          name,
          count: now.size,
          added: [...now.difference(then)],
          removed: [...then.difference(now)],
          isNews: before.length > 0 || failures > 0,
        });
        this.changed();
      },
      onFailing: (name: string, { message: why }: NameError) =>
        observer.on({ event: "serviceFailing", name, why }),
    };
    const ask = async (name: string) => {
      const resolution = await resolve(name);
      this.leftOut.set(name, resolution.leftOut);
      return resolution;
    };
    this.watcher = new Watcher(listener, ask, parts);
  }

  /** Also watches the services of these listeners, and gives new ones a moment to answer. */
  async stage(next: Next): Promise<Stage> {
    const before = this.held;
    const wanted = servicesOf(next.wanted.listeners);
    this.watch(before.union(wanted));
    await this.answered(wanted);
    next.expanded = this.effective(next.edged);
    return { commit: () => this.hold(wanted), discard: () => this.hold(before) };
  }

  /** The listeners with their services' members, guarded by {@link OwnAddresses.guarded}. */
  effective(listeners: readonly WantedListener[]): ListenerOptions[] {
    return this.dialFilter.own.guarded(this.expand(listeners));
  }

  /**
   * The listeners with the current members of their services. An upstream that is configured by its
   * address keeps its settings, even if a service has it, too.
   */
  expand(listeners: readonly WantedListener[]): ListenerOptions[] {
    const plain = listeners.flatMap(({ upstreams }) => upstreams.filter(isPlain)).length;
    // Members must leave room for configured upstreams and for the listeners' limits.
    let room = SLOTS_MAX - plain - listeners.length - 1;
    return listeners.map((listener) => {
      const seen = placesOf(listener.upstreams.filter(isPlain));
      const upstreams = listener.upstreams.flatMap((one): readonly UpstreamOptions[] => {
        const { address } = one;
        if (address.kind !== "service") return [{ ...one, address }];
        const places = this.placesOf(address).filter((place) => {
          const name = formatAddress(place.address);
          if (seen.has(name)) return false;
          seen.add(name);
          return true;
        });
        const taken = places.slice(0, Math.max(0, room));
        room -= taken.length;
        if (taken.length < places.length) {
          const left = formatCounted(places.length - taken.length, "place");
          this.tell(address.name, `${left} too many for one proxy: left out`);
        }
        return taken.map((place) => member(one, address, place));
      });
      return { ...listener, upstreams };
    });
  }

  /** Filters the addresses found for an upstream, and reports members that are not allowed. */
  filter(asked: Address, found: readonly Address[]): Filtered {
    const place = formatAddress(asked);
    const service = this.places.get(place);
    const filtered = this.dialFilter.filter(asked, found, service !== undefined);
    if (service === undefined || filtered.refusal === null) return filtered;
    if (filtered.refusal === "own_address") this.tellOwn(service, place);
    else this.tellDenied(service, place);
    return filtered;
  }

  /** Looks up a service, because a member could not be reached. */
  refresh(name: string): void {
    this.watcher.refresh(name);
  }

  /** Resolves with why a service has no members, once that is known; null if it has some. */
  problem(name: string): Promise<string | null> {
    return this.watcher.problem(name);
  }

  /** Reports that new members could not be added, and tries again later. @param why as a clause */
  refused(why: string): void {
    this.cancelRetry();
    this.cancelRetry = this.clock.after(RETRY_MS, this.changed);
    for (const name of this.held) this.tell(name, `its members stay as they were: ${why}`);
  }

  stop(): void {
    cleanUpOrThrow([() => this.cancelRetry(), () => this.watcher.stop()]);
  }

  /** Watches only these from now on. */
  private hold(names: ReadonlySet<string>): void {
    this.held = names;
    this.watch(names);
    for (const known of [this.leftOut, this.told]) {
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    }
  }

  /** Waits until each has answered, at most {@link FIRST_ANSWER_MS}. */
  private async answered(names: ReadonlySet<string>): Promise<void> {
    const all = Array.from(names, (name) => this.problem(name));
    if (all.length === 0) return;
    const late = Promise.withResolvers<void>();
    // This timer keeps the process alive while nothing answers.
    const cancel = this.start.hold(FIRST_ANSWER_MS, late.resolve);
    await Promise.race([Promise.all(all), late.promise]);
    cancel();
  }

  private watch(names: ReadonlySet<string>): void {
    this.watched = names;
    this.watcher.set(names);
    this.look();
  }

  private look(): void {
    const all = Array.from(this.watched, (name) =>
      this.watcher.addresses(name).map(({ address }) => [formatAddress(address), name] as const),
    );
    this.places = new Map(all.flat());
  }

  /** The allowed members of a service; reports the others. */
  private placesOf({ name }: ServiceAddress): readonly ServicePlace[] {
    const leftOut = this.leftOut.get(name) ?? 0;
    if (leftOut > 0) {
      const most = formatCount(PLACES_MAX);
      const records = formatCounted(leftOut, "record");
      this.tell(
        name,
        `${records} left out: they cannot be dialled, or exceed the limit of ${most}`,
      );
    }
    return this.watcher.addresses(name).filter(({ address }) => {
      const isOwn = this.dialFilter.own.has(address);
      const isDenied = !isOwn && this.dialFilter.deniesMember(address);
      if (isOwn) this.tellOwn(name, formatAddress(address));
      if (isDenied) this.tellDenied(name, formatAddress(address));
      return !isOwn && !isDenied;
    });
  }

  private tellOwn(name: string, place: string): void {
    this.tell(name, `${place} is this very proxy: left out`);
  }

  private tellDenied(name: string, place: string): void {
    this.tell(name, `${place} is not in a network of dnsAllow: left out`);
  }

  private tell(name: string, what: string): void {
    const told = this.told.get(name) ?? new Set();
    if (told.has(what)) return;
    this.told.set(name, told.add(what));
    this.observer.on({ event: "serviceTrouble", name, what });
  }
}

/** The names of the services among the upstreams of listeners. */
export function servicesOf(listeners: readonly WantedListener[]): Set<string> {
  return new Set(
    listeners.flatMap(({ upstreams }) =>
      upstreams.flatMap(({ address }) => (address.kind === "service" ? address.name : [])),
    ),
  );
}

function member(
  upstream: UpstreamOptions<UpstreamAddress>,
  { name }: ServiceAddress,
  { address, weight, isBackup }: ServicePlace,
): UpstreamOptions {
  return { ...upstream, address, weight, isBackup: upstream.isBackup || isBackup, service: name };
}

function isPlain({ address }: UpstreamOptions<UpstreamAddress>): boolean {
  return address.kind !== "service";
}

function placesOf(places: readonly { readonly address: UpstreamAddress }[]): Set<string> {
  return new Set(places.map(({ address }) => formatAddress(address)));
}
