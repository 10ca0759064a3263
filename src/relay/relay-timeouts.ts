import { type Address, formatAddress } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import { Deadlines } from "../base/deadlines.ts";
import type { Reason } from "../base/reason.ts";
import type { ListenerOptions } from "../config/options.ts";
import type { Admission } from "../entry/admission.ts";

import { Entering, type Guest } from "../entry/entering.ts";
import { InSteps, type Stepping } from "../entry/in-steps.ts";
import { Asking, inOrder, type Noted, whereabouts } from "../entry/order.ts";
import { Refusal, type Refused } from "../entry/refusal.ts";
import type { Stage } from "../entry/stage.ts";
import type { StepPlan } from "../entry/step.ts";
import { RelayPhase } from "../flow/relay.ts";
import type { Choice, UpstreamChooser } from "../upstream/chooser.ts";
import { ATTEMPT_DELAY_MS } from "../upstream/names/happy-eyeballs.ts";
import type { Drainable } from "./ending/drain.ts";
import { type Entrant, EntryQueue } from "./entry-queue.ts";
import { Idleness, type IdleTimed, idleLooks, LOOKS } from "./idle-looks.ts";
import { keepAliveAfterMs } from "./keep-alive.ts";
import type { ListenerAccount } from "./ledger/account.ts";
import { sharedLocal } from "./local-address.ts";
import type { Mirror } from "./mirror/mirror.ts";
import type { Outsiders, Row } from "./outsiders.ts";
import { Pacer } from "./pacer.ts";
import { type Routed, RouteQuestions, type Routing } from "./route-questions.ts";
import { type Waiter, WaitingRoom } from "./waiting-room.ts";

/** Milliseconds between two looks at whether a kernel has sent the last bytes before a reset. */
const LINGER_LOOK_MS = 10;

/** Milliseconds without progress after which a relay with a reset end is given up. */
const STALL_TIMEOUT_MS = 2_000;

/** Relays live so much of their lifetime longer or shorter, so that they do not all end at once. */
const LIFETIME_JITTER = 0.1;
/** How often and how many times is looked whether nothing of an old relay is on its way. */
const RETIRE_MS = 50;
const RETIRE_TRIES = 20;

/** A relay, as far as time can end it. */
export interface Timed
  extends Waiter,
    Routed,
    IdleTimed,
    Entrant,
    Stepping,
    Guest,
    Refused,
    Noted,
    Pick<Drainable, "isCarrying" | "awaitsAnswer" | "retire"> {
  /** Its number, never used again. */
  readonly id: number;
  readonly relay: { readonly reason: Reason | null; readonly phase: RelayPhase };
  /** Why it may not be; null when it may. */
  readonly refusedFor: Reason | null;
  /** It has sent bytes that nobody has looked at yet, of those that steps are to read. */
  readonly hasUnread: boolean;
  /** How many times in a row, this one included, not a byte had moved since this was asked before. */
  stalled(): number;
  /** Ends it now. */
  terminate(reason: Reason): void;
  /** Looks whether the last bytes before a reset have left. */
  linger(): void;
  /** From now on the kernel finds out when an end is gone without a word. */
  keepAlive(): void;
}

/** Who dials for relays. */
export interface TimedDialer<T> {
  /** The dial was not answered in time. */
  timedOut(relay: T): void;
  /** The attempts of its dial have had their time: the next address is tried beside them. */
  attemptDue(relay: T): void;
}

/** What the relays of one listener share. */
export interface RelayParts<T extends Timed> {
  readonly options: ListenerOptions;
  /** Where its relays are counted. */
  readonly account: ListenerAccount;
  /** Chooses their upstreams, and those of relays that wait. */
  readonly chooser: UpstreamChooser;
  /** Whose place it takes; null for nobody's. */
  readonly before: RelayTimeouts<T> | null;
  /** What their clients go through before the first bytes, in this order. */
  readonly steps: readonly StepPlan[];
  /** So many clients may be in their steps before the oldest one has to go, at least 1. */
  readonly inStepsMax: number;
  /** Lets their clients in; null for everybody. */
  readonly admission: Admission | null;
  /** Gets copies of them; null for nobody. */
  readonly mirror: Mirror | null;
  /** The engine's clients that were not let in. */
  readonly outsiders: Outsiders<T>;
  /** By whom route functions are asked. */
  readonly routing: Routing;
  /** Their time. */
  readonly clock: Clock;
}

/** What the relays of one listener wait for, whatever the engine: a queue for each span of time. */
export class RelayTimeouts<T extends Timed> {
  /**
   * Relays too young for keep-alive, which does nothing before a minute of silence: several system
   * calls less for each relay that is over by then.
   */
  readonly young: Deadlines<T>;
  private readonly ages: boolean;
  /** Relays whose upstream has not answered yet. */
  readonly dialing: Deadlines<T>;
  /** Relays whose dial tries another address soon, unless one of those before it answers. */
  readonly racing: Deadlines<T>;
  /** Relays of which one source has ended. */
  readonly halfClosed: Deadlines<T>;
  /** Relays of which one end was reset. */
  readonly wasReset: Deadlines<T>;
  /** Relays whose last bytes must leave the kernel before their target is reset. */
  readonly lingering: Deadlines<T>;
  /** Relays whose next look for movement is due; of those with an idle timeout. */
  readonly idle: Deadlines<T>;
  /** The same for what comes from one side alone. */
  readonly clientIdle: Deadlines<T>;
  readonly upstreamIdle: Deadlines<T>;
  /** Relays that are not old yet; of those with a lifetime. */
  readonly aging: Deadlines<T>;
  /** What happens to its clients before their upstream is dialled. */
  readonly stages: readonly Stage<T>[];
  /** Has clients go through its steps, and knows those that are in one. */
  readonly inSteps: InSteps<T>;
  readonly refusal: Refusal<T>;
  /** Relays that may not be, and wait in vain. */
  readonly tarpit: Row<T>;
  /** Relays for which the listener's route function was asked; null without one. */
  readonly routes: RouteQuestions<T> | null;
  /** Its clients for which there is no room yet. */
  readonly entry: EntryQueue<T>;
  /** Who chooses upstreams, and the relays that wait until there is one for them. */
  readonly choice: Choice;
  readonly waiting: WaitingRoom<T>;
  /** How fast flows may be; null where they have no limit. */
  readonly paces: { readonly up: Pacer | null; readonly down: Pacer | null };
  /** Where all of its clients connect to; null when each has to be asked for. */
  readonly local: Address | null;

  readonly options: ListenerOptions;
  readonly account: ListenerAccount;
  readonly admission: Admission | null;
  readonly mirror: Mirror | null;
  readonly clock: Clock;

  constructor(parts: RelayParts<T>, dialer: TimedDialer<T>) {
    const { options, account, chooser, before, admission, outsiders, routing, clock } = parts;
    this.options = options;
    this.account = account;
    this.admission = admission;
    this.mirror = parts.mirror;
    this.clock = clock;
    this.local = sharedLocal(options.address);
    const queue = (spanMs: number, onExpired: (relay: T) => void) =>
      new Deadlines<T>(spanMs, onExpired, clock);
    this.young = queue(keepAliveAfterMs(options), (one) => one.keepAlive());
    this.ages = keepAliveAfterMs(options) > 0;
    this.dialing = queue(options.connectTimeoutMs, (one) => dialer.timedOut(one));
    this.racing = queue(ATTEMPT_DELAY_MS, (one) => dialer.attemptDue(one));
    this.halfClosed = queue(options.halfCloseTimeoutMs / LOOKS, (one) => {
      if (one.stalled() >= LOOKS) one.terminate("half_close_timeout");
      else this.halfClosed.add(one);
    });
    this.wasReset = queue(STALL_TIMEOUT_MS, (one) => {
      if (one.stalled() > 0) one.terminate(one.relay.reason ?? "client_reset");
      else this.wasReset.add(one);
    });
    this.lingering = queue(LINGER_LOOK_MS, (one) => one.linger());
    const idle = (spanMs: number, which: Idleness, reason: Reason) =>
      idleLooks<T>(spanMs, which, reason, clock);
    this.idle = idle(options.idleTimeoutMs, Idleness.Both, "idle_timeout");
    const { clientIdleTimeoutMs, upstreamIdleTimeoutMs } = options;
    this.clientIdle = idle(clientIdleTimeoutMs, Idleness.Client, "client_idle_timeout");
    this.upstreamIdle = idle(upstreamIdleTimeoutMs, Idleness.Upstream, "upstream_idle_timeout");
    this.aging = queue(options.lifetimeMs * (1 - LIFETIME_JITTER), (one) => {
      const { id } = one;
      const later = Math.random() * LIFETIME_JITTER * options.lifetimeMs;
      clock.alarm(later, () => this.end(one, id, RETIRE_TRIES));
    });
    const { refusal, upRate, downRate } = options.edge;
    this.paces = { up: Pacer.of(upRate, clock), down: Pacer.of(downRate, clock) };
    this.inSteps = new InSteps<T>(parts.steps, parts.inStepsMax, (spanMs, onLate) =>
      outsiders.unheardRow(queue(spanMs, onLate)),
    );
    const tarpitMs = typeof refusal === "object" ? refusal.tarpitMs : 1;
    this.tarpit = outsiders.refusedRow(
      queue(tarpitMs, (one) => one.terminate(one.refusedFor ?? "access_denied")),
    );
    const { route, upstreams } = options;
    const names = () => upstreams.map(({ address }) => formatAddress(address));
    const states = () => chooser.states;
    this.routes =
      route === null
        ? null
        : new RouteQuestions<T>(route, account.name, names(), states, routing, clock);
    const choice = before?.choice ?? { chooser };
    choice.chooser = chooser;
    this.choice = choice;
    this.waiting = before?.waiting ?? roomOf(choice, clock);
    this.entry = before?.entry ?? new EntryQueue<T>(admission, outsiders, clock);
    this.entry.admission = admission;
    this.refusal = new Refusal<T>(refusal, this.tarpit);
    const isTold =
      this.routes !== null || options.edge.sendProxyProtocol !== "off" || this.local === null;
    this.stages = inOrder<T>({
      steps: parts.steps.length === 0 ? null : this.inSteps,
      admission: admission === null ? null : new Entering(admission, this.entry, options, account),
      whereabouts: isTold ? whereabouts : null,
      route: this.routes === null ? null : new Asking<T>(this.routes),
    });
  }

  /** A relay begins. */
  begin(relay: T): void {
    const { options } = this;
    if (this.ages) this.young.add(relay);
    if (options.idleTimeoutMs > 0) this.idle.add(relay);
    if (options.clientIdleTimeoutMs > 0) this.clientIdle.add(relay);
    if (options.upstreamIdleTimeoutMs > 0) this.upstreamIdle.add(relay);
    if (options.lifetimeMs > 0) this.aging.add(relay);
  }

  /** Ends a relay that is old: when nothing of it is on its way, as far as that can be waited for. */
  private end(relay: T, id: number, tries: number): void {
    if (relay.id !== id || relay.relay.phase === RelayPhase.Free) return;
    const { isCarrying, awaitsAnswer } = relay;
    if (!isCarrying && (!awaitsAnswer || tries === 0)) relay.retire("lifetime");
    else if (tries === 0) relay.terminate("lifetime");
    else this.clock.alarm(RETIRE_MS, () => this.end(relay, id, tries - 1));
  }

  /** A relay is over: it waits for nothing any more. */
  forget(relay: T): void {
    this.waiting.delete(relay);
    this.entry.delete(relay);
    this.young.delete(relay);
    this.idle.delete(relay);
    this.clientIdle.delete(relay);
    this.upstreamIdle.delete(relay);
    this.aging.delete(relay);
    this.inSteps.delete(relay);
    this.routes?.delete(relay);
    this.tarpit.delete(relay);
    this.dialing.delete(relay);
    this.halfClosed.delete(relay);
    this.wasReset.delete(relay);
    this.lingering.delete(relay);
  }
}

/** It outlives the listener that it was made for, and so must not know it. */
function roomOf<T extends Waiter>(choice: Choice, clock: Clock): WaitingRoom<T> {
  return new WaitingRoom<T>(() => choice.chooser.isFull, clock);
}
