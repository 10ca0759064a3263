import type { Address, ListenerOptions, ProxyOptions } from "../config/options.ts";
import { formatCounted } from "../config/quantity.ts";
import { nameOfListener } from "../engine/account.ts";
import { type Engine, type Listening, type ProxyObserver, wholeShare } from "../engine/engine.ts";
import type { ListeningSocket } from "../engine/listening-socket.ts";
import { type EngineChoice, EngineUnsupportedError, selectEngine } from "../engine/select.ts";
import { dialWindowMemory } from "../engine/sockets/dial-window.ts";
import { SocketsEngine } from "../engine/sockets/engine.ts";
import { ThreadEngine } from "../engine/thread/thread-engine.ts";
import { together } from "../observe/together.ts";
import type { WatcherParts } from "../upstream/names/watcher.ts";
import { Edges } from "./edges.ts";
import { Fleet } from "./fleet.ts";
import { keyed, type Plan, planReload } from "./plan.ts";
import { Upstreams } from "./upstreams.ts";

/** A listener of a running proxy. */
export interface RunningListener {
  readonly options: ListenerOptions;
  /** Where it really accepts. */
  readonly address: Address;
  /** False once somebody has drained it. */
  readonly isAccepting: boolean;
  /** By which reloads know it. */
  readonly key: string;
}

/** Gives a socket that listens on this address already, once. */
export type TakeSocket = (address: Address) => ListeningSocket | undefined;

/** A proxy that accepts and relays until it is stopped. */
export class RunningProxy {
  private readonly listening = new Map<string, Listening>();
  private reloading: Promise<unknown> = Promise.resolve();
  private stopping = false;

  private constructor(
    readonly engine: Engine,
    readonly upstreams: Upstreams,
    private readonly edges: Edges,
    private readonly choice: EngineChoice,
    private running: ProxyOptions,
    private readonly inherited: TakeSocket,
  ) {}

  /**
   * Starts a proxy. All its listeners accept when the promise resolves; when it rejects, none does.
   *
   * @param inherited sockets that others have opened, for the addresses that they listen on
   * @param names how upstreams' host names are resolved, for tests to replace
   * @throws ListenError when an address cannot be listened on
   * @throws EngineUnsupportedError when the engine that was asked for cannot run here
   */
  static async start(
    options: ProxyOptions,
    observer: ProxyObserver,
    inherited: TakeSocket = () => undefined,
    names: WatcherParts = {},
  ): Promise<RunningProxy> {
    const choice = selectEngine(options.engine, options.uring);
    const workers = Math.max(1, options.workers);
    const drop = (slot: number, withinMs: number) => engine.drop({ slot }, withinMs);
    const upstreams = new Upstreams(workers, observer, drop, names);
    const edges = new Edges(workers, upstreams);
    const told = watching(observer, upstreams, edges);
    const engine = newEngine(choice, options, told, upstreams);
    const proxy = new RunningProxy(engine, upstreams, edges, choice, options, inherited);
    try {
      const listeners = await proxy.adopt(options);
      for (const [key, one] of keyed(listeners)) await proxy.open(key, one);
      edges.retain();
    } catch (error) {
      upstreams.stop();
      await engine.stop(0);
      throw error;
    }
    return proxy;
  }

  /** Which engine runs and why, in one line. */
  get engineChoice(): string {
    return `${this.choice.name} (${this.choice.why})`;
  }

  /** Why that engine. */
  get engineWhy(): string {
    return this.choice.why;
  }

  /** It accepts no more, and ends when no relay is left. */
  get isStopping(): boolean {
    return this.stopping;
  }

  /** The engine that `auto` takes on this system cannot run here. */
  get engineFellBack(): boolean {
    return this.choice.fellBack;
  }

  /** What of the engine's options had to be replaced, one line each. */
  get engineNotes(): readonly string[] {
    return this.choice.notes;
  }

  /** What it does, in a line. */
  get status(): string {
    return `relaying on ${formatCounted(this.running.listeners.length, "listener")}`;
  }

  /** What it does now. */
  get options(): ProxyOptions {
    return this.running;
  }

  /** Its listeners, in the order of the options. */
  get listeners(): readonly RunningListener[] {
    return [...keyed(this.running.listeners)].map(([key, options]) => {
      const listening = this.listening.get(key);
      const address = listening?.address ?? options.address;
      return { key, options, address, isAccepting: listening !== undefined };
    });
  }

  /** What a reload with these options would do. */
  plan(wanted: ProxyOptions): Plan {
    return planReload(this.running, wanted);
  }

  /**
   * Does what these options want, as far as it differs, without ending a relay: listeners are added
   * and removed, and new relays get their listener's new options. What needs a restart stays as it
   * is. One reload at a time, in the order of the calls.
   *
   * @returns what was done
   * @throws ListenError when a new address cannot be listened on; then nothing has changed
   */
  reload(wanted: ProxyOptions): Promise<Plan> {
    const done = this.reloading.then(() => this.apply(wanted));
    this.reloading = done.catch(() => {});
    return done;
  }

  /**
   * Closes a listener, and lets its relays finish; a reload opens it again.
   *
   * @param name what stories call it
   * @returns false when none of that name accepts
   */
  async drainListener(name: string): Promise<boolean> {
    const named = this.listeners
      .filter(({ options, address }) => nameOfListener(options, address) === name)
      .flatMap(({ key }) => {
        const listening = this.listening.get(key);
        return listening === undefined ? [] : [{ key, listening }];
      });
    for (const { key } of named) this.listening.delete(key);
    await Promise.all(named.map(({ listening }) => listening.close()));
    if (named.length > 0) this.engine.drop({ listener: name }, this.running.drainTimeoutMs);
    return named.length > 0;
  }

  /** Stops accepting and lets relays finish; see {@link Engine.stop}. */
  async stop(drainTimeoutMs: number): Promise<void> {
    this.stopping = true;
    await this.engine.stop(drainTimeoutMs);
    this.upstreams.stop();
  }

  private async apply(wanted: ProxyOptions): Promise<Plan> {
    const plan = this.plan(wanted);
    if (this.stopping) return plan;
    const isChanged = new Set(plan.changed.map((change) => change.after));
    const changed = new Set<string>();
    for (const [key, one] of keyed(wanted.listeners)) if (isChanged.has(one)) changed.add(key);
    const after = await this.prepare(wanted);
    const closing: Promise<void>[] = [];
    for (const [key, listening] of this.listening) {
      const options = after.get(key);
      if (options === undefined) {
        this.listening.delete(key);
        closing.push(listening.close());
      } else if (changed.has(key)) listening.update(options);
    }
    this.upstreams.retain(wanted.listeners);
    this.edges.retain();
    await Promise.all(closing);
    const { engine, workers, memory, uring } = this.running;
    this.running = { ...wanted, engine, workers, memory, uring };
    return plan;
  }

  /** The listeners as engines take them. @throws ConfigError when a file of networks is wrong */
  private async adopt({ listeners, totalRelays }: ProxyOptions): Promise<ListenerOptions[]> {
    // First what may fail.
    const edged = await this.edges.adopt(listeners, totalRelays);
    return this.upstreams.adopt(edged);
  }

  /**
   * What can fail of a reload: takes up upstreams and opens what is new, or leaves all as it was.
   *
   * @returns the listeners for the engine, by their keys
   */
  private async prepare(wanted: ProxyOptions): Promise<Map<string, ListenerOptions>> {
    try {
      const after = keyed(await this.adopt(wanted));
      await this.openAll([...after].filter(([key]) => !this.listening.has(key)));
      return after;
    } catch (error) {
      this.upstreams.retain(this.running.listeners);
      this.edges.restore();
      throw error;
    }
  }

  /** Opens all of these, or none. */
  private async openAll(wanted: readonly (readonly [string, ListenerOptions])[]): Promise<void> {
    const opened: string[] = [];
    try {
      for (const [key, options] of wanted) {
        await this.open(key, options);
        opened.push(key);
      }
    } catch (error) {
      for (const key of opened) {
        await this.listening.get(key)?.close();
        this.listening.delete(key);
      }
      throw error;
    }
  }

  private async open(key: string, options: ListenerOptions): Promise<void> {
    const socket = this.inherited(options.address);
    this.listening.set(key, await this.engine.listen(options, socket));
  }
}

/** What is told is of use here, too. */
function watching(observer: ProxyObserver, upstreams: Upstreams, edges: Edges): ProxyObserver {
  return together([
    observer,
    {
      dialFailed: (_upstream, reason, _detail, slot) => upstreams.dialFailed(slot, reason),
      workerFailed(worker) {
        upstreams.workerFailed(worker - 1);
        edges.workerFailed(worker - 1);
      },
    },
  ]);
}

/**
 * One worker of the sockets engine runs in the event loop that is there; everything else in threads.
 */
function newEngine(
  { name, uring }: EngineChoice,
  { workers, memory }: ProxyOptions,
  observer: ProxyObserver,
  { table, names }: Upstreams,
): Engine {
  const upstreams = table.memory;
  if (name === "sockets" && workers === 1) {
    return new SocketsEngine(memory, observer, names.resolve, { ...wholeShare, upstreams });
  }
  if (process.platform !== "linux") {
    throw new EngineUnsupportedError(`${workers} workers need Linux; here there can be one`);
  }
  const dials = dialWindowMemory();
  return new Fleet(
    {
      name,
      workers,
      newWorker: (share, shared, onFailed) => {
        const birth = { memory, uring, share: { ...share, upstreams, dials } };
        const { resolve } = names;
        return new ThreadEngine({ name, birth, onFailed, resolve }, shared);
      },
    },
    observer,
  );
}
