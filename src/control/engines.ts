import { type LoopClock, systemClock } from "../base/clock.ts";
import { Recurring } from "../base/recurring.ts";
import type { EngineName, ListenerOptions, WantedListener } from "../config/options.ts";
import {
  type Acceptance,
  accepts,
  type Engine,
  type Listening,
  type MovableEngine,
  type MovableListening,
} from "../engine/engine.ts";
import { ListenError } from "../engine/listen-error.ts";
import { closeAll, type GivenSockets } from "../engine/listening-socket.ts";
import type { EngineChoice } from "../engine/select.ts";
import type { Selection } from "../relay/ending/dropping.ts";
import type { EngineStats, RelaySummary } from "../relay/ledger/stats.ts";
import { noStats, totalStats } from "../relay/ledger/total.ts";
import type { Observer } from "../relay/observer.ts";
import type { EngineChoices } from "./engine-choices.ts";
import { type ListeningEngines, MovingListening } from "./moving-listening.ts";
import { SharedObserver } from "./shared-observer.ts";
import type { Next, Part, Stage } from "./stage.ts";

/** Where an engine stands among those of a process. */
export interface EnginePlace {
  /** No other engine is there, or about to be. */
  readonly isAlone: boolean;
  /** Workers of the engine before it. */
  readonly workersBefore: number;
  /** The number of its first relay, which is 1 or 1 more than a multiple of its workers. */
  readonly firstRelay: number;
  /** See {@link EngineShare.sharing}. */
  readonly sharing: SharedArrayBuffer;
}

/** How engines are made. */
export interface EnginesOptions {
  /** Workers of each engine. */
  readonly workers: number;
  readonly newEngine: (
    choice: EngineChoice,
    place: EnginePlace,
    observer: Observer,
  ) => MovableEngine;
}

/** One engine of a process, whether it is there now or was before. */
interface Seat {
  readonly choice: EngineChoice;
  readonly workersBefore: number;
  readonly observer: SharedObserver;
  firstRelay: number;
  /** Null as long as no listener needs it. */
  engine: MovableEngine | null;
  /** Its last listener has gone, and so do its threads: settles when they are no more. */
  ending: { readonly engine: MovableEngine; readonly over: Promise<number> } | null;
  /** Listeners that are on it, or about to be. */
  listeners: number;
  /** What those have counted that are no more; null when there was none. */
  gone: EngineStats | null;
}

/** An engine that carries listeners, as it is shown. */
export interface EngineInUse {
  readonly choice: EngineChoice;
  readonly listeners: number;
  /** All that it has counted since the process began. */
  readonly stats: EngineStats;
}

/** The relays of a second engine are numbered from here on: no first one ever gets that far. */
const SECOND_RELAYS = 1e15;
/** An engine without a listener is looked at so often, whether its last relay has ended. */
const LOOK_MS = 1_000;
/** What is left of its copies to mirrors gets so long. */
const LEAVE_MS = 5_000;

/**
 * All engines of a process as one: each carries the listeners that want it. An engine is made for the
 * first of its listeners, and goes when it has neither a listener nor a relay any more.
 *
 * Owner: the running proxy.
 */
export class Engines implements Engine, ListeningEngines, Part {
  private readonly seats = new Map<EngineName, Seat>();
  private readonly open = new Set<MovingListening>();
  /** One number: the workers that share the process's descriptors now. */
  private readonly sharing = new Int32Array(new SharedArrayBuffer(4));
  private readonly startedAt: number;
  private readonly looks: Recurring;
  /** What a configuration wants that holds or is on its way. */
  private wanted: ReadonlySet<EngineName> = new Set();
  private stopping: Promise<number> | null = null;

  constructor(
    private readonly options: EnginesOptions,
    private readonly choices: EngineChoices,
    private readonly observer: Observer,
    private readonly clock: LoopClock = systemClock,
  ) {
    this.startedAt = clock.now();
    this.looks = new Recurring(LOOK_MS, () => this.look(), clock);
  }

  /** The engine of the first listener; where none of that is left, the other one. */
  get name(): EngineName {
    const all = [...this.seats.values()];
    return (all.find(({ engine }) => engine !== null) ?? all[0])?.choice.name ?? "sockets";
  }

  /** Those that carry listeners, or did and still have relays, in the order in which they were made. */
  get inUse(): readonly EngineInUse[] {
    const there = [...this.seats.values()].filter(({ engine }) => engine !== null);
    return there.map((seat) => ({
      choice: seat.choice,
      listeners: seat.listeners,
      stats: statsOf(seat),
    }));
  }

  /** @throws EngineUnsupportedError when a listener wants one that cannot run here */
  stage({ wanted }: Pick<Next, "wanted">): Stage {
    const before = this.wanted;
    this.wanted = this.check(wanted.listeners);
    const settle = (held: ReadonlySet<EngineName>) => {
      this.wanted = held;
      this.looks.begin();
    };
    const { wanted: next } = this;
    // Now, so that its threads begin while other parts wait for their answers.
    for (const one of wanted.listeners) {
      const seat = this.seatOf(this.choices.of(one));
      if (seat.ending === null) this.engineAt(seat, undefined);
    }
    return { commit: () => settle(next), discard: () => settle(before) };
  }

  /**
   * The engines that these listeners want.
   *
   * @throws EngineUnsupportedError when one cannot run here
   */
  check(listeners: Next["wanted"]["listeners"]): Set<EngineName> {
    return new Set(listeners.map((one) => this.choices.of(one).name));
  }

  carrierOf(options: WantedListener): EngineName {
    return this.choices.of(options).name;
  }

  async listen(options: ListenerOptions, given?: GivenSockets): Promise<Listening> {
    let name: EngineName;
    try {
      name = this.carrierOf(options);
    } catch (error) {
      if (given !== undefined) closeAll([given]);
      throw error;
    }
    const part = await this.listenOn(name, options, given);
    const listening = new MovingListening(this, name, options, part);
    this.open.add(listening);
    return listening;
  }

  async listenOn(
    name: EngineName,
    options: ListenerOptions,
    given: GivenSockets | undefined,
  ): Promise<MovableListening> {
    this.refuseStopped(options, given);
    const seat = this.seatOf(this.choices.of(options), name);
    // From now on it does not go.
    seat.listeners++;
    try {
      // Its workers' places have to be free.
      await seat.ending?.over;
      this.refuseStopped(options, given);
      const engine = this.engineAt(seat, given);
      return await engine.listen(options, given);
    } catch (error) {
      this.left(name);
      throw error;
    }
  }

  left(name: EngineName): void {
    const seat = this.seats.get(name) as Seat;
    seat.listeners--;
    if (seat.listeners === 0) this.looks.begin();
  }

  closed(listening: MovingListening): void {
    this.open.delete(listening);
  }

  async stop(drainTimeoutMs: number): Promise<number> {
    for (const listening of this.open) listening.removePath();
    this.looks.stop();
    const stops = [...this.seats.values()].map(async ({ engine, ending }) => {
      // One that ends already has no relays, but may have copies left.
      const there = [engine, ending?.engine].filter((one) => one != null);
      const cut = await Promise.all(there.map((one) => one.stop(drainTimeoutMs)));
      await ending?.over;
      return cut.reduce((sum, one) => sum + one, 0);
    });
    const all = Promise.all(stops).then((cut) => cut.reduce((sum, one) => sum + one, 0));
    this.stopping ??= all;
    return await all;
  }

  stats(): EngineStats {
    const [first, ...others] = this.seats.values();
    if (first === undefined) return noStats(this.name);
    // Of one engine it is what that says.
    if (others.length === 0 && first.gone === null) return statsOf(first);
    const total = totalStats(this.name, [first, ...others].map(statsOf));
    return { ...total, durationMs: this.clock.now() - this.startedAt };
  }

  async relays(): Promise<RelaySummary[]> {
    const parts = await Promise.all(this.running().map((engine) => engine.relays()));
    const [first = [], ...others] = parts;
    return others.length === 0 ? first : parts.flat().sort((a, b) => a.startedAt - b.startedAt);
  }

  async acceptance(): Promise<Acceptance> {
    const seats = [...this.seats.values()].filter(({ listeners }) => listeners > 0);
    const parts = await Promise.all(seats.map(({ engine }) => engine?.acceptance() ?? accepts));
    if (parts.length === 1) return parts[0] as Acceptance;
    const lacking = (wanted: Acceptance["state"]): Acceptance | null => {
      const whys = parts.flatMap(({ state, why }, index) =>
        state === wanted ? [`engine ${seats[index]?.choice.name}: ${why}`] : [],
      );
      return whys.length === 0 ? null : { state: wanted, why: whys.join("; ") };
    };
    // They have different listeners: none stands in for another one.
    return lacking("absent") ?? lacking("paused") ?? accepts;
  }

  cut(relay: number): void {
    // Each knows its own by their numbers.
    for (const engine of this.running()) engine.cut(relay);
  }

  drop(selection: Selection, withinMs: number | null): void {
    for (const engine of this.running()) engine.drop(selection, withinMs);
  }

  get isStopping(): boolean {
    return this.stopping !== null;
  }

  private refuseStopped({ address }: ListenerOptions, given: GivenSockets | undefined): void {
    if (!this.isStopping) return;
    if (given !== undefined) closeAll([given]);
    throw new ListenError(address, "ECANCELED", "cannot listen: the engine is stopped");
  }

  private running(): MovableEngine[] {
    return [...this.seats.values()].flatMap(({ engine }) => engine ?? []);
  }

  private seatOf(choice: EngineChoice, name = choice.name): Seat {
    const known = this.seats.get(name);
    if (known !== undefined) return known;
    const { workers } = this.options;
    const isFirst = this.seats.size === 0;
    const seat: Seat = {
      choice,
      workersBefore: this.seats.size * workers,
      firstRelay: isFirst ? 1 : 1 + workers * Math.ceil(SECOND_RELAYS / workers),
      observer: new SharedObserver(this.observer, () =>
        Array.from(this.seats.values(), ({ observer }) => observer),
      ),
      engine: null,
      ending: null,
      listeners: 0,
      gone: null,
    };
    this.seats.set(name, seat);
    return seat;
  }

  /** @param given closed if it cannot be made */
  private engineAt(seat: Seat, given: GivenSockets | undefined): MovableEngine {
    if (seat.engine !== null) return seat.engine;
    const { workers, newEngine } = this.options;
    const { choice, workersBefore, firstRelay, observer } = seat;
    const isAlone = this.wanted.size <= 1 && this.running().length === 0;
    const { buffer: sharing } = this.sharing;
    const place = { isAlone, workersBefore, firstRelay, sharing };
    try {
      seat.engine = newEngine(choice, place, observer);
    } catch (error) {
      if (given !== undefined) closeAll([given]);
      throw error;
    }
    Atomics.add(this.sharing, 0, workers);
    return seat.engine;
  }

  /** Lets engines go that have nothing to do any more. @returns whether to look again */
  private look(): boolean {
    let isAgain = false;
    for (const seat of this.seats.values()) {
      const isNeeded = seat.listeners > 0 || this.wanted.has(seat.choice.name);
      if (seat.engine === null || isNeeded || this.stopping !== null) continue;
      // One of them stays, for whatever comes next.
      if (![...this.seats.values()].some(({ listeners }) => listeners > 0)) continue;
      if (seat.engine.stats().relays.running > 0) isAgain = true;
      else this.retire(seat, seat.engine);
    }
    return isAgain;
  }

  private retire(seat: Seat, engine: MovableEngine): void {
    seat.engine = null;
    const over = engine.stop(LEAVE_MS).finally(() => {
      const last = engine.stats();
      const { name } = seat.choice;
      const { workers } = this.options;
      // Its memory it has given back.
      const counted = { ...last, memory: noStats(name).memory };
      seat.gone = totalStats(name, [seat.gone ?? noStats(name), counted]);
      seat.firstRelay += workers * (last.relays.accepted + 1);
      seat.ending = null;
      Atomics.sub(this.sharing, 0, workers);
      seat.observer.relieve();
    });
    seat.ending = { engine, over };
  }
}

/** What an engine has counted, also before it went and came back. */
function statsOf({ choice: { name }, engine, ending, gone }: Seat): EngineStats {
  const now = engine ?? ending?.engine;
  if (gone === null) return now?.stats() ?? noStats(name);
  return totalStats(name, now === undefined ? [gone] : [gone, now.stats()]);
}
