import type { Address } from "../base/address.ts";
import { forEach, type Step } from "../base/clean-up.ts";
import type { Clock } from "../base/clock.ts";
import type { BalanceOptions, ListenerOptions, UpstreamOptions } from "../config/options.ts";
import { Count } from "../counts/figures.ts";
import { Admission } from "../entry/admission.ts";
import { stepsOf } from "../entry/plans.ts";
import { RouteTable, upstreamsOf } from "../entry/tls-hello/routes.ts";
import type { Backlog } from "../memory/backlog.ts";
import { Descriptors } from "../system/descriptors.ts";
import { UpstreamChooser } from "../upstream/chooser.ts";
import type { ResolveName } from "../upstream/names/ask.ts";
import type { UpstreamTable } from "../upstream/table.ts";
import type { RouteChooser } from "./branch.ts";
import type { ConduitHost, ConduitListener } from "./conduit.ts";
import { type DialAttempt, Dialer, type Dialing } from "./dialer.ts";
import type { Selection } from "./ending/dropping.ts";
import { Ending } from "./ending/ending.ts";
import type { Kind, KindHost } from "./kind.ts";
import type { ListenerAccount } from "./ledger/account.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { Copies, type CopiesHost } from "./mirror/copies.ts";
import type { Copy } from "./mirror/copy.ts";
import type { MirrorDrop } from "./mirror/reason.ts";
import type { Observer } from "./observer.ts";
import { Outsiders } from "./outsiders.ts";
import { PATIENCE_LOOK_MS, PATIENCE_LOOKS } from "./policy.ts";
import type { RelayParts, RelayTimeouts, Timed } from "./relay-timeouts.ts";
import type { AskRoute, Routing } from "./route-questions.ts";
import type { Running } from "./running.ts";
import { type EngineShare, upstreamTableOf } from "./share.ts";

/** Why nobody is accepted for now. */
export type PauseCause = "descriptors" | "memory";

/** What carries a hall's relays. */
export interface HallCarrier<Relay> {
  /** Makes an attempt to connect, for a dial. @param address literal, or a path */
  newAttempt(relay: Relay, address: Address): DialAttempt;
  /** A copy for this backlog, for whichever relay. */
  newCopy(backlog: Backlog): Copy;
  /** All memory of that direction is held by slow targets. */
  isDry(direction: "up" | "down"): boolean;
  /** Stops accepting; clients wait in the kernel's queues. @returns whether that could be done */
  pause(cause: PauseCause): boolean;
  /** Nothing of its own keeps it from accepting again. */
  readonly mayResume: boolean;
  /** Accepts again. */
  resume(): void;
  /** What a stop waits for beside relays and copies: listeners that are open, attempts to connect. */
  readonly isQuiet: boolean;
  /** A stop is over, which has cut so many relays. */
  stopped(cut: number): void;
}

/** By what a hall tells and asks. */
export interface HallLinks {
  readonly observer: Observer;
  readonly resolve: ResolveName;
  readonly askRoute: AskRoute;
  readonly clock: Clock;
}

/** A listener of either engine, whose relays are these. */
type HallListener<Relay extends RelayOf> = ConduitListener & RelayTimeouts<Relay>;
/** What runs, waits, and dials. */
type RelayOf = Running & Timed & Dialing<unknown>;

/**
 * Where clients come in, and who is there: accepting and its pauses, the relays that run, how they end at a
 * stop. Owner: an engine, which carries them.
 */
export class Hall<Relay extends RelayOf, Listener extends HallListener<Relay>>
  implements ConduitHost<Relay>, CopiesHost, Routing, KindHost<Relay>
{
  readonly descriptors: Descriptors;
  readonly outsiders: Outsiders<Relay>;
  readonly copies: Copies;
  readonly dialer: Dialer<unknown, DialAttempt, Relay>;
  /** What is known of upstreams. */
  readonly table: UpstreamTable;
  /** Clients are accepted, as far as descriptors and memory go. */
  isAccepting = true;
  /** Nobody new is accepted, and what runs may finish. */
  isStopping = false;
  private readonly ending: Ending<Relay>;
  private isDry = false;
  /** The next look at who holds memory is due. */
  private isLooking = false;

  constructor(
    private readonly carrier: HallCarrier<Relay>,
    private readonly kind: Kind<Relay, Listener>,
    readonly ledger: Ledger<Relay>,
    share: EngineShare,
    private readonly links: HallLinks,
  ) {
    const { clock } = links;
    const opened = () => {
      if (!this.isAccepting) this.decide();
    };
    this.descriptors = new Descriptors(share, opened, undefined, clock);
    this.outsiders = new Outsiders(this.descriptors);
    this.table = upstreamTableOf(share);
    this.ending = new Ending(ledger.running, () => this.copies.cut(), clock);
    this.copies = new Copies(this, ledger, clock);
    this.dialer = new Dialer(this.descriptors, links.observer, links.resolve, (relay, address) =>
      carrier.newAttempt(relay, address),
    );
  }

  /**
   * What a listener's relays share.
   *
   * @param address the one that it really accepts on
   * @param before whose place it takes; null for nobody's
   */
  partsOf(options: ListenerOptions, address: Address, before: Listener | null): RelayParts<Relay> {
    const { descriptors, table } = this;
    const account = this.ledger.accountOf(options, address, before);
    const last = before?.main.choice.chooser ?? null;
    const { routes, upstreams, balance } = options;
    const routeTable = routes.length === 0 ? null : new RouteTable(routes);
    return {
      options,
      account,
      chooser: new UpstreamChooser(upstreams, balance, table, last),
      routeTable,
      routed: routedOf(options, (label, those) => {
        const last = before?.branches.of(label).choice.chooser ?? null;
        return new UpstreamChooser(those, balanceOf(balance, those), table, last);
      }),
      before,
      steps: stepsOf(options, routeTable),
      inStepsMax: descriptors.forUnknown,
      admission: Admission.of(options.edge, table, table.worker, this.links.clock),
      mirror: this.copies.mirrorOf(options, account.name, before?.mirror ?? null),
      outsiders: this.outsiders,
      routing: this,
      clock: this.links.clock,
    };
  }

  /** A client was accepted: its kind has something run for it. */
  accept(listener: Listener, connection: unknown): void {
    this.ending.begun(this.kind.accepted(connection, listener, this));
    if (this.copies.count > 0) this.copies.makeRoom();
  }

  begins(relay: Relay, account: ListenerAccount): number {
    return this.ledger.begins(relay, account);
  }

  started(relay: Relay): void {
    const { observer } = this.links;
    if (observer.wantsStarts) observer.on({ event: "relayStarted", relay: relay.summary() });
  }

  finished(relay: Relay): void {
    this.ending.ended(relay);
    this.links.observer.on({ event: "relayEnded", relay: this.ledger.ends(relay) });
    this.kind.over(relay);
    this.settleStop();
  }

  /** Opens or closes, as memory and descriptors are now. */
  decide(): void {
    if (this.isStopping) return;
    const { descriptors } = this;
    if (descriptors.tight) descriptors.look();
    const cause = this.isDry ? "memory" : descriptors.tight ? "descriptors" : null;
    if (cause !== null) this.pause(cause);
    else if (!this.isAccepting && this.carrier.mayResume && descriptors.ample) {
      this.isAccepting = true;
      this.carrier.resume();
      this.links.observer.on({ event: "acceptResumed" });
    }
  }

  /** Accepts nobody more until {@link decide} finds that all is well. */
  pause(cause: PauseCause): void {
    if (!this.isAccepting || this.isStopping || !this.carrier.pause(cause)) return;
    this.isAccepting = false;
    this.ledger.add(Count.acceptPauses);
    const relays = this.ledger.running.size;
    this.links.observer.on({ event: "acceptPaused", cause, relays });
  }

  /** Memory of some direction may have run out, or may be there again. */
  lookAtMemory(): void {
    const { carrier, links } = this;
    const isDry = carrier.isDry("up") || carrier.isDry("down");
    if (isDry === this.isDry) return;
    this.isDry = isDry;
    if (isDry) {
      links.observer.on({ event: "poolEmpty" });
      if (!this.isLooking) links.clock.alarm(PATIENCE_LOOK_MS, () => this.lookAtHolders());
      this.isLooking = true;
    } else links.observer.on({ event: "poolRefilled" });
    this.decide();
  }

  /** Ends a relay that somebody wants to be over. */
  cut(relay: number): void {
    this.ledger.find(relay)?.terminate("admin");
  }

  /** See {@link Engine.drop}. */
  drop(selection: Selection, withinMs: number | null): void {
    this.ending.drop(selection, withinMs);
  }

  /** Lets relays finish, now that no listener accepts any more; see {@link Engine.stop}. */
  stop(drainTimeoutMs: number): void {
    this.ending.stop(drainTimeoutMs);
    this.settleStop();
  }

  /** Tells when nothing is left after a stop. */
  settleStop(): void {
    if (!this.isStopping || this.ledger.running.size > 0 || !this.carrier.isQuiet) return;
    if (this.copies.count > 0) this.copies.hurry();
    else this.carrier.stopped(this.ending.cutCount);
  }

  /** Tells of relays that a defect of the engine has ended, of which nothing else tells any more. */
  *telling(): Iterable<Step> {
    const { ledger, links } = this;
    const running = () => ledger.running;
    yield* forEach(running, (relay) => relay.abandoned());
    yield* forEach(running, (relay) =>
      links.observer.on({ event: "relayEnded", relay: ledger.ends(relay) }),
    );
  }

  // --- for copies and listeners ---

  get resolve(): ResolveName {
    return this.links.resolve;
  }

  get askRoute(): AskRoute {
    return this.links.askRoute;
  }

  newCopy(backlog: Backlog): Copy {
    return this.carrier.newCopy(backlog);
  }

  mirrorDropped(drop: MirrorDrop): void {
    this.links.observer.on({ event: "mirrorDropped", ...drop });
  }

  noCopies(): void {
    this.settleStop();
  }

  routeFailed(listener: string, why: string): void {
    this.ledger.add(Count.routeFailures);
    this.links.observer.on({ event: "routeFailed", listener, why });
  }

  /**
   * While everybody waits for memory, whoever holds some and has not moved a byte for long is cut: a
   * few ends that never read must not stop all the others.
   */
  private lookAtHolders(): void {
    // Memory may run out many times a second: one row of looks is enough, and must be no faster.
    this.isLooking = this.isDry;
    if (!this.isDry) return;
    this.links.clock.alarm(PATIENCE_LOOK_MS, () => this.lookAtHolders());
    for (const direction of ["up", "down"] as const) {
      if (!this.carrier.isDry(direction)) continue;
      for (const relay of this.ledger.running) {
        if (relay.lookStill(direction) >= PATIENCE_LOOKS) relay.terminate("memory_limit");
      }
    }
  }
}

/** Who chooses for each route to some of a listener's upstreams. */
function routedOf(
  { routes, upstreams }: ListenerOptions,
  chooserOf: (label: string, those: readonly UpstreamOptions[]) => UpstreamChooser,
): RouteChooser[] {
  return routes.flatMap((route) => {
    if (route.upstreams === null || route.isRefused) return [];
    return [{ route, chooser: chooserOf(route.label, upstreamsOf(route, upstreams)) }];
  });
}

/** Between one there is no choice, for which a table of hashes would be made. */
function balanceOf(balance: BalanceOptions, those: readonly UpstreamOptions[]): BalanceOptions {
  return those.length > 1 ? balance : { ...balance, policy: "round-robin" };
}
