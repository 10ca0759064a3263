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
 * A replaced function is kept for this time plus the timeouts of PROXY header, hello, wait for room and TLS
 * handshake, because clients that came before may still have to ask it, and their thread may be late.
 */
const LINGER_MS = 10_000;

/** A listener's route function, with what all its connections share. */
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
 * The route functions of a worker's listeners. Functions cannot be sent to the worker's thread, so
 * it asks by their numbers, and they are called here.
 *
 * Owner: the worker's handle in the control plane.
 */
export class ThreadRoutes {
  private readonly hooks = new Map<number, Hook>();
  /** The present number of each listener's function. */
  private readonly current = new Map<number, number>();
  private nextNumber = 0;

  /** @param table the upstream table that the worker uses */
  constructor(private readonly table: UpstreamTable) {}

  /**
   * Keeps a listener's function. The previous one still answers for clients that came before.
   *
   * @param key the listener's key
   * @param listener the listener's name in summaries
   * @returns the options for the thread, with a number instead of the function
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

  /** New clients of a listener no longer ask its present function. */
  retire(key: number): void {
    const number = this.current.get(key);
    if (number === undefined) return;
    this.current.delete(key);
    const { lingerMs } = this.hooks.get(number) as Hook;
    systemClock.alarm(lingerMs, () => this.hooks.delete(number));
  }

  /**
   * Asks a function, unless the relay no longer waits: while the function kept this thread busy,
   * thousands of relays may have gone on without it, and answering them would keep the thread busy
   * for ever.
   *
   * @returns null if the relay no longer waits; settles when the function does, perhaps never
   */
  async answer(number: number, caller: Caller, until: number): Promise<RouteAnswer | null> {
    // Lets messages behind this one be read first, and calls the function from an empty stack.
    await null;
    if (systemClock.wall() >= until) return null;
    const hook = this.hooks.get(number);
    if (hook === undefined) return { failure: "its function is gone" };
    const { route, listener, choices } = hook;
    const { names, states } = (choices.get(caller.route) ?? choices.get(null)) as RouteUpstreams;
    return await answerOf(route, connectionOf(caller, listener, names, states));
  }
}
