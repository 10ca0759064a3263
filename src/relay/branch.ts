import type { Clock } from "../base/clock.ts";
import type { NameRoute } from "../entry/tls-hello/route.ts";
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

/** A route, and who chooses for its clients: among some of a listener's upstreams, or among none. */
export interface RouteChooser {
  readonly route: Pick<NameRoute, "label">;
  readonly chooser: UpstreamChooser;
}

/** A branch that takes the place of another one, if there is one. */
function branchOf<T extends Waiter>(
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
  /** All of them, that one first. */
  readonly all: readonly Branch<T>[];
  /** By the labels of routes, those to all upstreams left out. */
  private readonly byLabel = new Map<string, Branch<T>>();

  /**
   * @param nowhere chooses among no upstreams
   * @param before those of the listener whose place it takes; null for none
   */
  constructor(
    chooser: UpstreamChooser,
    routed: readonly RouteChooser[],
    nowhere: UpstreamChooser,
    before: Branches<T> | null,
    clock: Clock,
  ) {
    this.main = branchOf(chooser, before?.main ?? null, clock);
    for (const { route, chooser } of routed) {
      const { label } = route;
      this.byLabel.set(label, branchOf(chooser, before?.byLabel.get(label) ?? null, clock));
    }
    // Who waits on a route that is no more must not look at rows that others may get.
    for (const [label, { choice }] of before?.byLabel ?? []) {
      if (!this.byLabel.has(label)) choice.chooser = nowhere;
    }
    this.all = [this.main, ...this.byLabel.values()];
  }

  /** Where a route leads. @param label of the route; null for none */
  of(label: string | null): Branch<T> {
    return (label === null ? undefined : this.byLabel.get(label)) ?? this.main;
  }

  /** Those who wait go on, as far as there is room. */
  serve(): void {
    for (const { waiting } of this.all) waiting.serve();
  }

  /** A relay has left its upstream, which may be one of several routes'. */
  roomMade(): void {
    for (const { waiting } of this.all) waiting.roomMade();
  }
}
