import { type Address, formatAddress } from "../base/address.ts";
import { type Machine, meetingPoint, reaches } from "../base/reach.ts";
import { thisMachine } from "../system/machine.ts";
import { checkTargetsOf } from "./checks.ts";
import { components } from "./components.ts";
import type { ListenerGroup } from "./settings.ts";
import type { Problems, Sourced } from "./sourced.ts";

/** A listener (or several with the same settings), and where its relays, copies and checks go. */
export interface Station {
  readonly listen: readonly Address[];
  readonly targets: readonly Address[];
}

/** A target of a station that is one of the proxy's own listeners. */
export interface Hop {
  /** The index of the station with that target. */
  readonly from: number;
  readonly target: Address;
  readonly listener: Address;
  /** The index of the listener's station. */
  readonly to: number;
  /** Whether relays come back to where they started. */
  readonly isLoop: boolean;
}

/** All hops between stations that their addresses show. */
export function hopsBetween(
  stations: readonly Station[],
  machine: Machine = thisMachine,
): readonly Hop[] {
  const listeners = Map.groupBy(
    stations.flatMap(({ listen }, to) => listen.map((listener) => ({ listener, to }))),
    ({ listener }) => meetingPoint(listener),
  );
  const hops = stations.flatMap(({ targets }, from) =>
    targets.flatMap((target) => {
      const near = listeners.get(meetingPoint(target)) ?? [];
      const found = near.filter(({ listener }) => reaches(target, listener, machine));
      const once = new Map(found.map((one) => [one.to, one]).toReversed() as [number, Found][]);
      return Array.from(once.values(), (one) => ({ from, target, ...one }));
    }),
  );
  const next = new Map<number, number[]>();
  for (const { from, to } of hops) {
    const others = next.get(from);
    if (others === undefined) next.set(from, [to]);
    else others.push(to);
  }
  const circles = components(next);
  // Relays come back exactly if both stations lead to each other.
  return hops.map((hop) => ({ ...hop, isLoop: circles.get(hop.from) === circles.get(hop.to) }));
}

/**
 * Reports upstreams, mirrors and checks that lead back to where they started: they would dial until
 * no descriptor is left. A listener may relay to another listener that relays elsewhere.
 */
export function rejectLoops(groups: readonly ListenerGroup[], problems: Problems): void {
  const targets = groups.map(targetsOf);
  const stations = groups.map(({ listen }, index) => ({
    listen: valuesOf(listen),
    targets: valuesOf(targets[index] ?? []),
  }));
  const told = new Set<object>();
  for (const { from, target, listener, to, isLoop } of hopsBetween(stations)) {
    if (!isLoop) continue;
    const { label = "", whole } = targets[from]?.find(({ value }) => value === target) ?? {};
    // Report a range of ports once.
    if (whole !== undefined && told.has(whole)) continue;
    if (whole !== undefined) told.add(whole);
    const which = from === to ? " itself" : ", which relays back to this one";
    const names = `"${formatAddress(target)}" is the listener ${formatAddress(listener)}`;
    problems.add({ label }, `${names}${which}: relays would loop`);
  }
}

/** Reports upstreams, mirrors and checks that are this process's admin server. */
export function rejectAdmin(
  groups: readonly ListenerGroup[],
  admin: Sourced<Address | "none"> | undefined,
  problems: Problems,
  machine: Machine = thisMachine,
): void {
  const where = admin?.value ?? "none";
  if (where === "none") return;
  // The set reports upstreams at the top once, not for each group.
  for (const { value, label } of new Set(groups.flatMap(targetsOf))) {
    if (value === null || !reaches(value, where, machine)) continue;
    const names = `"${formatAddress(value)}" is the admin server ${formatAddress(where)} itself`;
    problems.add({ label }, `${names}: ringway does not relay clients to it`);
  }
}

type Found = Pick<Hop, "listener" | "to">;

/** Where a group's relays, copies and checks go, except services, whose places only DNS knows. */
function targetsOf(group: ListenerGroup): readonly Sourced<Address>[] {
  const { upstreams, settings } = group;
  const relayed = [...upstreams, settings.mirror].flatMap((one) => {
    const value = one?.value ?? null;
    if (one === undefined || value === null || value === "none") return [];
    return value.kind === "service" ? [] : [one as Sourced<Address>];
  });
  return [...relayed, ...checkTargetsOf(group)];
}

function valuesOf(sources: readonly Sourced<Address>[]): Address[] {
  return sources.flatMap(({ value }) => value ?? []);
}
