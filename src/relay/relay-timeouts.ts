import type { Address } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import { Deadlines } from "../base/deadlines.ts";
import { ipKind } from "../base/ip.ts";
import type { Reason } from "../base/reason.ts";
import type { ListenerOptions } from "../config/options.ts";
import type { Admission } from "../entry/admission.ts";
import { ByHello, type Greeted } from "../entry/by-hello.ts";
import { Entering, type Guest } from "../entry/entering.ts";
import { type Handshaker, Handshaking } from "../entry/handshaking.ts";
import { InSteps, type Stepping } from "../entry/in-steps.ts";
import { Asking, inOrder, type Noted, whereabouts } from "../entry/order.ts";
import { Refusal, type Refused } from "../entry/refusal.ts";
import type { Stage } from "../entry/stage.ts";
import type { StepPlan } from "../entry/step.ts";
import type { RouteTable } from "../entry/tls-hello/routes.ts";
import { RelayPhase } from "../flow/relay.ts";
import type { UpstreamChooser } from "../upstream/chooser.ts";
import { ATTEMPT_DELAY_MS } from "../upstream/names/happy-eyeballs.ts";
import { type Branch, Branches, type RouteChooser } from "./branch.ts";
import type { Drainable } from "./ending/drain.ts";
import { type Entrant, EntryQueue } from "./entry-queue.ts";
import { Idleness, type IdleTimed, idleLooks, LOOKS } from "./idle-looks.ts";
import { keepAliveAfterMs } from "./keep-alive.ts";
import type { ListenerAccount } from "./ledger/account.ts";
import type { Mirror } from "./mirror/mirror.ts";
import type { Outsiders, Row } from "./outsiders.ts";
import { Pacer } from "./pacer.ts";
import { type Routed, RouteQuestions, type Routing } from "./route-questions.ts";
import type { Waiter } from "./waiting-room.ts";

/** Interval of the checks whether the kernel has sent the last bytes before a reset. */
const LINGER_LOOK_MS = 10;

/** A relay with a reset end is given up after this much time without progress. */
const STALL_TIMEOUT_MS = 2_000;

/** Lifetimes vary by this share, so that relays do not all end at once. */
const LIFETIME_JITTER = 0.1;
/** Interval and number of the checks whether an old relay has become idle. */
const RETIRE_MS = 50;
const RETIRE_TRIES = 20;

/** `0.0.0.0`, `::` and `::ffff:0.0.0.0`, however they are written. */
const WILDCARD = /^(0\.0\.0\.0|[:0]+(ffff:(0\.0\.0\.0|0+:0+))?(%.*)?)$/i;

/** The part of a relay that timeouts and queues use. */
export interface Timed
  extends Waiter,
    Routed,
    IdleTimed,
    Entrant,
    Stepping,
    Guest,
    Refused,
    Noted,
    Handshaker,
    Greeted,
    Pick<Drainable, "isCarrying" | "awaitsAnswer" | "retire"> {
  /** Its number, never used again. */
  readonly id: number;
  /** Where it looks for an upstream, or waits for one. */
  readonly branch: Routed["branch"] & { readonly waiting: { delete(relay: never): void } };
  readonly relay: { readonly reason: Reason | null; readonly phase: RelayPhase };
  /** Why its client was refused; null if it was not. */
  readonly refusedFor: Reason | null;
  /** It has sent bytes that its steps have not read yet. */
  readonly hasUnread: boolean;
  /** How many checks in a row, this one included, found that no byte had moved. */
  stalled(): number;
  /** Ends it now. */
  terminate(reason: Reason): void;
  /** Checks whether the last bytes before a reset have left. */
  linger(): void;
  /** Makes the kernel detect ends that have vanished. */
  keepAlive(): void;
}

/** The dialer, as far as time concerns it. */
export interface TimedDialer<T> {
  /** The dial has timed out. */
  timedOut(relay: T): void;
  /** The dial's attempts are slow: the next address is tried in parallel. */
  attemptDue(relay: T): void;
}

/** What the relays of one listener share. */
export interface RelayParts<T extends Timed> {
  readonly options: ListenerOptions;
  readonly account: ListenerAccount;
  readonly chooser: UpstreamChooser;
  /** Finds routes by what clients say in their hellos; null where nobody asks them. */
  readonly routeTable: RouteTable | null;
  /** Those who choose for routes to some of its upstreams. */
  readonly routed: readonly RouteChooser[];
  /** The listener that it replaces, if any. */
  readonly before: RelayTimeouts<T> | null;
  /** The steps of their clients, in order. */
  readonly steps: readonly StepPlan[];
  /** The most clients in steps before the oldest has to go, at least 1. */
  readonly inStepsMax: number;
  /** Null if every client is admitted. */
  readonly admission: Admission | null;
  readonly mirror: Mirror | null;
  /** The engine's clients that were not admitted. */
  readonly outsiders: Outsiders<T>;
  /** Asks route functions. */
  readonly routing: Routing;
  readonly clock: Clock;
}

/** What the relays of one listener wait for, in any engine: a queue for each span of time. */
export class RelayTimeouts<T extends Timed> {
  /** Relays too young for keep-alive. Short relays are spared its system calls. */
  readonly young: Deadlines<T>;
  private readonly ages: boolean;
  /** Relays whose upstream has not answered yet. */
  readonly dialing: Deadlines<T>;
  /** Relays whose dial soon tries another address in parallel. */
  readonly racing: Deadlines<T>;
  /** Relays with one source that has ended. */
  readonly halfClosed: Deadlines<T>;
  /** Relays with one end that was reset. */
  readonly wasReset: Deadlines<T>;
  /** Relays whose last bytes must leave the kernel before their target is reset. */
  readonly lingering: Deadlines<T>;
  /** Relays with an idle timeout. */
  readonly idle: Deadlines<T>;
  /** The same for traffic of one side only. */
  readonly clientIdle: Deadlines<T>;
  readonly upstreamIdle: Deadlines<T>;
  /** Relays with a lifetime that is not over. */
  readonly aging: Deadlines<T>;
  /** The stages of its clients. */
  readonly stages: readonly Stage<T>[];
  /** The stage of its steps, with the clients in them. */
  readonly inSteps: InSteps<T>;
  /** Has clients finish their TLS handshake; null where none ends here. */
  readonly handshaking: Handshaking<T> | null;
  readonly refusal: Refusal<T>;
  /** Refused clients that are left to wait. */
  readonly tarpit: Row<T>;
  /** The relays that wait for the listener's route function; null without one. */
  readonly routes: RouteQuestions<T> | null;
  /** The clients that wait for room. */
  readonly entry: EntryQueue<T>;
  /** Who chooses upstreams, and the relays that wait for one. */
  readonly branches: Branches<T>;
  /** The rate limits of flows; null without a limit. */
  readonly paces: { readonly up: Pacer | null; readonly down: Pacer | null };
  /** The address that all its clients connect to; null if it may differ. */
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
    const { tls } = options;
    this.handshaking =
      tls === null
        ? null
        : new Handshaking<T>((onLate) =>
            outsiders.unheardRow(queue(tls.handshakeTimeoutMs, onLate)),
          );
    const tarpitMs = typeof refusal === "object" ? refusal.tarpitMs : 1;
    this.tarpit = outsiders.refusedRow(
      queue(tarpitMs, (one) => one.terminate(one.refusedFor ?? "access_denied")),
    );
    const { route } = options;
    this.routes =
      route === null ? null : new RouteQuestions<T>(route, account.name, routing, clock);
    this.branches = new Branches<T>(chooser, parts.routed, before?.branches ?? null, clock);
    this.entry = before?.entry ?? new EntryQueue<T>(admission, outsiders, clock);
    this.entry.admission = admission;
    this.refusal = new Refusal<T>(refusal, this.tarpit);
    const isTold =
      this.routes !== null || options.edge.sendProxyProtocol !== "off" || this.local === null;
    this.stages = inOrder<T>({
      steps: parts.steps.length === 0 ? null : this.inSteps,
      admission: admission === null ? null : new Entering(admission, this.entry, options, account),
      handshake: this.handshaking,
      whereabouts: isTold ? whereabouts : null,
      byHello: parts.routeTable === null ? null : new ByHello<T>(parts.routeTable),
      route: this.routes === null ? null : new Asking<T>(this.routes),
    });
  }

  /** Where all of its clients go, but for those of a route to some of its upstreams. */
  get main(): Branch<T> {
    return this.branches.main;
  }

  /** What room there is now is for those who wait, before anybody comes. */
  serve(): void {
    this.branches.serve();
    this.entry.serve();
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

  /** Ends an old relay as soon as it is idle, or after the last try. */
  private end(relay: T, id: number, tries: number): void {
    if (relay.id !== id || relay.relay.phase === RelayPhase.Free) return;
    const { isCarrying, awaitsAnswer } = relay;
    if (!isCarrying && (!awaitsAnswer || tries === 0)) relay.retire("lifetime");
    else if (tries === 0) relay.terminate("lifetime");
    else this.clock.alarm(RETIRE_MS, () => this.end(relay, id, tries - 1));
  }

  /** A relay is over: removes it from all queues. */
  forget(relay: T): void {
    relay.branch.waiting.delete(relay as never);
    this.entry.delete(relay);
    this.young.delete(relay);
    this.idle.delete(relay);
    this.clientIdle.delete(relay);
    this.upstreamIdle.delete(relay);
    this.aging.delete(relay);
    this.inSteps.delete(relay);
    this.handshaking?.delete(relay);
    this.routes?.delete(relay);
    this.tarpit.delete(relay);
    this.dialing.delete(relay);
    this.halfClosed.delete(relay);
    this.wasReset.delete(relay);
    this.lingering.delete(relay);
  }
}

/**
 * The address that all clients of a listener connect to. Null if it may differ: the listener's
 * address is a wildcard or a name, or the system chose its port.
 */
function sharedLocal(listener: Address): Address | null {
  if (listener.kind === "unix") return listener;
  const { host, port } = listener;
  return ipKind(host) === 0 || port === 0 || WILDCARD.test(host) ? null : listener;
}
