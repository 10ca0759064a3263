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

/** A start or a reload waits so long for the first answer of a service that is new. */
const FIRST_ANSWER_MS = 2_000;
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
export class Services implements Part {
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
  private readonly clock: LoopClock;
  private cancelRetry = () => {};

  /**
   * @param changed called when members have come or gone, or are otherwise weighed
   * @param dialFilter decides where members may be
   * @param start the time that a start has
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

  /** The services of these listeners are kept resolved, too; new ones get a moment for their first answer. */
  async stage(next: Next): Promise<Stage> {
    const before = this.held;
    const wanted = servicesOf(next.wanted.listeners);
    this.watch(before.union(wanted));
    await this.answered(wanted);
    next.expanded = this.effective(next.edged);
    return { commit: () => this.hold(wanted), discard: () => this.hold(before) };
  }

  /** The listeners with their services' members; what may come to lead to ourselves asks. */
  effective(listeners: readonly WantedListener[]): ListenerOptions[] {
    return this.dialFilter.own.guarded(this.expand(listeners));
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
  filter(asked: Address, found: readonly Address[]): Filtered {
    const place = formatAddress(asked);
    const service = this.places.get(place);
    const filtered = this.dialFilter.filter(asked, found, service !== undefined);
    if (service === undefined || filtered.refusal === null) return filtered;
    if (filtered.refusal === "own_address") this.tellOwn(service, place);
    else this.tellDenied(service, place);
    return filtered;
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

  /** From now on these are all there are. */
  private hold(names: ReadonlySet<string>): void {
    this.held = names;
    this.watch(names);
    for (const known of [this.leftOut, this.told]) {
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    }
  }

  /** Waits until there was an answer for each of these, but not for longer than a moment. */
  private async answered(names: ReadonlySet<string>): Promise<void> {
    const all = Array.from(names, (name) => this.problem(name));
    if (all.length === 0) return;
    const late = Promise.withResolvers<void>();
    // The process is not over because nobody answers.
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

  /** The places of a service that are none of our own. */
  private placesOf({ name }: ServiceAddress): readonly ServicePlace[] {
    const leftOut = this.leftOut.get(name) ?? 0;
    if (leftOut > 0) {
      const most = formatCount(PLACES_MAX);
      const records = formatCounted(leftOut, "record");
      this.tell(name, `${records} left out, as nobody can dial them or they are beyond ${most}`);
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
