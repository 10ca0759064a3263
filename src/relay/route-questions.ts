import { type Clock, systemClock } from "../base/clock.ts";
import { Deadlines } from "../base/deadlines.ts";
import { formatDuration } from "../base/quantity.ts";
import type { RouteOptions } from "../config/options.ts";
import type { RouteAnswer, RouteChoice } from "../entry/route/answer.ts";
import {
  type Caller,
  type Connection,
  connectionOf,
  type Route,
} from "../entry/route/connection.ts";
import type { UpstreamChooser } from "../upstream/chooser.ts";

/** A question to a route function. */
export interface RouteQuestion {
  /** The function, or its number if it lives in another thread. */
  readonly hook: Route | number;
  readonly connection: Connection;
  /** When the relay stops waiting for the answer; milliseconds since 1970. */
  readonly until: number;
}

/**
 * Asks a route function. `answer` is never called within the call, and perhaps not at all.
 *
 * @returns withdraws the question
 */
export type AskRoute = (
  question: RouteQuestion,
  answer: (answer: RouteAnswer) => void,
) => () => void;

/** The part of the engine that route questions use. */
export interface Routing {
  readonly askRoute: AskRoute;
  /** A route function has failed for a relay. @param why a short text */
  routeFailed(listener: string, why: string): void;
}

/** The part of a relay that route questions use. */
export interface Routed {
  /** The part of the function's argument that is about this client. */
  readonly caller: Caller;
  /** Where its upstream is one of. */
  readonly branch: { readonly chooser: Pick<UpstreamChooser, "names" | "states"> };
  routed(choice: RouteChoice): void;
  /** There is no answer, or none that is valid. */
  unrouted(): void;
}

/**
 * The relays of a listener that wait for its route function. The timeout runs in the relays'
 * thread: a function that keeps its own thread busy delays no relay beyond it.
 *
 * Owner: a listener.
 */
export class RouteQuestions<T extends Routed> {
  private readonly questions = new Map<T, { readonly forget: () => void }>();
  private readonly waiting: Deadlines<T>;

  /**
   * @param listener the listener's name
   */
  constructor(
    readonly options: RouteOptions,
    private readonly listener: string,
    private readonly routing: Routing,
    private readonly clock: Clock = systemClock,
  ) {
    const { timeoutMs } = options;
    const why = `no answer within ${formatDuration(timeoutMs)}`;
    this.waiting = new Deadlines<T>(timeoutMs, (relay) => this.failed(relay, why), clock);
  }

  /** Asks about a relay, which gets the answer unless it is {@link delete}d before. */
  ask(relay: T): void {
    const { hook, timeoutMs } = this.options;
    const { chooser } = relay.branch;
    const states = () => chooser.states;
    const connection = connectionOf(relay.caller, this.listener, chooser.names, states);
    const until = this.clock.wall() + timeoutMs;
    const forget = this.routing.askRoute({ hook, connection, until }, (answer) => {
      // The relay may have another tenant by now.
      if (this.questions.get(relay) === question) this.answered(relay, answer);
    });
    const question = { forget };
    this.questions.set(relay, question);
    this.waiting.add(relay);
  }

  /** A relay no longer waits. */
  delete(relay: T): void {
    this.questions.get(relay)?.forget();
    this.questions.delete(relay);
    this.waiting.delete(relay);
  }

  private answered(relay: T, answer: RouteAnswer): void {
    if ("failure" in answer) this.failed(relay, answer.failure);
    else {
      this.delete(relay);
      relay.routed(answer);
    }
  }

  private failed(relay: T, why: string): void {
    this.delete(relay);
    this.routing.routeFailed(this.listener, why);
    relay.unrouted();
  }
}
