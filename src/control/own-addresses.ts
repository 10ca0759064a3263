import { type Address, formatAddress, type UpstreamAddress } from "../base/address.ts";
import { isLocalhost, type Machine, meetingPoint, plainHost, reaches } from "../base/reach.ts";
import { hopsBetween } from "../config/loops.ts";
import type { ListenerOptions, MirrorOptions, WantedListener } from "../config/options.ts";
import { thisMachine } from "../system/machine.ts";
import { type CheckOptions, checkedAddress } from "../upstream/health/check-options.ts";
import { isName } from "../upstream/names/ask.ts";

/** A listener of the proxy, and where it really accepts. */
export interface OwnListener {
  readonly options: WantedListener;
  readonly address: Address;
  /** Where that is, of a name each of its addresses; as far as it is known. */
  readonly places?: readonly Address[];
}

/**
 * All that this process listens on: the listeners, the admin server, the server inside. No dial may end
 * there, whatever an address or a name turns out to be: relays would go round until nothing is left, or a
 * stranger would administer the proxy.
 *
 *     configured, literal, a listener's, no circle   ──► dialled
 *     anything else that leads to ourselves          ──► refused: `own_address`
 *
 * So each circle has a part that is refused. It is looked at each time, as interfaces, names and files change.
 */
export class OwnAddresses {
  /** By what they have in common with whatever may reach them. */
  private places: ReadonlyMap<string, readonly Address[]> = new Map();
  /** Configured addresses that may be dialled although they are our own, as text. */
  private chained: ReadonlySet<string> = new Set();

  constructor(private readonly machine: Machine = thisMachine) {}

  /**
   * From now on these are all there are.
   *
   * @param others addresses of listeners that are still to close
   * @param reserved addresses where nobody may get by a relay, but who has one for its upstream inside
   */
  set(
    listeners: readonly OwnListener[],
    others: readonly Address[],
    reserved: readonly Address[],
  ): void {
    const given = listeners.flatMap(listenedOn);
    this.places = Map.groupBy([...given, ...others, ...reserved], meetingPoint);
    this.chained = this.chainsOf(listeners, reserved);
  }

  /** Whether who dials this address comes to something of our own. A name is nowhere, but `localhost`. */
  has(address: Address): boolean {
    const near = this.places.get(meetingPoint(address)) ?? [];
    return near.some((own) => reaches(address, own, this.machine));
  }

  /**
   * Whether a dial may not be made.
   *
   * @param asked what was configured, or is a service's
   * @param found where that is now, a literal
   */
  refuses(asked: Address, found: Address): boolean {
    if (!this.has(found)) return false;
    if (!this.chained.has(formatAddress(asked))) return true;
    // It was looked at as one of these two.
    return isName(asked) && found.kind === "tcp" && !LOOPBACKS.has(plainHost(found.host));
  }

  /** The same listeners; their literal upstreams ask before each dial where that is of use. */
  guarded(listeners: readonly ListenerOptions[]): ListenerOptions[] {
    return listeners.map((listener) => ({
      ...listener,
      upstreams: listener.upstreams.map((one) => this.asking(one)),
      mirror: listener.mirror === null ? null : this.asking<MirrorOptions>(listener.mirror),
    }));
  }

  private asking<T extends { readonly address: Address }>(one: T): T {
    const { address } = one;
    const mayBeOwn = this.places.has(meetingPoint(address)) && !isName(address);
    if (!mayBeOwn || this.chained.has(formatAddress(address))) return one;
    return { ...one, address: { ...address, asks: true } };
  }

  /** A listener may relay to another one that relays elsewhere, if somebody has configured that. */
  private chainsOf(
    listeners: readonly OwnListener[],
    reserved: readonly Address[],
  ): ReadonlySet<string> {
    const stations = listeners.map((listener) => ({
      listen: listenedOn(listener),
      targets: targetsOf(listener.options).filter((one) => !isName(one) || isLocalhost(one.host)),
    }));
    const hops = hopsBetween(stations, this.machine);
    const inside = listeners.flatMap(({ options }) =>
      options.upstreamInside ? options.upstreams : [],
    );
    const chained = new Set([
      ...hops.filter(isSettled).map(({ target }) => formatAddress(target)),
      ...inside.map(({ address }) => formatAddress(address)),
    ]);
    for (const { isLoop, target } of hops) if (isLoop) chained.delete(formatAddress(target));
    const mayReach = (target: Address) =>
      reserved.some((own) => reaches(target, own, this.machine));
    for (const { targets } of stations) {
      for (const target of targets) if (mayReach(target)) chained.delete(formatAddress(target));
    }
    for (const { address } of inside) chained.add(formatAddress(address));
    return chained;
  }
}

function listenedOn({ options, address, places = [] }: OwnListener): Address[] {
  return [options.address, address, ...places];
}

const LOOPBACKS: ReadonlySet<string> = new Set(["127.0.0.1", "::1"]);

/** Another way to a socket's file may lead elsewhere later. */
function isSettled({ target, listener }: { target: Address; listener: Address }): boolean {
  return target.kind === "tcp" || formatAddress(target) === formatAddress(listener);
}

function targetsOf({ upstreams, mirror, health }: WantedListener): Address[] {
  return [
    ...upstreams.flatMap(({ address }) => (address.kind === "service" ? [] : address)),
    ...(mirror === null ? [] : [mirror.address]),
    ...upstreams.flatMap(({ address, check = health.check }) => checkedAt(address, check)),
  ];
}

/** Where an upstream is checked. Where a service's own hosts are DNS says. */
function checkedAt(upstream: UpstreamAddress, check: CheckOptions | null): Address[] {
  if (check === null || check.address === null) return [];
  if (check.address.kind !== "port") return [check.address];
  return upstream.kind === "service" ? [] : [checkedAddress(upstream, check)];
}
