import type { Clock } from "../base/clock.ts";
import type { NameRoute } from "../entry/tls-hello/routes.ts";
import type { Choice, UpstreamChooser } from "../upstream/chooser.ts";
import { type Waiter, WaitingRoom } from "./waiting-room.ts";

/**
 * Where clients of a listener go: the upstreams that are chosen from, and the relays that wait for one of them. A
 * listener has one for all of its upstreams, and one more for each route to some of them.
 */
export interface Branch<T extends Waiter> {
  /** Chooses among the upstreams that this very listener has. */
  readonly chooser: UpstreamChooser;
  /** The same, shared with the listeners that take its place: it has the chooser of the last one. */
  readonly choice: Choice;
  /** Shared likewise. */
  readonly waiting: WaitingRoom<T>;
}

/** A route to some of a listener's upstreams, and who chooses among them. */
export interface RouteChooser {
  readonly route: NameRoute;
  readonly chooser: UpstreamChooser;
}

/** A branch that takes the place of another one, if there is one. */
export function branchOf<T extends Waiter>(
  chooser: UpstreamChooser,
  before: Branch<T> | null,
  clock: Clock,
): Branch<T> {
  const choice = before?.choice ?? { chooser };
  choice.chooser = chooser;
  return { chooser, choice, waiting: before?.waiting ?? roomOf(choice, clock) };
}

/** It outlives the listener that it was made for, and so must not know it. */
function roomOf<T extends Waiter>(choice: Choice, clock: Clock): WaitingRoom<T> {
  return new WaitingRoom<T>(() => choice.chooser.isFull, clock);
}

/** The branches of a listener. Owner: the listener. */
export class Branches<T extends Waiter> {
  readonly main: Branch<T>;
  /** By the labels of routes, those to all upstreams left out. */
  private readonly byLabel = new Map<string, Branch<T>>();

  /** @param before those of the listener whose place it takes; null for none */
  constructor(
    chooser: UpstreamChooser,
    routed: readonly RouteChooser[],
    before: Branches<T> | null,
    clock: Clock,
  ) {
    this.main = branchOf(chooser, before?.main ?? null, clock);
    for (const { route, chooser } of routed) {
      const { label } = route;
      this.byLabel.set(label, branchOf(chooser, before?.byLabel.get(label) ?? null, clock));
    }
  }

  /** Where a route leads. @param label of the route; null for none */
  of(label: string | null): Branch<T> {
    return (label === null ? undefined : this.byLabel.get(label)) ?? this.main;
  }

  /** Those who wait go on, as far as there is room. */
  serve(): void {
    this.main.waiting.serve();
    for (const { waiting } of this.byLabel.values()) waiting.serve();
  }
}
