import { type Address, formatAddress, type PortRange } from "../base/address.ts";
import { formatCounted } from "../base/quantity.ts";
import type { GivenUpstream, ListenerGroup, ListenPlace, UpstreamPlace } from "./settings.ts";
import type { Problems, Sourced } from "./sourced.ts";

/** A group of listeners as written, with ranges of ports. */
export interface RangedGroup extends Omit<ListenerGroup, "listen" | "upstreams"> {
  readonly listen: readonly Sourced<ListenPlace>[];
  readonly upstreams: readonly GivenUpstream<UpstreamPlace>[];
}

/**
 * Expands ranges: a listener gets one address per port. If an upstream has a range, its n-th port
 * belongs to the listener's n-th port, so each port becomes a group of its own, with the same name.
 */
export function withoutRanges(group: RangedGroup, problems: Problems): ListenerGroup[] {
  const { listen, upstreams, settings } = group;
  // A sink ignores the upstreams at the top.
  const isSink = settings.mode?.value === "sink";
  if (isSink || !upstreams.some(({ value }) => isRange(value))) {
    return [{ ...group, listen: listen.flatMap(portsOf), upstreams: upstreamsAt(upstreams, 0) }];
  }
  return listen.flatMap((one) => {
    const ports = portsOf(one);
    const unlike = upstreams.filter(
      ({ value }) => isRange(value) && countOf(value) !== ports.length,
    );
    for (const upstream of unlike) reportUnlike(upstream, one, problems);
    if (unlike.length > 0) return [];
    return ports.map((port, index) => ({
      ...group,
      listen: [port],
      upstreams: upstreamsAt(upstreams, index),
    }));
  });
}

/** The upstreams for one port of a range. @param index its place, from 0 */
export function upstreamsAt(
  upstreams: readonly GivenUpstream<UpstreamPlace>[],
  index: number,
): GivenUpstream[] {
  return upstreams.map((one) => {
    const { value } = one;
    if (!isRange(value)) return one as GivenUpstream;
    return { ...one, value: portAt(value, index), whole: value };
  });
}

function portsOf(one: Sourced<ListenPlace>): Sourced<Address>[] {
  const { value } = one;
  if (!isRange(value)) return [one as Sourced<Address>];
  return Array.from({ length: countOf(value) }, (_, index) => {
    return { ...one, value: portAt(value, index), whole: value };
  });
}

function portAt({ host, first }: PortRange, index: number): Address {
  return { kind: "tcp", host, port: first + index };
}

function countOf({ first, last }: PortRange): number {
  return last - first + 1;
}

function isRange(place: UpstreamPlace | null): place is PortRange {
  return place?.kind === "ports";
}

function reportUnlike(
  upstream: GivenUpstream<UpstreamPlace>,
  { value: place }: Sourced<ListenPlace>,
  problems: Problems,
): void {
  const range = upstream.value as PortRange;
  // It has been reported.
  if (place === null) return;
  const count = isRange(place) ? countOf(place) : 1;
  const has = place.kind === "unix" ? "none" : String(count);
  const ports = `${formatAddress(range)} has ${formatCounted(countOf(range), "port")}`;
  const why = `the listener ${formatAddress(place)} has ${has}: they go port by port`;
  problems.add(upstream, `${ports}, and ${why}`);
}
