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

/** A question to a listener's function. */
export interface RouteQuestion {
  readonly hook: Route | number;
  readonly connection: Connection;
  /** From then on nobody waits for the answer; milliseconds since 1970. */
  readonly until: number;
}

/**
 * Asks a function. The answer comes later and never within the call, or it does not come at all.
 *
 * @returns forgets the question: its answer is not given
 */
export type AskRoute = (
  question: RouteQuestion,
  answer: (answer: RouteAnswer) => void,
) => () => void;

/** What they need of their engine. */
export interface Routing {
  readonly askRoute: AskRoute;
  /** A relay gets what there is when its function fails. @param why in a few words */
  routeFailed(listener: string, why: string): void;
}

/** A relay, as far as a function decides about it. */
export interface Routed {
  /** What is asked. */
  readonly caller: Caller;
  /** Where its upstream is one of. */
  readonly branch: { readonly chooser: Pick<UpstreamChooser, "names" | "states"> };
  routed(choice: RouteChoice): void;
  /** There is no answer, or none that can be followed. */
  unrouted(): void;
}

/**
 * The relays of a listener that wait for what its function says. The time is kept here, beside the
 * relays: a function that keeps its own thread busy holds up nobody for longer than that.
 *
 * Owner: a listener.
 */
export class RouteQuestions<T extends Routed> {
  private readonly questions = new Map<T, { readonly forget: () => void }>();
  private readonly waiting: Deadlines<T>;

  /**
   * @param listener its name
   * @param clock its time
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

  /** Asks for a relay, which is told, unless it is {@link delete}d before. */
  ask(relay: T): void {
    const { hook, timeoutMs } = this.options;
    const { chooser } = relay.branch;
    const states = () => chooser.states;
    const connection = connectionOf(relay.caller, this.listener, chooser.names, states);
    const until = this.clock.wall() + timeoutMs;
    const forget = this.routing.askRoute({ hook, connection, until }, (answer) => {
      // The relay may be over, and another client's by now.
      if (this.questions.get(relay) === question) this.answered(relay, answer);
    });
    const question = { forget };
    this.questions.set(relay, question);
    this.waiting.add(relay);
  }

  /** A relay does not wait any more. */
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
