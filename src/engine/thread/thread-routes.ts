import { formatAddress } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import type { ListenerOptions, UpstreamOptions } from "../../config/options.ts";
import { answerOf, type RouteAnswer } from "../../entry/route/answer.ts";
import {
  type Caller,
  connectionOf,
  type Route,
  type UpstreamState,
} from "../../entry/route/connection.ts";
import { upstreamsOf } from "../../entry/tls-hello/routes.ts";
import { statesOf } from "../../upstream/chooser.ts";
import type { UpstreamTable } from "../../upstream/table.ts";

/**
 * A relay asks when its client's PROXY header and hello are here, there is room for it and its TLS handshake is done,
 * which have times of their own; so long, and some seconds for a thread that is late, a function stays when its
 * listener has another one.
 */
const LINGER_MS = 10_000;

/** A listener's function, with what all its connections share. */
interface Hook {
  readonly route: Route;
  readonly listener: string;
  /** By the label of a route to some of them; null for all. */
  readonly choices: ReadonlyMap<string | null, RouteUpstreams>;
  readonly lingerMs: number;
}

/** Upstreams among which a function chooses, and how they are now. */
interface RouteUpstreams {
  readonly names: readonly string[];
  readonly states: () => readonly UpstreamState[];
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
    const { route, edge, tls } = options;
    if (route === null || typeof route.hook === "number") return options;
    const number = this.nextNumber++;
    this.hooks.set(number, {
      route: route.hook,
      listener,
      choices: this.choicesOf(options),
      lingerMs:
        edge.preambleTimeoutMs +
        edge.fullTimeoutMs +
        (tls?.handshakeTimeoutMs ?? edge.helloTimeoutMs) +
        LINGER_MS,
    });
    this.current.set(key, number);
    return { ...options, route: { ...route, hook: number } };
  }

  private choicesOf({ routes, upstreams }: ListenerOptions): Hook["choices"] {
    const choice = (those: readonly UpstreamOptions[]): RouteUpstreams => ({
      names: those.map(({ address }) => formatAddress(address)),
      states: () => statesOf(those, this.table),
    });
    const some = routes.filter((route) => route.upstreams !== null);
    return new Map([
      [null, choice(upstreams)],
      ...some.map((route) => [route.label, choice(upstreamsOf(route, upstreams))] as const),
    ]);
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
    const { route, listener, choices } = hook;
    const { names, states } = (choices.get(caller.route) ?? choices.get(null)) as RouteUpstreams;
    return await answerOf(route, connectionOf(caller, listener, names, states));
  }
}
