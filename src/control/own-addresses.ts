import { type Address, formatAddress, type UpstreamAddress } from "../base/address.ts";
import { isLocalhost, type Machine, meetingPoint, plainHost, reaches } from "../base/reach.ts";
import { hopsBetween } from "../config/loops.ts";
import type { ListenerOptions, MirrorOptions, WantedListener } from "../config/options.ts";
import { thisMachine } from "../system/machine.ts";
import { type CheckOptions, checkedAddress } from "../upstream/health/check-options.ts";
import { isName } from "../upstream/names/ask.ts";

/** A listener of the proxy. */
export interface OwnListener {
  readonly options: WantedListener;
  /** The address on which it accepts. */
  readonly address: Address;
  /** All known addresses, if it is a name. */
  readonly places?: readonly Address[];
}

/**
 * Everything that this process listens on: listeners, the admin server, the embedded upstream. No
 * dial may end there, whatever a name resolves to: relays would loop until no descriptor is left,
 * or strangers would reach the admin server.
 *
 *     a configured literal of a listener, no loop   ──► dialled
 *     anything else that leads to ourselves         ──► refused: `own_address`
 *
 * So every loop has a part that is refused. Each dial is checked, because interfaces, names and
 * files change.
 */
export class OwnAddresses {
  /** Our addresses by {@link meetingPoint}. */
  private places: ReadonlyMap<string, readonly Address[]> = new Map();
  /** Configured addresses of our own that may be dialled, as text. */
  private chained: ReadonlySet<string> = new Set();

  constructor(private readonly machine: Machine = thisMachine) {}

  /**
   * Replaces everything that is known.
   *
   * @param others addresses of listeners that are about to close
   * @param reserved addresses that no relay may reach, except as a listener's embedded upstream
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

  /** Whether an address leads to this process. Of names, only `localhost` can. */
  has(address: Address): boolean {
    const near = this.places.get(meetingPoint(address)) ?? [];
    return near.some((own) => reaches(address, own, this.machine));
  }

  /**
   * Whether a dial is refused.
   *
   * @param asked the configured address, or a service's member
   * @param found its current address, a literal
   */
  refuses(asked: Address, found: Address): boolean {
    if (!this.has(found)) return false;
    if (!this.chained.has(formatAddress(asked))) return true;
    // The loop check took `localhost` for one of these two.
    return isName(asked) && found.kind === "tcp" && !LOOPBACKS.has(plainHost(found.host));
  }

  /**
   * Marks literal upstreams and mirrors that may lead to ourselves, so that engines ask before each
   * dial.
   */
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

  /** A listener may relay to another one that relays elsewhere, if the configuration says so. */
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

/** Whether a target will always lead to that listener: another path to a socket's file may not. */
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

/** Where an upstream is checked, if elsewhere. The hosts of a service are known to DNS only. */
function checkedAt(upstream: UpstreamAddress, check: CheckOptions | null): Address[] {
  if (check === null || check.address === null) return [];
  if (check.address.kind !== "port") return [check.address];
  return upstream.kind === "service" ? [] : [checkedAddress(upstream, check)];
}
