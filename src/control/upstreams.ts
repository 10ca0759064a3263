import { assert } from "../assert.ts";
import { formatAddress } from "../config/address.ts";
import { ConfigError } from "../config/error.ts";
import type {
  Address,
  HealthOptions,
  ListenerOptions,
  UpstreamOptions,
} from "../config/options.ts";
import { formatCount } from "../config/quantity.ts";
import { nameOfListener } from "../engine/account.ts";
import { descriptorBudget } from "../engine/descriptors.ts";
import { type Reason, Side, sideOf } from "../flow/reason.ts";
import type { UpstreamsObserver } from "../upstream/events.ts";
import { Checker, type HealthView } from "../upstream/health/checker.ts";
import type { HealthEvent, HealthStatus } from "../upstream/health/monitor.ts";
import { PanicWatch } from "../upstream/health/panic.ts";
import { probe } from "../upstream/health/probe.ts";
import { SLOTS_MAX, UpstreamTable } from "../upstream/table.ts";
import { type NamesParts, UpstreamNames } from "./names.ts";
import { homesOf, keyed } from "./plan.ts";
import { Recurring } from "./recurring.ts";

/**
 * What somebody who may administer the proxy wants of an upstream: `drain` keeps new relays away, and in
 * `maintenance` nothing is found out about it either, as it may do anything.
 */
export type AdminState = "ready" | "drain" | "maintenance";

/** An upstream of a listener, as it stands. */
export interface UpstreamView {
  /** A number by which it can be asked for as long as it is there. */
  readonly id: number;
  /** The listener's name, or else the address that it was given. */
  readonly listener: string;
  readonly upstream: string;
  /** The name of the service that it is a member of; null where its address was configured. */
  readonly service: string | null;
  readonly isBackup: boolean;
  /** What was configured, or set since; see {@link UpstreamOptions}. */
  readonly weight: number;
  /** What it gets now: less while it starts slowly. */
  readonly effectiveWeight: number;
  readonly state: AdminState;
  /** `unknown` in maintenance, and where nothing but {@link trouble} is known. */
  readonly health: HealthStatus | "unknown";
  /** New relays may go there. */
  readonly isOpen: boolean;
  /** Relays that it has or that dial it. */
  readonly running: number;
  readonly maxRelays: number;
  /** The last check; null when there was none. */
  readonly lastCheck: HealthView["lastCheck"];
  /** Why its name could not be resolved yet, in a clause; null where it has an address. */
  readonly trouble: string | null;
  /** Milliseconds for which its health has been what it is. */
  readonly healthForMs: number;
}

/** Ends the relays of an upstream; see {@link Engine.drop}. */
export type DropRelays = (slot: number, withinMs: number | null) => void;

/** How often slowly starting upstreams get more weight. */
const RAMP_MS = 250;
/** How often is asked for answers of ejected upstreams. */
const ANSWERS_MS = 250;
/** With so much of its weight one that is up again begins. */
const RAMP_LEAST = 0.05;

/** One upstream of one listener, whatever addresses that has. */
interface Entry {
  readonly key: string;
  /** The listener's; see {@link homesOf}. */
  readonly home: string;
  listener: string;
  options: UpstreamOptions;
  health: HealthOptions;
  state: AdminState;
  /** When it got that. */
  stateSince: number;
  /** Set by an administrator; null for what is configured. */
  weight: number | null;
  /** When it came up again, while it starts slowly; else null. */
  risingSince: number | null;
}

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
  /** Rows of what is gone, as long as relays are left there. */
  private readonly leaving = new Set<number>();
  /** Rows of what is no upstream, by its name. */
  private readonly rows = new Map<string, number>();
  private readonly panics = new Map<string, PanicWatch>();
  /** Where the next free row is looked for. */
  private nextSlot = 0;
  private readonly checker: Checker;
  private isStopped = false;
  private readonly ramp = new Recurring(RAMP_MS, () => this.raise());
  private readonly opening = new Recurring(OPEN_AFTER_MS, () => this.openAll());
  private readonly hearing = new Recurring(ANSWERS_MS, () => this.hearEjected());

  /** Of all listeners: they have no row, only names that are kept resolved. */
  private mirrors: readonly Address[] = [];

  constructor(
    workers: number,
    private readonly observer: UpstreamsObserver,
    private readonly drop: DropRelays,
    names: NamesParts = {},
  ) {
    this.table = new UpstreamTable(workers);
    this.names = new UpstreamNames(observer, names);
    const { literals } = this.names;
    this.checker = new Checker((key, event) => this.healthChanged(key, event), {
      probe: (address, options, signal) => probe(address, options, literals, signal),
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
    const homes = homesOf(listeners, this.homes);
    const adopted = [...keyed(listeners)].map(([key, listener]) => {
      const home = homes.get(key) ?? key;
      const upstreams = listener.upstreams.map((options) => ({
        ...options,
        slot: this.slotFor(home, listener, options),
      }));
      // Checks are not the engines' business, and patterns do not travel to other threads.
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
    this.homes = homesOf(listeners, this.homes);
    const wanted = new Set<Entry>();
    for (const [key, listener] of keyed(listeners)) {
      for (const options of listener.upstreams) {
        const entry = this.entries.get(keyOf(this.homes.get(key) ?? key, options.address));
        assert(entry !== undefined, "what is retained was adopted");
        const { slot } = entry.options;
        const { health } = listener;
        const name = nameOfListener(listener, listener.address);
        const mayStay = entry.health.onDown !== null && health.onDown === null;
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
    for (const key of this.panics.keys()) if (!left.has(key)) this.panics.delete(key);
    this.look();
    return ending;
  }

  /** How many relays would end if these listeners held: those of upstreams that go, where that is wanted. */
  endingWithout(listeners: readonly ListenerOptions[]): number {
    const homes = homesOf(listeners, this.homes);
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

  /** A row for something else that all workers count: the same one for the same name. */
  rowOf(name: string): number {
    let slot = this.rows.get(name);
    if (slot === undefined) {
      slot = this.freeSlot();
      this.table.reset(slot, 1);
      this.rows.set(name, slot);
    }
    return slot;
  }

  /** All such rows but those of these names are given back. */
  keepRows(names: ReadonlySet<string>): void {
    for (const [name, slot] of this.rows) {
      if (names.has(name)) continue;
      this.rows.delete(name);
      this.leaving.add(slot);
    }
  }

  /** All of them, in the order of the configuration. */
  views(): UpstreamView[] {
    const now = performance.now();
    const health = new Map(this.checker.views().map((view) => [view.name, view]));
    return Array.from(this.entries.values(), (entry) => {
      const { options, listener, state } = entry;
      const { slot, isBackup, maxRelays, address } = options;
      const known = health.get(entry.key);
      const trouble = this.names.trouble(address);
      const status = known?.status ?? "unknown";
      return {
        id: slot,
        listener,
        upstream: formatAddress(address),
        service: options.service ?? null,
        isBackup,
        weight: weightOf(entry),
        effectiveWeight: this.table.weight(slot) / this.table.unit,
        state,
        // Nothing speaks against it but that nobody can have gone there.
        health: status === "up" && trouble !== null ? "unknown" : status,
        isOpen: this.table.isOpen(slot) && this.table.weight(slot) > 0,
        running: this.table.running(slot),
        maxRelays,
        lastCheck: known?.lastCheck ?? null,
        trouble,
        healthForMs: now - (known?.sinceMs ?? entry.stateSince),
      };
    });
  }

  /** What an administrator wants. @returns false when there is no such upstream */
  set(id: number, { state, weight }: { state?: AdminState; weight?: number | null }): boolean {
    const entry = this.bySlot.get(id);
    if (entry === undefined) return false;
    if (weight !== undefined) entry.weight = weight;
    if (state !== undefined && state !== entry.state) {
      // Nobody knows what it has been through.
      if (entry.state === "maintenance") this.rise(entry);
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
    this.checker.dialFailed(entry.key);
  }

  /** A worker is no more: what it had counted is taken back. @param worker 0, 1, 2… */
  workerFailed(worker: number): void {
    this.table.forget(worker);
  }

  /** Nothing is checked or told any more. May be called again. */
  stop(): void {
    this.isStopped = true;
    this.names.stop();
    this.checker.stop();
    this.opening.stop();
    this.ramp.stop();
    this.hearing.stop();
  }

  /** The row of an upstream, which gets one if it has none. */
  private slotFor(home: string, listener: ListenerOptions, options: UpstreamOptions): number {
    const key = keyOf(home, options.address);
    const known = this.entries.get(key);
    if (known !== undefined) return known.options.slot;
    const slot = this.freeSlot();
    const entry: Entry = {
      key,
      home,
      listener: nameOfListener(listener, listener.address),
      options: { ...options, slot },
      health: listener.health,
      state: "ready",
      stateSince: performance.now(),
      weight: null,
      risingSince: null,
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
        return { name: key, address: options.address, ...health };
      }),
    );
  }

  /**
   * Rows are given out in turn: workers hear of a reload a little later, and relays that wait for an
   * upstream go on with the options that they began with. For both a row of an upstream that is gone
   * has to stay closed, and not to be another one's.
   */
  private freeSlot(): number {
    const others = new Set(this.rows.values());
    for (let looks = 0; looks < SLOTS_MAX; looks++) {
      const slot = this.nextSlot;
      this.nextSlot = (slot + 1) % SLOTS_MAX;
      if (this.bySlot.has(slot) || others.has(slot)) continue;
      if (this.leaving.has(slot) && this.table.running(slot) > 0) continue;
      this.leaving.delete(slot);
      return slot;
    }
    const most = formatCount(SLOTS_MAX);
    throw new ConfigError(`there can be ${most} upstreams in all, those included that are leaving`);
  }

  private remove({ key, options, health, state }: Entry, isListenerLeft: boolean): void {
    const { slot } = options;
    this.entries.delete(key);
    this.bySlot.delete(slot);
    this.leaving.add(slot);
    // Nobody comes any more to a listener that has gone, but relays may wait there. How the upstream is
    // nobody finds out for them: they try.
    const isTried = !isListenerLeft && state === "ready" && health.onRemove === null;
    this.table.setOpen(slot, isTried);
    if (health.onRemove !== null) this.drop(slot, health.onRemove);
  }

  private healthChanged(key: string, { from, to, why }: HealthEvent): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    const { listener, options, health } = entry;
    const upstream = formatAddress(options.address);
    this.observer.upstreamChanged?.({ listener, upstream, from, to, why });
    if (to === "up") {
      this.rise(entry);
      this.spare(entry);
    }
    this.weigh(entry);
    this.openSoon();
    if (to === "ejected") this.hearing.begin();
    if (to === "down" && health.onDown !== null) this.drop(options.slot, health.onDown);
  }

  /** Its relays that were to end go on, unless there still is a reason for that. */
  private spare({ key, state, health, options: { slot } }: Entry): void {
    if (state !== "ready") return;
    const isDown = health.onDown !== null && this.checker.status(key) === "down";
    this.drop(slot, isDown ? health.onDown : null);
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
      const isWell = (entry: Entry) => isInPanic || this.checker.isOpen(entry.key, now);
      const isAnybodyLeft = entries.some((entry) => isWanted(entry) && isWell(entry));
      for (const entry of entries) {
        // Ejection is a preference for others: where there is none left it must not keep all away.
        const isSpared = !isAnybodyLeft && this.isEjected(entry.key);
        const isOpen = entry.state === "ready" && (isWell(entry) || isSpared);
        this.table.setOpen(entry.options.slot, isOpen);
      }
    }
    return false;
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
    if (change !== null) this.observer.panicChanged?.(listener, change === "entered");
    return watch.isOn;
  }
}

function keyOf(home: string, upstream: Address): string {
  return `${home} → ${formatAddress(upstream)}`;
}

/** Where it is dialled, and where it is checked if that is somewhere else. */
function placesOf({ options, health }: Entry): Address[] {
  const checked = health.check?.address ?? null;
  return checked === null ? [options.address] : [options.address, checked];
}

/** Somebody wants it to have relays. */
function isWanted(entry: Entry): boolean {
  return entry.state === "ready" && weightOf(entry) > 0;
}

function weightOf({ weight, options }: Entry): number {
  return weight ?? options.weight;
}

function mirrorsOf(listeners: readonly ListenerOptions[]): Address[] {
  return listeners.flatMap(({ mirror }) => (mirror === null ? [] : [mirror.address]));
}
