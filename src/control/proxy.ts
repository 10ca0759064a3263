import type { Address } from "../base/address.ts";
import { cleanUp, cleanUpOrThrow } from "../base/clean-up.ts";
import { systemClock } from "../base/clock.ts";
import { ConfigError } from "../base/error.ts";
import { formatCounted } from "../base/quantity.ts";
import type { EngineName, ProxyOptions, WantedListener } from "../config/options.ts";
import { ListenError } from "../engine/listen-error.ts";
import type { ProxyEvent } from "../relay/events.ts";
import { nameOfListener } from "../relay/ledger/account.ts";
import { hearing, type Observer, together } from "../relay/observer.ts";
import { dnsTtlDefaults } from "../upstream/names/dns-ttl.ts";
import { type CertificateView, certificatesOf, Expiry } from "./certificates/expiry.ts";
import { type Renewed, renewedListener } from "./certificates/renewal.ts";
import { CertificateWatch, type RenewalOutcome } from "./certificates/watch.ts";
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
  /** As configured. */
  readonly options: WantedListener;
  /** The address on which it accepts. */
  readonly address: Address;
  /** The engine that carries it. */
  readonly engine: EngineName;
  /** False after it was drained. */
  readonly isAccepting: boolean;
  /** Identifies it across reloads; see {@link keyed}. */
  readonly key: string;
}

export type { TakeSockets } from "./ports.ts";

/** A proxy that accepts and relays until it is stopped. */
export class RunningProxy {
  private reloading: Promise<unknown> = Promise.resolve();
  private stopping = false;
  private leaving = false;
  /** The configuration that was applied last. */
  private held: Next;
  /** Members of services have changed; the reload in progress goes first. */
  private isRefreshing = false;
  private readonly parts: Parts;
  private readonly watch: CertificateWatch;

  private constructor(
    readonly engine: Engines,
    readonly upstreams: Upstreams,
    readonly services: Services,
    private readonly edges: Edges,
    private readonly open: Listeners,
    own: OwnAddresses,
    private running: ProxyOptions,
    observer: Observer,
  ) {
    this.held = new Next(running);
    this.watch = new CertificateWatch(
      {
        listeners: () => this.running.listeners,
        take: (renewed) => this.takeCertificates(renewed),
        expiry: new Expiry(
          () => this.shown(),
          observer,
          () => systemClock.wall(),
        ),
      },
      observer,
      systemClock,
    );
    // In the order of preparation.
    this.parts = {
      certificates: { stage: (next) => this.stageCertificates(next) },
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
   * Starts a proxy. When the promise resolves, all listeners accept; if it rejects, none does.
   *
   * @param inherited takes the sockets that another process opened for an address
   * @param lookUp resolves names and services, for tests to replace
   * @throws ListenError if a listener cannot be opened
   * @throws EngineUnsupportedError if the wanted engine cannot run here
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
    const proxy = new RunningProxy(
      engine,
      upstreams,
      services,
      edges,
      listeners,
      own,
      running,
      observer,
    );
    const begun = proxy.begin(options);
    // Changes of members wait for the start, as they do for a reload.
    proxy.reloading = begun.catch(() => {});
    await begun;
    return proxy;
  }

  /** The engines and why they were chosen, in one line. */
  get engineChoice(): string {
    const all = this.engine.inUse.map(({ choice: { name, why } }) => `${name} (${why})`);
    return all.join(", ");
  }

  /** Whether it stops or soon will, so that clients should go elsewhere. */
  get isLeaving(): boolean {
    return this.leaving || this.stopping;
  }

  /** Whether it has stopped accepting and only finishes its relays. */
  get isStopping(): boolean {
    return this.stopping;
  }

  /** What it does, in one line. */
  get status(): string {
    return `relaying on ${formatCounted(this.running.listeners.length, "listener")}`;
  }

  /** The current options. */
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
   * Returns what a reload with these options would do.
   *
   * @throws ConfigError if a file of networks is wrong
   * @throws EngineUnsupportedError if a listener wants an engine that cannot run here
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
   * Changes to these options: adds and removes listeners, and gives new relays their listener's new
   * options. Relays end only with a removed upstream. What needs a restart stays as it is. Reloads
   * run one at a time, in the order of the calls.
   *
   * @returns what was done
   * @throws ListenError if a new listener cannot be opened; then nothing has changed
   * @throws EngineUnsupportedError if a listener wants an engine that cannot run here; then nothing has
   *   changed
   * @throws StoppedError if it stops or has stopped; then nothing has changed
   */
  reload(wanted: ProxyOptions): Promise<Plan> {
    const done = this.reloading.then(() => this.apply(wanted));
    this.reloading = done.catch(() => {});
    return done;
  }

  /**
   * Closes a listener and lets its relays finish. A reload opens it again.
   *
   * @param name its name in the log
   * @returns false if none of that name is open
   */
  async drainListener(name: string): Promise<boolean> {
    const wasOpen = await this.open.drain(name);
    if (wasOpen) this.engine.drop({ listener: name }, this.running.drainTimeoutMs);
    return wasOpen;
  }

  /** The certificates that its listeners show, in the order of the options. */
  get certificates(): readonly CertificateView[] {
    return certificatesOf(this.shown());
  }

  /**
   * Reads certificates, keys and authorities of listeners again, and nothing else. New clients get
   * what is new; of what cannot be used the old ones stay.
   */
  renewCertificates(): Promise<RenewalOutcome> {
    return this.watch.renew();
  }

  /** Announces a stop; it accepts until then. */
  leave(): void {
    this.leaving = true;
  }

  /** Stops accepting and lets relays finish; see {@link Engine.stop}. */
  async stop(drainTimeoutMs: number): Promise<number> {
    this.stopping = true;
    this.watch.stop();
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
      // The first error says why it cannot start, whatever the clean-up throws.
      cleanUp([() => this.release()]);
      await this.engine.stop(0);
      throw error;
    }
  }

  private release(): void {
    cleanUpOrThrow([
      () => this.watch.stop(),
      () => this.services.stop(),
      () => this.upstreams.stop(),
    ]);
  }

  private async apply(wanted: ProxyOptions): Promise<Plan> {
    const plan = await this.plan(wanted);
    const next = new Next(wanted);
    await this.take(Object.values(this.parts), next);
    return { ...plan, relaysEnding: next.relaysEnding };
  }

  /** Prepares and commits all of these parts; if one cannot, nothing changes. */
  private async take(parts: readonly Part[], next: Next): Promise<void> {
    const staged = await stageAll(parts, next, () => this.refuseStopping()).catch((error) => {
      // If a stop came first, that is why it could not listen.
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

  private stageCertificates({ wanted }: Next): Stage {
    return { commit: () => this.watch.follow(wanted.listeners), discard() {} };
  }

  /** Listeners by their names in the log. */
  private shown() {
    return this.listeners.map(({ address, options }) => {
      return { name: nameOfListener(options, address), options };
    });
  }

  /**
   * Gives listeners certificates that were read again, after any reload in progress.
   *
   * @returns false if it stops, so that nothing has changed
   */
  private takeCertificates(renewed: Renewed): Promise<boolean> {
    const done = this.reloading.then(async () => {
      const renew = <One extends WantedListener>(one: One) => renewedListener(one, renewed);
      const { wanted, edged, expanded } = this.held;
      const next = new Next({ ...wanted, listeners: wanted.listeners.map(renew) });
      next.edged = edged.map(renew);
      next.expanded = expanded.map(renew);
      const { settings, upstreams } = this.parts;
      const changes: Part = { stage: (one) => this.open.stageChanges(one) };
      await this.take([settings, upstreams, changes], next);
      return true;
    });
    this.reloading = done.catch(() => {});
    return done.catch((error) => {
      if (error instanceof StoppedError) return false;
      throw error;
    });
  }

  /** Gives listeners the changed members of services, after any reload in progress. */
  private refresh(): void {
    if (this.isRefreshing) return;
    this.isRefreshing = true;
    this.reloading = this.reloading.then(() => this.takeMembers());
  }

  private async takeMembers(): Promise<void> {
    this.isRefreshing = false;
    if (this.stopping) return;
    // This reads no files, waits for nothing and opens nothing.
    const next = new Next(this.held.wanted);
    next.edged = this.held.edged;
    next.expanded = this.services.effective(next.edged);
    const changes: Part = { stage: (one) => this.open.stageChanges(one) };
    try {
      await this.take([this.upstreams, changes], next);
    } catch (error) {
      if (error instanceof StoppedError) return;
      // No row is left, because relays still run at too many removed upstreams.
      if (!(error instanceof ConfigError)) throw error;
      this.services.refused(error.message);
    }
  }
}

/** Passes events on, and uses some of them here. */
function watching(observer: Observer, upstreams: Upstreams, edges: Edges): Observer {
  // Engines know only the row of an upstream, not its listener.
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
