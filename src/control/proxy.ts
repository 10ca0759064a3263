import type { Address } from "../base/address.ts";
import { cleanUp, cleanUpOrThrow } from "../base/clean-up.ts";
import { ConfigError } from "../base/error.ts";
import { formatCounted } from "../base/quantity.ts";
import type { EngineName, ProxyOptions, WantedListener } from "../config/options.ts";
import { ListenError } from "../engine/listen-error.ts";
import type { ProxyEvent } from "../relay/events.ts";
import { hearing, type Observer, together } from "../relay/observer.ts";
import { dnsTtlDefaults } from "../upstream/names/dns-ttl.ts";
import { DialFilter } from "./dial-filter.ts";
import { Edges } from "./edges.ts";
import { EngineChoices } from "./engine-choices.ts";
import type { Engines } from "./engines.ts";
import { Listeners } from "./listeners.ts";
import { ENGINES_MAX, newEngines } from "./new-engine.ts";
import { OwnAddresses } from "./own-addresses.ts";
import { OwnListeners } from "./own-listeners.ts";
import { keyed, type Plan, planReload } from "./plan.ts";
import { Ports, type TakeSockets } from "./ports.ts";
import { type LookUpParts, lookUpBy, Services } from "./services.ts";
import { sources } from "./source-addresses.ts";
import { Next, type Part, type Parts, reloaded, type Stage, stageAll } from "./stage.ts";
import { StoppedError } from "./stopped-error.ts";
import { Upstreams } from "./upstreams.ts";

/** A listener of a running proxy. */
export interface RunningListener {
  /** As it was configured. */
  readonly options: WantedListener;
  /** Where it really accepts. */
  readonly address: Address;
  /** The engine that carries it. */
  readonly engine: EngineName;
  /** False once somebody has drained it. */
  readonly isAccepting: boolean;
  /** By which reloads know it. */
  readonly key: string;
}

export type { TakeSockets } from "./ports.ts";

/** A proxy that accepts and relays until it is stopped. */
export class RunningProxy {
  private reloading: Promise<unknown> = Promise.resolve();
  private stopping = false;
  private leaving = false;
  /** What was taken last. */
  private held: Next;
  /** Members of services have changed, which is looked at after the reload that is under way. */
  private isRefreshing = false;
  private readonly parts: Parts;

  private constructor(
    readonly engine: Engines,
    readonly upstreams: Upstreams,
    readonly services: Services,
    private readonly edges: Edges,
    private readonly open: Listeners,
    own: OwnAddresses,
    private running: ProxyOptions,
  ) {
    this.held = new Next(running);
    // In the order in which they are prepared.
    this.parts = {
      engines: engine,
      settings: { stage: (next) => this.stageSettings(next) },
      sources,
      edges,
      own: new OwnListeners(own, open),
      services,
      upstreams,
      listening: open,
    };
  }

  /**
   * Starts a proxy. All its listeners accept when the promise resolves; when it rejects, none does.
   *
   * @param inherited sockets that others have opened, for the addresses that they listen on
   * @param lookUp how upstreams' names and services are resolved, for tests to replace
   * @throws ListenError when an address cannot be listened on
   * @throws EngineUnsupportedError when the engine that was asked for cannot run here
   */
  static async start(
    options: ProxyOptions,
    observer: Observer,
    inherited: TakeSockets = () => undefined,
    lookUp: LookUpParts = lookUpBy(options.dnsServers, options.dnsTtl),
  ): Promise<RunningProxy> {
    const choices = new EngineChoices(options.uring);
    const workers = Math.max(1, options.workers);
    // Each worker counts for itself, whatever its engine.
    const places = workers * ENGINES_MAX;
    const drop = (slot: number, withinMs: number | null) => engine.drop({ slot }, withinMs);
    const own = new OwnAddresses();
    const dialFilter = new DialFilter(own, options.dnsAllow ?? []);
    const services = new Services(observer, () => proxy.refresh(), dialFilter, lookUp);
    const upstreams = new Upstreams(places, observer, drop, {
      ...lookUp,
      filter: (asked, found) => services.filter(asked, found),
      refreshService: (name) => services.refresh(name),
    });
    const edges = new Edges(places, upstreams.rows);
    const told = watching(observer, upstreams, edges);
    const engine = newEngines(options, choices, told, upstreams);
    const listeners = new Listeners(new Ports(engine, workers, inherited), engine);
    const running = { dnsTtl: dnsTtlDefaults, dnsAllow: [], ...options };
    const proxy = new RunningProxy(engine, upstreams, services, edges, listeners, own, running);
    const begun = proxy.begin(options);
    // Members that change meanwhile wait for it, as they do for a reload.
    proxy.reloading = begun.catch(() => {});
    await begun;
    return proxy;
  }

  /** Which engines run and why, in one line. */
  get engineChoice(): string {
    const all = this.engine.inUse.map(({ choice: { name, why } }) => `${name} (${why})`);
    return all.join(", ");
  }

  /** Clients should go elsewhere: it stops, or soon does. */
  get isLeaving(): boolean {
    return this.leaving || this.stopping;
  }

  /** It accepts no more, and ends when no relay is left. */
  get isStopping(): boolean {
    return this.stopping;
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
      const address = this.open.addressOf(key);
      return {
        key,
        options,
        address: address ?? options.address,
        engine: this.engine.carrierOf(options),
        isAccepting: address !== undefined,
      };
    });
  }

  /**
   * What a reload with these options would do.
   *
   * @throws ConfigError when a file of networks is wrong
   * @throws EngineUnsupportedError when a listener wants an engine that cannot run here
   */
  async plan(wanted: ProxyOptions): Promise<Plan> {
    this.engine.check(wanted.listeners);
    const otherNetworks = await this.edges.changed(wanted.listeners);
    const relaysEnding = this.upstreams.endingWithout(this.services.expand(wanted.listeners));
    const keys = [...keyed(this.running.listeners).keys()];
    const closed = new Set(keys.filter((key) => this.open.addressOf(key) === undefined));
    return planReload(this.running, wanted, { otherNetworks, closed, relaysEnding });
  }

  /**
   * Does what these options want, as far as it differs: listeners are added and removed, and new
   * relays get their listener's new options. No relay ends but with an upstream that goes. What needs a restart stays as it
   * is. One reload at a time, in the order of the calls.
   *
   * @returns what was done
   * @throws ListenError when a new address cannot be listened on; then nothing has changed
   * @throws EngineUnsupportedError when a listener wants an engine that cannot run here; then nothing
   *   has changed
   * @throws StoppedError when it stops, or has stopped; then nothing has changed
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
    const wasOpen = await this.open.drain(name);
    if (wasOpen) this.engine.drop({ listener: name }, this.running.drainTimeoutMs);
    return wasOpen;
  }

  /** It will stop soon, and accepts until then. */
  leave(): void {
    this.leaving = true;
  }

  /** Stops accepting and lets relays finish; see {@link Engine.stop}. */
  async stop(drainTimeoutMs: number): Promise<number> {
    this.stopping = true;
    try {
      return await this.engine.stop(drainTimeoutMs);
    } finally {
      this.release();
    }
  }

  private async begin(options: ProxyOptions): Promise<void> {
    try {
      await this.take(Object.values(this.parts), new Next(options));
    } catch (error) {
      // Whatever goes wrong with that, it is the first error that says why it cannot start.
      cleanUp([() => this.release()]);
      await this.engine.stop(0);
      throw error;
    }
  }

  /** Nothing is looked after any more. */
  private release(): void {
    cleanUpOrThrow([() => this.services.stop(), () => this.upstreams.stop()]);
  }

  private async apply(wanted: ProxyOptions): Promise<Plan> {
    const plan = await this.plan(wanted);
    const next = new Next(wanted);
    await this.take(Object.values(this.parts), next);
    return { ...plan, relaysEnding: next.relaysEnding };
  }

  /** Prepares all of these parts, and lets them hold; or none, and all is as it was. */
  private async take(parts: readonly Part[], next: Next): Promise<void> {
    const staged = await stageAll(parts, next, () => this.refuseStopping()).catch((error) => {
      // A stop has overtaken it: nobody can listen there any more.
      if (error instanceof ListenError) this.refuseStopping();
      throw error;
    });
    this.held = next;
    await staged.commit();
    const { edged, expanded } = next;
    if (!Bun.deepEquals(this.services.effective(edged), expanded, true)) this.refresh();
  }

  private refuseStopping(): void {
    if (this.stopping) throw new StoppedError();
  }

  private stageSettings({ wanted }: Next): Stage {
    const commit = () => {
      this.running = reloaded(wanted, this.running);
    };
    return { commit, discard() {} };
  }

  /** Members of a service have changed: brings the listeners to them, when nothing else is under way. */
  private refresh(): void {
    if (this.isRefreshing) return;
    this.isRefreshing = true;
    this.reloading = this.reloading.then(() => this.takeMembers());
  }

  private async takeMembers(): Promise<void> {
    this.isRefreshing = false;
    if (this.stopping) return;
    // Nothing else is read for it, waited for or opened.
    const next = new Next(this.held.wanted);
    next.edged = this.held.edged;
    next.expanded = this.services.effective(next.edged);
    const changes: Part = { stage: (one) => this.open.stageChanges(one) };
    try {
      await this.take([this.upstreams, changes], next);
    } catch (error) {
      if (error instanceof StoppedError) return;
      // There is no row left, as relays are left at too many upstreams that have gone.
      if (!(error instanceof ConfigError)) throw error;
      this.services.refused(error.message);
    }
  }
}

/** What is told is of use here, too. */
function watching(observer: Observer, upstreams: Upstreams, edges: Edges): Observer {
  // Engines know an upstream by its row alone, and nothing of whose it is.
  const withOwner = (event: ProxyEvent): ProxyEvent => {
    if (event.event !== "dialFailed") return event;
    const listener = upstreams.listenerOf(event.slot);
    return listener === undefined ? event : { ...event, listener };
  };
  return together([
    { wantsStarts: observer.wantsStarts, on: (event) => observer.on(withOwner(event)) },
    hearing({
      dialFailed: ({ slot, reason }) => upstreams.dialFailed(slot, reason),
      workerFailed({ worker }) {
        upstreams.workerFailed(worker - 1);
        edges.workerFailed(worker - 1);
      },
      mirrorDropped({ reason, mirror }) {
        if (reason === "unreachable") upstreams.mirrorFailed(mirror);
      },
    }),
  ]);
}
