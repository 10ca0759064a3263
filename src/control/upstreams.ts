import { assert } from "../assert.ts";
import { type Address, formatAddress } from "../base/address.ts";
import { cleanUpOrThrow } from "../base/clean-up.ts";
import { type LoopClock, systemClock } from "../base/clock.ts";
import { type Reason, Side, sideOf } from "../base/reason.ts";
import type { ListenerOptions, UpstreamOptions, WantedListener } from "../config/options.ts";
import type { ProxyEvent } from "../relay/events.ts";
import { nameOfListener } from "../relay/ledger/account.ts";
import type { Observer } from "../relay/observer.ts";
import { descriptorBudget } from "../system/descriptors.ts";
import { Checker } from "../upstream/health/checker.ts";
import type { Literals } from "../upstream/health/lookup.ts";
import type { HealthEvent } from "../upstream/health/monitor.ts";
import { probe } from "../upstream/health/probe.ts";
import type { HostAddress } from "../upstream/names/resolver.ts";
import { UpstreamTable } from "../upstream/table.ts";
import { AnsweredDials } from "./answered-dials.ts";
import { hostsToCheck, wellAmong } from "./checked-hosts.ts";
import { type DropRelays, Endings } from "./endings.ts";
import { Entries } from "./entries.ts";
import { type Entry, healthFor, keyOf, mirrorsOf, placesOf } from "./entry.ts";
import { type NamesParts, UpstreamNames } from "./names.ts";
import { Openings } from "./openings.ts";
import { homesOf, keyed } from "./plan.ts";
import { asksForPrimary, Primaries } from "./primaries.ts";
import { Rows } from "./rows.ts";
import type { Next, Part, Stage } from "./stage.ts";
import { type AdminState, type UpstreamView, viewOf } from "./upstream-view.ts";
import { Weights } from "./weights.ts";

export type { AdminState, UpstreamView } from "./upstream-view.ts";

/**
 * The upstreams of all listeners in the control plane: their rows in the table that workers choose
 * from, their health, and what administrators have set. An upstream that stays with its listener
 * keeps all of it across reloads.
 */
export class Upstreams implements Part {
  readonly table: UpstreamTable;
  /** Their host names, kept resolved. */
  readonly names: UpstreamNames;
  private readonly entries = new Entries();
  /** The current listeners, with their services' members. */
  private held: readonly ListenerOptions[] = [];
  private homes: ReadonlyMap<string, string> = new Map();
  /** The table's rows, also for limits that are no upstreams. */
  readonly rows: Rows;
  private readonly primaries: Primaries;
  private readonly weights: Weights;
  private readonly openings: Openings;
  private readonly endings: Endings;
  private readonly answered: AnsweredDials;
  private readonly refreshService: NamesParts["refreshService"];
  private readonly checker: Checker;
  private isStopped = false;

  /** The mirrors of all listeners: they have no row, but their names are kept resolved. */
  private mirrors: readonly Address[] = [];

  constructor(
    workers: number,
    private readonly observer: Observer,
    drop: DropRelays,
    names: NamesParts = {},
    readonly clock: LoopClock = systemClock,
  ) {
    this.table = new UpstreamTable(workers);
    this.rows = new Rows(this.table);
    this.refreshService = names.refreshService;
    this.names = new UpstreamNames(observer, {
      ...names,
      wellOf: (...asked) => this.wellOf(...asked),
      onChange: (name) => this.nameChanged(name),
    });
    const listener = {
      onEvent: (key: string, event: HealthEvent) => this.healthChanged(key, event),
      onAddress: (key: string, address: string, event: HealthEvent) =>
        this.addressChanged(key, address, event),
      onNews: (key: string) => this.checked(key),
      onFailed: (key: string) => this.checkFailed(key),
    };
    this.checker = new Checker(listener, {
      // Messages and certificates still use the name.
      probe: (address, options, signal, host) =>
        probe(address, options, this.literalsOf(host), signal),
      runningMax: descriptorBudget().checks,
    });
    const { entries, table, checker } = this;
    this.primaries = new Primaries(entries, checker, observer);
    this.weights = new Weights(entries, table, clock);
    this.answered = new AnsweredDials(entries, table, checker, clock);
    this.endings = new Endings(checker, drop);
    const onLooked = (home: string, held: readonly Entry[]) =>
      this.endings.lookForPrimary(home, held);
    this.openings = new Openings({ entries, table, checker, observer, clock, onLooked });
  }

  /**
   * Adds the new upstreams of these listeners. Existing ones change only at the commit.
   *
   * @throws ConfigError if there are more upstreams than rows
   */
  stage(next: Next): Stage {
    const before = this.held;
    const discard = () => void this.retain(before);
    const { expanded } = next;
    try {
      next.adopted = keyed(this.adopt(expanded));
    } catch (error) {
      discard();
      throw error;
    }
    const commit = () => {
      this.held = expanded;
      next.relaysEnding = this.retain(expanded);
    };
    return { commit, discard };
  }

  /** @returns the listeners for an engine: each upstream with its row */
  private adopt(listeners: readonly ListenerOptions[]): ListenerOptions[] {
    // The current mirrors stay, in case this is discarded.
    this.mirrors = [...this.mirrors, ...mirrorsOf(listeners)];
    const homes = homesOf(listeners, this.homes, upstreamsIn);
    const adopted = [...keyed(listeners)].map(([key, listener]) => {
      const home = homes.get(key) ?? key;
      const joins = [false, true].map((isBackup) => this.isAnyWell(home, isBackup));
      // Engines need no checks, and threads cannot be sent their patterns.
      const upstreams = listener.upstreams.map((options) => {
        const { check: _, onDown: __, ...others } = options;
        const joinsOthers = joins[Number(options.isBackup)] === true;
        return { ...others, slot: this.slotFor(home, listener, options, joinsOthers) };
      });
      return { ...listener, upstreams, health: { ...listener.health, check: null } };
    });
    this.look();
    return adopted;
  }

  /**
   * Replaces the current listeners: upstreams that stay get their new options, all others are
   * removed.
   *
   * @returns how many relays end with removed upstreams
   */
  private retain(listeners: readonly ListenerOptions[]): number {
    this.mirrors = mirrorsOf(listeners);
    this.homes = homesOf(listeners, this.homes, upstreamsIn);
    const wanted = new Set<Entry>();
    for (const [key, listener] of keyed(listeners)) {
      for (const options of listener.upstreams) {
        const entry = this.entries.get(keyOf(this.homes.get(key) ?? key, options.address));
        assert(entry !== undefined, "what is retained was adopted");
        const { slot } = entry.options;
        const health = healthFor(listener, options);
        const name = nameOfListener(listener, listener.address);
        const mayStay =
          (entry.health.onDown !== null && health.onDown === null) ||
          (entry.health.onUp !== null && health.onUp === null);
        Object.assign(entry, { listener: name, health, options: { ...options, slot } });
        if (mayStay) this.endings.spare(entry);
        this.weights.weigh(entry);
        wanted.add(entry);
      }
    }
    const left = new Set(Array.from(wanted, ({ home }) => home));
    let ending = 0;
    for (const entry of this.entries.values()) {
      if (wanted.has(entry)) continue;
      ending += this.endingWith(entry);
      this.remove(entry, left.has(entry.home));
    }
    for (const part of [this.openings, this.primaries, this.endings]) part.keep(left);
    const newcomers = [...wanted].filter(({ isHeld }) => !isHeld);
    for (const entry of newcomers) this.hold(entry);
    this.look();
    this.primaries.lookAgain(newcomers);
    return ending;
  }

  /**
   * How many relays a reload to these listeners would end: those of removed upstreams, if
   * `onRemove` says so.
   */
  endingWithout(listeners: readonly ListenerOptions[]): number {
    const homes = homesOf(listeners, this.homes, upstreamsIn);
    const wanted = new Set(
      [...keyed(listeners)].flatMap(([key, { upstreams }]) =>
        upstreams.map(({ address }) => keyOf(homes.get(key) ?? key, address)),
      ),
    );
    let ending = 0;
    for (const entry of this.entries.values()) {
      if (!wanted.has(entry.key)) ending += this.endingWith(entry);
    }
    return ending;
  }

  /** How many relays end if this upstream is removed. */
  private endingWith({ health, options }: Entry): number {
    return health.onRemove === null ? 0 : this.table.running(options.slot);
  }

  /** All current upstreams, in order of arrival. */
  views(): UpstreamView[] {
    return Array.from(
      this.entries.values().filter(({ isHeld }) => isHeld),
      (entry) => viewOf(entry, this.checker.view(entry.key), this),
    );
  }

  /** Sets what an administrator wants. @returns false if there is no such upstream */
  set(id: number, { state, weight }: { state?: AdminState; weight?: number | null }): boolean {
    const entry = this.entries.at(id);
    if (entry === undefined) return false;
    if (weight !== undefined) entry.weight = weight;
    if (state !== undefined && state !== entry.state) {
      // It may have changed in maintenance, so it starts like a new one.
      if (entry.state === "maintenance") {
        this.weights.rise(entry);
        entry.joinsOthers = this.isAnyWell(entry.home, entry.options.isBackup);
      }
      entry.state = state;
      entry.stateSince = this.clock.now();
      this.endings.spare(entry);
      this.check();
    }
    this.weights.weigh(entry);
    this.openings.look();
    return true;
  }

  /** The name of the listener that has this upstream; undefined if none has it any more. */
  listenerOf(slot: number): string | undefined {
    return this.entries.at(slot)?.listener;
  }

  /** Notes a failed dial that a worker has reported. */
  dialFailed(slot: number, reason: Reason): void {
    const entry = this.entries.at(slot);
    // Other failures, such as running out of descriptors, are not the upstream's fault.
    if (entry === undefined || sideOf(reason) !== Side.Upstream) return;
    // An answer since the last failure came before this failure.
    this.answered.hear(entry);
    this.lookUpAgain(entry);
    this.checker.dialFailed(entry.key);
  }

  /** Looks up a mirror that could not be reached. @param name its configured address */
  mirrorFailed(name: string): void {
    for (const address of this.mirrors) {
      if (formatAddress(address) === name) this.names.refresh(address);
    }
  }

  /** Looks up the names of an upstream that failed: they may have other addresses by now. */
  private lookUpAgain(entry: Entry): void {
    for (const address of placesOf(entry)) this.names.refresh(address);
    const { service } = entry.options;
    if (service !== undefined) this.refreshService?.(service);
  }

  /** Takes back what a failed worker had counted. @param worker 0, 1, 2… */
  workerFailed(worker: number): void {
    this.table.forget(worker);
  }

  /** Stops all checks and reports. May be called again. */
  stop(): void {
    this.isStopped = true;
    const parts = [this.names, this.checker, this.openings, this.weights, this.answered];
    cleanUpOrThrow(parts.map((part) => () => part.stop()));
  }

  /** The row of an upstream; a new upstream gets one. */
  private slotFor(
    home: string,
    listener: ListenerOptions,
    options: UpstreamOptions,
    joinsOthers: boolean,
  ): number {
    const key = keyOf(home, options.address);
    const known = this.entries.get(key);
    if (known !== undefined) return known.options.slot;
    const slot = this.rows.take();
    const entry: Entry = {
      key,
      home,
      listener: nameOfListener(listener, listener.address),
      options: { ...options, slot },
      health: healthFor(listener, options),
      state: "ready",
      stateSince: this.clock.now(),
      weight: null,
      risingSince: null,
      joinsOthers,
      isHeld: false,
      untold: [],
    };
    this.table.reset(slot, options.weight);
    this.entries.add(entry);
    return slot;
  }

  /** Resolves, checks and opens the current upstreams. */
  private look(): void {
    // A reload may have been in progress during the stop.
    if (this.isStopped) return;
    const places = [...this.entries.values()].flatMap(placesOf);
    this.names.set([...places, ...this.mirrors]);
    this.check();
    this.openings.look();
  }

  /** Has the checker watch all upstreams except those in maintenance. */
  private check(): void {
    if (this.isStopped) return;
    const checked = [...this.entries.values()].filter(({ state }) => state !== "maintenance");
    this.checker.setUpstreams(
      checked.map(({ key, options, health }) => ({
        name: key,
        address: options.address,
        ...health,
        hosts: hostsToCheck(options.address, health.check, this.names),
      })),
    );
  }

  /** How a check finds its address: one address of a name, or any of them (null). */
  private literalsOf(host: string | null): Literals {
    return host === null ? this.names.literals : this.names.literalsAt(host);
  }

  /** Has the new addresses of a name checked before they get relays. */
  private nameChanged(name: string): void {
    if (this.isStopped) return;
    for (const { key, options, health } of this.entries.named(name)) {
      this.checker.setHosts(key, hostsToCheck(options.address, health.check, this.names));
    }
  }

  /** Calls `tell` with the addresses of a name that relays to this upstream may use. */
  private wellOf(
    slot: number,
    addresses: readonly HostAddress[],
    tell: (well: readonly HostAddress[]) => void,
  ): void {
    const entry = this.entries.at(slot);
    if (entry === undefined) {
      tell(addresses);
      return;
    }
    this.checker.wellHosts(entry.key, (hosts) => {
      // In panic, checks are not trusted.
      const isAll = hosts === null || (hosts.length === 0 && this.openings.isInPanic(entry.home));
      tell(isAll ? addresses : wellAmong(addresses, hosts));
    });
  }

  /** Whether a check has passed at an upstream that a new one of this kind would join. */
  private isAnyWell(home: string, isBackup: boolean): boolean {
    return this.entries
      .values()
      .some(
        (one) =>
          one.home === home &&
          (isBackup || !one.options.isBackup) &&
          this.checker.hasPassed(one.key),
      );
  }

  private remove(entry: Entry, isListenerLeft: boolean): void {
    const { options, health, state } = entry;
    const { slot } = options;
    this.entries.remove(entry);
    this.rows.giveBack(slot);
    // A removed listener gets no new clients, but relays may still wait there. Nothing checks the
    // upstream for them, so they try it.
    const isTried = !isListenerLeft && state === "ready" && health.onRemove === null;
    this.table.setOpen(slot, isTried);
    this.endings.left(entry);
  }

  private healthChanged(key: string, event: HealthEvent): void {
    const { from, to, why, isUntried } = event;
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    const { listener, options } = entry;
    const upstream = formatAddress(options.address);
    const untried = isUntried === undefined ? {} : { isUntried };
    const what = { listener, upstream, from, to, why, ...untried };
    this.tell(entry, { event: "upstreamChanged", ...what });
    if (to === "up") {
      this.weights.rise(entry);
      this.endings.spare(entry);
    }
    this.weights.weigh(entry);
    this.openings.lookSoon();
    if (to === "ejected") this.answered.begin();
    if (to === "down") this.endings.fell(entry);
  }

  private addressChanged(key: string, address: string, { to, why }: HealthEvent): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    const { listener, options } = entry;
    const upstream = formatAddress(options.address);
    const what = { listener, upstream, address, isWell: to === "up", why };
    this.tell(entry, { event: "addressChanged", ...what });
  }

  /** Reports an event of an upstream, as soon as that is held. */
  private tell(entry: Entry, event: ProxyEvent): void {
    if (entry.isHeld) this.observer.on(event);
    else entry.untold.push(event);
  }

  /** Lets an upstream count and be shown. */
  private hold(entry: Entry): void {
    entry.isHeld = true;
    for (const event of entry.untold.splice(0)) this.observer.on(event);
  }

  /**
   * Reacts to news from a check. Must be cheap: at the start, each of thousands of upstreams has
   * some.
   */
  private checked(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    const { home } = entry;
    if (entry.joinsOthers) this.openings.look();
    else if (entry.health.onUp !== null) {
      this.endings.lookForPrimary(home, this.entries.heldBy(home));
    }
    if (asksForPrimary(entry)) this.primaries.look(home);
  }

  private checkFailed(key: string): void {
    const entry = this.entries.get(key);
    if (entry !== undefined) this.lookUpAgain(entry);
  }
}

/** Separates the ports of a range, which share a name but may have different upstreams. */
function upstreamsIn({ upstreams }: WantedListener): string {
  return upstreams.map(({ address }) => formatAddress(address)).join();
}
