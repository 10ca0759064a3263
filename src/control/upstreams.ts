import { assert } from "../assert.ts";
import { formatAddress } from "../base/address.ts";
import { cleanUpOrThrow } from "../base/clean-up.ts";
import { type Reason, Side, sideOf } from "../base/reason.ts";
import { Recurring } from "../base/recurring.ts";
import type {
  Address,
  ListenerOptions,
  UpstreamOptions,
  WantedListener,
} from "../config/options.ts";
import { nameOfListener } from "../relay/ledger/account.ts";
import type { Observer } from "../relay/observer.ts";
import { descriptorBudget } from "../system/descriptors.ts";
import { Checker } from "../upstream/health/checker.ts";
import type { Literals } from "../upstream/health/lookup.ts";
import type { HealthEvent } from "../upstream/health/monitor.ts";
import { PanicWatch } from "../upstream/health/panic.ts";
import { probe } from "../upstream/health/probe.ts";
import { isName } from "../upstream/names/ask.ts";
import type { HostAddress } from "../upstream/names/resolver.ts";
import { UpstreamTable } from "../upstream/table.ts";
import { Backups } from "./backups.ts";
import { hostsToCheck, wellAmong } from "./checked-hosts.ts";
import { type Entry, healthFor, isWanted, keyOf, mirrorsOf, placesOf, weightOf } from "./entry.ts";
import { type NamesParts, UpstreamNames } from "./names.ts";
import { homesOf, keyed } from "./plan.ts";
import { asksForPrimary, Primaries, primariesOf } from "./primaries.ts";
import { Rows } from "./rows.ts";
import { type AdminState, type UpstreamView, viewOf } from "./upstream-view.ts";

export type { AdminState, UpstreamView } from "./upstream-view.ts";

/** Ends the relays of an upstream; see {@link Engine.drop}. */
export type DropRelays = (slot: number, withinMs: number | null) => void;

/** How often slowly starting upstreams get more weight. */
const RAMP_MS = 250;
/** How often is asked for answers of ejected upstreams. */
const ANSWERS_MS = 250;
/** With so much of its weight one that is up again begins. */
const RAMP_LEAST = 0.05;

/** With more upstreams than this what happens to one of them is told to workers after so long. */
const AT_ONCE_MAX = 1_024;
const OPEN_AFTER_MS = 100;

/**
 * The upstreams of all listeners as the control plane knows them: their rows in the table that the
 * workers choose from, their health and what an administrator wants. It outlives reloads: an upstream
 * that stays with its listener keeps everything.
 */
export class Upstreams {
  readonly table: UpstreamTable;
  /** Their host names, kept resolved. */
  readonly names: UpstreamNames;
  private readonly entries = new Map<string, Entry>();
  /** Of the listeners that {@link retain} was given last. */
  private homes: ReadonlyMap<string, string> = new Map();
  private readonly bySlot = new Map<number, Entry>();
  /** The table's rows; what is no upstream has some of them, too. */
  readonly rows: Rows;
  private readonly panics = new Map<string, PanicWatch>();
  /** Homes of listeners none of whose upstreams may get relays. */
  private readonly lacking = new Set<string>();
  private readonly primaries: Primaries;
  private readonly backups = new Backups();
  private readonly refreshService: NamesParts["refreshService"];
  private readonly checker: Checker;
  private isStopped = false;
  private readonly ramp = new Recurring(RAMP_MS, () => this.raise());
  private readonly opening = new Recurring(OPEN_AFTER_MS, () => this.openAll());
  private readonly hearing = new Recurring(ANSWERS_MS, () => this.hearEjected());

  /** Of all listeners: they have no row, only names that are kept resolved. */
  private mirrors: readonly Address[] = [];

  constructor(
    workers: number,
    private readonly observer: Observer,
    private readonly drop: DropRelays,
    names: NamesParts = {},
  ) {
    this.table = new UpstreamTable(workers);
    this.rows = new Rows(this.table);
    this.primaries = new Primaries(observer);
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
      // The name stays the name, for what is said of it and for its certificate.
      probe: (address, options, signal, host) =>
        probe(address, options, this.literalsOf(host), signal),
      runningMax: descriptorBudget().checks,
    });
  }

  /**
   * The first step of a reload: takes up the upstreams of these listeners that are not there yet.
   * Nothing becomes of the others, so that {@link retain} can still take it back.
   *
   * @returns the same for an engine: each upstream with its row
   * @throws ConfigError when there are more upstreams than rows
   */
  adopt(listeners: readonly ListenerOptions[]): ListenerOptions[] {
    // Those of now still count, if this is taken back.
    this.mirrors = [...this.mirrors, ...mirrorsOf(listeners)];
    const homes = homesOf(listeners, this.homes, upstreamsIn);
    const adopted = [...keyed(listeners)].map(([key, listener]) => {
      const home = homes.get(key) ?? key;
      const joins = [false, true].map((isBackup) => this.isAnyWell(home, isBackup));
      // Checks are not the engines' business, and patterns do not travel to other threads.
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
   * The second step: these listeners, whose upstreams are all taken up, hold from now on. Upstreams
   * that stay get their new options, all others go.
   *
   * @returns how many relays end with those that go
   */
  retain(listeners: readonly ListenerOptions[]): number {
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
        if (mayStay) this.spare(entry);
        this.weigh(entry);
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
    for (const known of [this.panics, this.lacking]) {
      for (const home of known.keys()) if (!left.has(home)) known.delete(home);
    }
    this.primaries.keep(left);
    this.backups.keep(left);
    this.look();
    return ending;
  }

  /** How many relays would end if these listeners held: those of upstreams that go, where that is wanted. */
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

  /** How many relays end when this upstream goes. */
  private endingWith({ health, options }: Entry): number {
    return health.onRemove === null ? 0 : this.table.running(options.slot);
  }

  /** All of them, in the order of the configuration. */
  views(): UpstreamView[] {
    return Array.from(this.entries.values(), (entry) =>
      viewOf(entry, this.checker.view(entry.key), this),
    );
  }

  /** What an administrator wants. @returns false when there is no such upstream */
  set(id: number, { state, weight }: { state?: AdminState; weight?: number | null }): boolean {
    const entry = this.bySlot.get(id);
    if (entry === undefined) return false;
    if (weight !== undefined) entry.weight = weight;
    if (state !== undefined && state !== entry.state) {
      // Nobody knows what it has been through.
      if (entry.state === "maintenance") {
        this.rise(entry);
        entry.joinsOthers = this.isAnyWell(entry.home, entry.options.isBackup);
      }
      entry.state = state;
      entry.stateSince = performance.now();
      this.spare(entry);
      this.check();
    }
    this.weigh(entry);
    this.openAll();
    return true;
  }

  /** The name of the listener that has this upstream; undefined when none has it any more. */
  listenerOf(slot: number): string | undefined {
    return this.bySlot.get(slot)?.listener;
  }

  /** A worker told that a dial has failed, and why. */
  dialFailed(slot: number, reason: Reason): void {
    const entry = this.bySlot.get(slot);
    // When our own descriptors have run out that is no upstream's fault.
    if (entry === undefined || sideOf(reason) !== Side.Upstream) return;
    // What was answered since the last failure came before this one.
    this.hear(entry);
    this.lookUpAgain(entry);
    this.checker.dialFailed(entry.key);
  }

  /** Copies to a mirror were given up, as it could not be reached. @param name as it was configured */
  mirrorFailed(name: string): void {
    for (const address of this.mirrors) {
      if (formatAddress(address) === name) this.names.refresh(address);
    }
  }

  /** It was not reached, or is not well: DNS may know better by now. */
  private lookUpAgain(entry: Entry): void {
    for (const address of placesOf(entry)) this.names.refresh(address);
    const { service } = entry.options;
    if (service !== undefined) this.refreshService?.(service);
  }

  /** A worker is no more: what it had counted is taken back. @param worker 0, 1, 2… */
  workerFailed(worker: number): void {
    this.table.forget(worker);
  }

  /** Nothing is checked or told any more. May be called again. */
  stop(): void {
    this.isStopped = true;
    const parts = [this.names, this.checker, this.opening, this.ramp, this.hearing];
    cleanUpOrThrow(parts.map((part) => () => part.stop()));
  }

  /** The row of an upstream, which gets one if it has none. */
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
      stateSince: performance.now(),
      weight: null,
      risingSince: null,
      joinsOthers,
    };
    this.table.reset(slot, options.weight);
    this.entries.set(key, entry);
    this.bySlot.set(slot, entry);
    return slot;
  }

  /** Looks after those that there are. */
  private look(): void {
    // A reload may have been under way.
    if (this.isStopped) return;
    const places = [...this.entries.values()].flatMap(placesOf);
    this.names.set([...places, ...this.mirrors]);
    this.check();
    this.openAll();
  }

  /** Has all checked, and dials counted, but for those in maintenance: these are unknown. */
  private check(): void {
    if (this.isStopped) return;
    const checked = [...this.entries.values()].filter(({ state }) => state !== "maintenance");
    this.checker.setUpstreams(
      checked.map(({ key, options, health }) => {
        return {
          name: key,
          address: options.address,
          ...health,
          hosts: hostsToCheck(options.address, health.check, this.names),
        };
      }),
    );
  }

  /** Where a check goes: to one address of a name, if any is given. */
  private literalsOf(host: string | null): Literals {
    return host === null ? this.names.literals : this.names.literalsAt(host);
  }

  /** A name has other addresses: they are checked before they get anybody. */
  private nameChanged(name: string): void {
    if (this.isStopped) return;
    for (const { key, options, health } of this.entries.values()) {
      const { address } = options;
      if (!isName(address) || address.host !== name) continue;
      this.checker.setHosts(key, hostsToCheck(options.address, health.check, this.names));
    }
  }

  /** Of a name's addresses those that relays to this upstream may be given. */
  private wellOf(
    slot: number,
    addresses: readonly HostAddress[],
    tell: (well: readonly HostAddress[]) => void,
  ): void {
    const entry = this.bySlot.get(slot);
    if (entry === undefined) {
      tell(addresses);
      return;
    }
    this.checker.wellHosts(entry.key, (hosts) => {
      // In panic it is the checks that are not believed.
      const isAll = hosts === null || (hosts.length === 0 && this.panics.get(entry.home)?.isOn);
      tell(isAll ? addresses : wellAmong(addresses, hosts));
    });
  }

  /** Whether checks have found an upstream well that a new one of this kind would stand beside. */
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

  private remove({ key, options, health, state }: Entry, isListenerLeft: boolean): void {
    const { slot } = options;
    this.entries.delete(key);
    this.bySlot.delete(slot);
    this.rows.giveBack(slot);
    // Nobody comes any more to a listener that has gone, but relays may wait there. How the upstream is
    // nobody finds out for them: they try.
    const isTried = !isListenerLeft && state === "ready" && health.onRemove === null;
    this.table.setOpen(slot, isTried);
    if (health.onRemove !== null) this.drop(slot, health.onRemove);
  }

  private healthChanged(key: string, event: HealthEvent): void {
    const { from, to, why, isUntried } = event;
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    const { listener, options, health } = entry;
    const upstream = formatAddress(options.address);
    const untried = isUntried === undefined ? {} : { isUntried };
    const what = { listener, upstream, from, to, why, ...untried };
    this.observer.on({ event: "upstreamChanged", ...what });
    if (to === "up") {
      this.rise(entry);
      this.spare(entry);
    }
    this.weigh(entry);
    this.openSoon();
    if (to === "ejected") this.hearing.begin();
    if (to === "down" && health.onDown !== null) this.drop(options.slot, health.onDown);
  }

  private addressChanged(key: string, address: string, { to, why }: HealthEvent): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    const { listener, options } = entry;
    const upstream = formatAddress(options.address);
    const what = { listener, upstream, address, isWell: to === "up", why };
    this.observer.on({ event: "addressChanged", ...what });
  }

  /** Checks have said something new: of thousands of upstreams each does so at the start. */
  private checked(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    if (entry.joinsOthers) this.openAll();
    else if (entry.health.onUp !== null) this.lookForPrimary(entry.home);
    if (asksForPrimary(entry)) this.countPrimaries(entry);
  }

  private checkFailed(key: string): void {
    const entry = this.entries.get(key);
    if (entry !== undefined) this.lookUpAgain(entry);
  }

  /** Its relays that were to end go on, unless there still is a reason for that. */
  private spare({ key, home, state, health, options: { slot, isBackup } }: Entry): void {
    if (state !== "ready") return;
    const isDown = health.onDown !== null && this.checker.status(key) === "down";
    const isOver = isBackup && this.backups.areOver(home);
    if (isDown) this.drop(slot, health.onDown);
    else this.drop(slot, isOver ? health.onUp : null);
  }

  /** Relays of backups come to their end, where that is wanted, when there is a primary again. */
  private lookForPrimary(
    home: string,
    entries = [...this.entries.values()].filter((entry) => entry.home === home),
  ): void {
    if (!entries.some(({ health }) => health.onUp !== null)) return;
    const isThere = ({ key, options }: Entry) =>
      !options.isBackup && this.checker.status(key) === "up" && this.checker.hasPassed(key);
    const isBack = entries.some((entry) => isWanted(entry) && isThere(entry));
    if (!this.backups.look(home, isBack)) return;
    for (const entry of entries) if (entry.options.isBackup) this.spare(entry);
  }

  /** Workers only note that dials were answered: passes it on. */
  private hear({ key, options: { slot } }: Entry): void {
    if (!this.table.wasDialed(slot)) return;
    // That dial began before it was ejected, and says nothing of now: it gets none.
    if (this.isEjected(key) && !this.table.isOpen(slot)) return;
    this.checker.dialed(key);
  }

  private isEjected(key: string): boolean {
    return this.checker.status(key) === "ejected";
  }

  /** Ejected ones that are open all the same, as nobody else is left, may answer. @returns whether any are left */
  private hearEjected(): boolean {
    const isEjected = ({ key }: Entry) => this.isEjected(key);
    for (const entry of [...this.entries.values()].filter(isEjected)) this.hear(entry);
    return this.entries.values().some(isEjected);
  }

  /** It gets its whole weight by and by, where that is wanted. */
  private rise(entry: Entry): void {
    if (entry.health.slowStartMs === 0) return;
    entry.risingSince = performance.now();
    this.ramp.begin();
  }

  /** Gives those that start slowly more weight. @returns whether any go on */
  private raise(): boolean {
    const isRising = ({ risingSince }: Entry) => risingSince !== null;
    for (const entry of this.entries.values().filter(isRising)) this.weigh(entry);
    return this.entries.values().some(isRising);
  }

  private weigh(entry: Entry): void {
    const { risingSince, health, options } = entry;
    let part = 1;
    if (risingSince !== null) {
      part = Math.max(RAMP_LEAST, (performance.now() - risingSince) / health.slowStartMs);
      // Also when slow start has been taken away meanwhile.
      if (!(part < 1)) entry.risingSince = null;
    }
    this.table.setWeight(options.slot, weightOf(entry), Math.min(1, part));
  }

  /**
   * The same after something has happened to one of them. Of thousands many may go down together, each
   * with a look at all of them: they are looked at once for many.
   */
  private openSoon(): void {
    if (this.entries.size <= AT_ONCE_MAX) this.openAll();
    else this.opening.begin();
  }

  /** Tells the workers which upstreams may get relays. @returns false: there is no more to do */
  private openAll(): false {
    const { now } = this.checker;
    for (const [home, entries] of Map.groupBy(this.entries.values(), (entry) => entry.home)) {
      const isInPanic = this.isInPanic(home, entries);
      const isWell = (entry: Entry) => isInPanic || this.isWell(entry, now);
      const isAnybodyLeft = entries.some((entry) => isWanted(entry) && isWell(entry));
      for (const entry of entries) {
        // Ejection is a preference for others: where there is none left it must not keep all away.
        const isSpared = !isAnybodyLeft && this.isEjected(entry.key);
        const isOpen = entry.state === "ready" && (isWell(entry) || isSpared);
        this.table.setOpen(entry.options.slot, isOpen);
      }
      this.lookForLack(home, entries);
      // Not before: who leaves a backup comes back at once, and the primary is open then.
      this.lookForPrimary(home, entries);
    }
    return false;
  }

  /** Looks whether the listener of this upstream has several primaries. */
  private countPrimaries({ home, listener }: Entry): void {
    const found = [...this.entries.values()]
      .filter((one) => one.home === home && asksForPrimary(one))
      .flatMap((one) => primariesOf(one, this.checker.view(one.key)));
    this.primaries.look(home, listener, found);
  }

  /** As far as is known; who joins others must have been checked. */
  private isWell({ key, joinsOthers }: Entry, now = this.checker.now): boolean {
    return this.checker.isOpen(key, now) && !(joinsOthers && this.checker.isAwaited(key));
  }

  /** Tells when nobody is left to whom a listener's clients may be given, and when somebody is again. */
  private lookForLack(home: string, entries: readonly Entry[]): void {
    const isLacking = !entries.some(({ options }) => this.table.isOpen(options.slot));
    if (this.lacking.has(home) === isLacking) return;
    if (isLacking) this.lacking.add(home);
    else this.lacking.delete(home);
    const [{ listener }] = entries as [Entry];
    this.observer.on({ event: "upstreamsLacking", listener, isLacking });
  }

  private isInPanic(home: string, entries: readonly Entry[]): boolean {
    const [{ listener, health }] = entries as [Entry];
    let watch = this.panics.get(home);
    if (watch === undefined) {
      if (health.panicPercent === 0) return false;
      watch = new PanicWatch(health.panicPercent);
      this.panics.set(home, watch);
    }
    watch.thresholdPercent = health.panicPercent;
    const states = entries
      .filter(({ state, options }) => state === "ready" && !options.isBackup)
      .map((entry) => ({ weight: weightOf(entry), isOpen: this.checker.isOpen(entry.key) }));
    const change = watch.update(states);
    if (change !== null) {
      this.observer.on({ event: "panicChanged", listener, isOn: change === "entered" });
    }
    return watch.isOn;
  }
}

/** Ports of a range share a name, and each may have upstreams of its own: these stand beside no other port's. */
function upstreamsIn({ upstreams }: WantedListener): string {
  return upstreams.map(({ address }) => formatAddress(address)).join();
}
