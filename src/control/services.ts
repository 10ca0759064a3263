import { formatAddress } from "../base/address.ts";
import { cleanUpOrThrow } from "../base/clean-up.ts";
import { formatCount, formatCounted } from "../base/quantity.ts";
import type {
  Address,
  ListenerOptions,
  ServiceAddress,
  UpstreamAddress,
  UpstreamOptions,
  WantedListener,
} from "../config/options.ts";
import type { Observer } from "../relay/observer.ts";
import { type Clock, systemClock } from "../upstream/health/checker.ts";
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
import type { Sieve, Sifted } from "./sieve.ts";

/** After so long members that could not be taken up are tried again. */
const RETRY_MS = 10_000;

/** How names and services are looked up; the defaults are what runs. */
export interface LookUpParts extends WatcherParts {
  /** @throws NameError; anything else is a defect */
  readonly resolveService?: (name: string) => Promise<ServiceResolution>;
}

/**
 * Look-ups by these servers alone, which may know what nobody else does (Consul), but for localhost; by
 * the system when there are none.
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
 * The services among the upstreams of all listeners, kept resolved: makes of what was configured what
 * relays can go to. What is known of a service outlives reloads, and DNS that is out of reach.
 */
export class Services {
  private readonly watcher: Watcher<ServicePlace>;
  /** The names that hold, beside those of a reload that is under way. */
  private held: ReadonlySet<string> = new Set();
  /** All of them. */
  private watched = this.held;
  /** How many records of each could not be taken. */
  private readonly leftOut = new Map<string, number>();
  /** What was told of each since it has changed last. */
  private readonly told = new Map<string, Set<string>>();
  /** The service of each place, by its address. */
  private places = new Map<string, string>();
  private readonly clock: Clock;
  private cancelRetry = () => {};

  /**
   * @param changed called when members have come or gone, or are otherwise weighed
   * @param sieve decides where members may be
   */
  constructor(
    private readonly observer: Observer,
    private readonly changed: () => void,
    private readonly sieve: Sieve,
    { resolveService: resolve = resolveService, ...parts }: LookUpParts = {},
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

  /** The first step of a reload: these listeners' services are kept resolved, too. */
  adopt(listeners: readonly WantedListener[]): void {
    this.watch(this.held.union(servicesOf(listeners)));
  }

  /** The second step: from now on these are all there are. */
  retain(listeners: readonly WantedListener[]): void {
    this.held = servicesOf(listeners);
    this.watch(this.held);
    for (const known of [this.leftOut, this.told]) {
      for (const name of known.keys()) if (!this.held.has(name)) known.delete(name);
    }
  }

  /** Waits until there was an answer for each of these listeners' services, but not for longer. */
  async answered(listeners: readonly WantedListener[], withinMs: number): Promise<void> {
    const all = Array.from(servicesOf(listeners), (name) => this.problem(name));
    if (all.length === 0) return;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, withinMs);
    await Promise.race([Promise.all(all), late.promise]);
    clearTimeout(timer);
  }

  /**
   * The listeners with what their services are now. An upstream that is configured by its address stays
   * what it is, also where a service has it as well.
   */
  expand(listeners: readonly WantedListener[]): ListenerOptions[] {
    const plain = listeners.flatMap(({ upstreams }) => upstreams.filter(isPlain)).length;
    // Whatever DNS says, there is room for all that was configured, and for the listeners' limits.
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

  /** Of the addresses that were found for one those that may be dialled; what a member must not be is told. */
  sift(asked: Address, found: readonly Address[]): Sifted {
    const place = formatAddress(asked);
    const service = this.places.get(place);
    const sifted = this.sieve.sift(asked, found, service !== undefined);
    if (service === undefined || sifted.refusal === null) return sifted;
    if (sifted.refusal === "own_address") this.tellOwn(service, place);
    else this.tellDenied(service, place);
    return sifted;
  }

  /** One of its members has led nowhere: it may have others by now. */
  refresh(name: string): void {
    this.watcher.refresh(name);
  }

  /** Why a service has no members, once that is known; null when it has some. */
  problem(name: string): Promise<string | null> {
    return this.watcher.problem(name);
  }

  /** Members have come that cannot be taken up now: they are tried again. @param why in a clause */
  refused(why: string): void {
    this.cancelRetry();
    this.cancelRetry = this.clock.after(RETRY_MS, this.changed);
    for (const name of this.held) this.tell(name, `its members stay as they were: ${why}`);
  }

  /** Asks no more. */
  stop(): void {
    cleanUpOrThrow([() => this.cancelRetry(), () => this.watcher.stop()]);
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

  /** The places of a service that are none of our own. */
  private placesOf({ name }: ServiceAddress): readonly ServicePlace[] {
    const leftOut = this.leftOut.get(name) ?? 0;
    if (leftOut > 0) {
      const most = formatCount(PLACES_MAX);
      const records = formatCounted(leftOut, "record");
      this.tell(name, `${records} left out, as nobody can dial them or they are beyond ${most}`);
    }
    return this.watcher.addresses(name).filter(({ address }) => {
      const isOwn = this.sieve.own.has(address);
      const isDenied = !isOwn && this.sieve.deniesMember(address);
      if (isOwn) this.tellOwn(name, formatAddress(address));
      if (isDenied) this.tellDenied(name, formatAddress(address));
      return !isOwn && !isDenied;
    });
  }

  private tellOwn(name: string, place: string): void {
    this.tell(name, `${place} is this very proxy: left out`);
  }

  private tellDenied(name: string, place: string): void {
    this.tell(name, `${place} is not among what DNS may answer with (dnsAllow): left out`);
  }

  private tell(name: string, what: string): void {
    const told = this.told.get(name) ?? new Set();
    if (told.has(what)) return;
    this.told.set(name, told.add(what));
    this.observer.on({ event: "serviceTrouble", name, what });
  }
}

/** The services of listeners, each once, with the listeners' upstreams that it is. */
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
