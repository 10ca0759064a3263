import { formatAddress } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import type { ListenerOptions } from "../../config/options.ts";
import { answerOf, type RouteAnswer } from "../../entry/route/answer.ts";
import {
  type Caller,
  connectionOf,
  type Route,
  type UpstreamState,
} from "../../entry/route/connection.ts";
import { statesOf } from "../../upstream/chooser.ts";
import type { UpstreamTable } from "../../upstream/table.ts";

/**
 * A relay asks when its client's PROXY header is here, which may have its own time; so long, and
 * some seconds for a thread that is late, a function stays when its listener has another one.
 */
const LINGER_MS = 10_000;

/** A listener's function, with what all its connections share. */
interface Hook {
  readonly route: Route;
  readonly listener: string;
  readonly upstreams: readonly string[];
  readonly states: () => readonly UpstreamState[];
  readonly lingerMs: number;
}

/**
 * The functions of a worker's listeners. They cannot travel to its thread, which therefore asks by
 * their numbers, and they are called here.
 *
 * Owner: the worker's handle in the control plane.
 */
export class ThreadRoutes {
  private readonly hooks = new Map<number, Hook>();
  /** The number that each listener's new connections ask by. */
  private readonly current = new Map<number, number>();
  private nextNumber = 0;

  /** @param table what the worker knows of upstreams */
  constructor(private readonly table: UpstreamTable) {}

  /**
   * Keeps a listener's function. The one that it had before answers for those who have come already.
   *
   * @param key the listener's
   * @param listener what stories call it
   * @returns the same options as the thread gets them: with a number instead of the function
   */
  keep(key: number, listener: string, options: ListenerOptions): ListenerOptions {
    this.retire(key);
    const { route, upstreams, edge } = options;
    if (route === null || typeof route.hook === "number") return options;
    const number = this.nextNumber++;
    this.hooks.set(number, {
      route: route.hook,
      listener,
      upstreams: upstreams.map(({ address }) => formatAddress(address)),
      states: () => statesOf(upstreams, this.table),
      lingerMs: edge.preambleTimeoutMs + LINGER_MS,
    });
    this.current.set(key, number);
    return { ...options, route: { ...route, hook: number } };
  }

  /** Nobody new comes to a listener, or nobody new asks by the number that it has. */
  retire(key: number): void {
    const number = this.current.get(key);
    if (number === undefined) return;
    this.current.delete(key);
    const { lingerMs } = this.hooks.get(number) as Hook;
    systemClock.alarm(lingerMs, () => this.hooks.delete(number));
  }

  /**
   * Asks a function, unless nobody waits for its answer any more: while it kept the thread busy,
   * thousands may have gone on without it, and they are not to keep it busy for ever.
   *
   * @returns null then; settles when the function does, perhaps never
   */
  async answer(number: number, caller: Caller, until: number): Promise<RouteAnswer | null> {
    // What waits behind this message may have to be read first, and in any case from an empty stack.
    await null;
    if (systemClock.wall() >= until) return null;
    const hook = this.hooks.get(number);
    if (hook === undefined) return { failure: "its function is gone" };
    const { route, listener, upstreams, states } = hook;
    return await answerOf(route, connectionOf(caller, listener, upstreams, states));
  }
}
