import { formatAddress } from "../base/address.ts";
import { cleanUp, cleanUpOrThrow } from "../base/clean-up.ts";
import { ConfigError } from "../base/error.ts";
import { formatCounted } from "../base/quantity.ts";
import type { Address, ListenerOptions, ProxyOptions, WantedListener } from "../config/options.ts";
import type { Engine, Listening } from "../engine/engine.ts";
import { ListenError } from "../engine/listen-error.ts";
import { mayOverlap } from "../engine/overlap.ts";
import { type EngineChoice, EngineUnsupportedError, selectEngine } from "../engine/select.ts";
import { dialWindowMemory } from "../engine/sockets/dial-window.ts";
import { SocketsEngine } from "../engine/sockets/engine.ts";
import { ThreadEngine } from "../engine/thread/thread-engine.ts";
import type { ProxyEvent } from "../relay/events.ts";
import { nameOfListener } from "../relay/ledger/account.ts";
import { hearing, type Observer, together } from "../relay/observer.ts";
import { wholeShare } from "../relay/share.ts";
import { usedDescriptors } from "../system/descriptors.ts";
import { setSocketAccess } from "../system/file-access.ts";
import { dnsTtlDefaults } from "../upstream/names/dns-ttl.ts";
import { Edges } from "./edges.ts";
import { Fleet } from "./fleet.ts";
import { OwnAddresses } from "./own-addresses.ts";
import { keyed, type Plan, planReload } from "./plan.ts";
import { Ports, type TakeSockets } from "./ports.ts";
import { type LookUpParts, lookUpBy, Services } from "./services.ts";
import { Sieve } from "./sieve.ts";
import { refuseForeignSources } from "./source-addresses.ts";
import { StoppedError } from "./stopped-error.ts";
import { Upstreams } from "./upstreams.ts";

/** A listener of a running proxy. */
export interface RunningListener {
  /** As it was configured. */
  readonly options: WantedListener;
  /** Where it really accepts. */
  readonly address: Address;
  /** False once somebody has drained it. */
  readonly isAccepting: boolean;
  /** By which reloads know it. */
  readonly key: string;
}

export type { TakeSockets } from "./ports.ts";

/** A start or a reload waits so long for the first answer of a service that is new. */
const FIRST_ANSWER_MS = 2_000;

/** Listeners on their way from what was configured to what engines take. */
interface Prepared {
  /** With their edges; services are still what was configured. */
  readonly edged: readonly WantedListener[];
  /** With their services' members. */
  readonly expanded: readonly ListenerOptions[];
  /** For the engine, by their keys. */
  readonly adopted: ReadonlyMap<string, ListenerOptions>;
}

/** A proxy that accepts and relays until it is stopped. */
export class RunningProxy {
  private readonly listening = new Map<string, Listening>();
  private reloading: Promise<unknown> = Promise.resolve();
  private stopping = false;
  private leaving = false;
  /** What holds. */
  private prepared: Prepared = { edged: [], expanded: [], adopted: new Map() };
  /** Members of services have changed, which is looked at after the reload that is under way. */
  private isRefreshing = false;

  private constructor(
    readonly engine: Engine,
    readonly upstreams: Upstreams,
    readonly services: Services,
    private readonly own: OwnAddresses,
    private readonly edges: Edges,
    private readonly choice: EngineChoice,
    private running: ProxyOptions,
    private readonly ports: Ports,
  ) {}

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
    const choice = selectEngine(options.engine, options.uring);
    const workers = Math.max(1, options.workers);
    const drop = (slot: number, withinMs: number | null) => engine.drop({ slot }, withinMs);
    const own = new OwnAddresses();
    const sieve = new Sieve(own, options.dnsAllow ?? []);
    const services = new Services(observer, () => proxy.refresh(), sieve, lookUp);
    const upstreams = new Upstreams(workers, observer, drop, {
      ...lookUp,
      sift: (asked, found) => services.sift(asked, found),
      refreshService: (name) => services.refresh(name),
    });
    const edges = new Edges(workers, upstreams.rows);
    const told = watching(observer, upstreams, edges);
    const engine = newEngine(choice, options, told, upstreams);
    const proxy = new RunningProxy(
      engine,
      upstreams,
      services,
      own,
      edges,
      choice,
      options,
      new Ports(engine, workers, inherited),
    );
    const begun = proxy.begin(options);
    // Members that change meanwhile wait for it, as they do for a reload.
    proxy.reloading = begun.catch(() => {});
    await begun;
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

  /** Clients should go elsewhere: it stops, or soon does. */
  get isLeaving(): boolean {
    return this.leaving || this.stopping;
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

  /**
   * What a reload with these options would do.
   *
   * @throws ConfigError when a file of networks is wrong
   */
  async plan(wanted: ProxyOptions): Promise<Plan> {
    const otherNetworks = await this.edges.changed(wanted.listeners);
    const relaysEnding = this.upstreams.endingWithout(this.services.expand(wanted.listeners));
    const keys = [...keyed(this.running.listeners).keys()];
    const closed = new Set(keys.filter((key) => !this.listening.has(key)));
    return planReload(this.running, wanted, { otherNetworks, closed, relaysEnding });
  }

  /**
   * Does what these options want, as far as it differs: listeners are added and removed, and new
   * relays get their listener's new options. No relay ends but with an upstream that goes. What needs a restart stays as it
   * is. One reload at a time, in the order of the calls.
   *
   * @returns what was done
   * @throws ListenError when a new address cannot be listened on; then nothing has changed
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
      const prepared = await this.prepare(options);
      for (const [key, one] of prepared.adopted) await this.open(key, one, prepared);
      await this.retain(prepared, options.reserved);
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
    if (this.stopping) throw new StoppedError();
    const isChanged = new Set(plan.changed.map((change) => change.after));
    const changed = new Set<string>();
    for (const [key, one] of keyed(wanted.listeners)) if (isChanged.has(one)) changed.add(key);
    giveAccess(plan, this.ports.passedOn);
    const prepared = await this.prepareAndOpen(wanted);
    const closing: Promise<void>[] = [];
    for (const [key, listening] of this.listening) {
      if (prepared.adopted.has(key)) continue;
      this.listening.delete(key);
      closing.push(listening.close());
    }
    await this.update(prepared, changed);
    const relaysEnding = await this.retain(prepared, wanted.reserved);
    await Promise.all(closing);
    const { engine, workers, memory, uring, dnsServers } = this.running;
    const { dnsTtl = dnsTtlDefaults, dnsAllow = [] } = this.running;
    this.running = { ...wanted, engine, workers, memory, uring, dnsServers, dnsTtl, dnsAllow };
    return { ...plan, relaysEnding };
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
    const { edged, expanded: before } = this.prepared;
    const expanded = this.expand(edged);
    try {
      const prepared = { edged, expanded, adopted: keyed(this.upstreams.adopt(expanded)) };
      await this.update(prepared, new Set());
      this.upstreams.retain(expanded);
      this.prepared = prepared;
    } catch (error) {
      // There is no row left, as relays are left at too many upstreams that have gone.
      if (!(error instanceof ConfigError)) throw error;
      this.upstreams.retain(before);
      this.services.refused(error.message);
    }
  }

  /**
   * New relays of these listeners, and of all whose upstreams or edges are others now, get their
   * options: files of networks may have others, and the limit of all listeners stands in none of them.
   * Until all workers know, upstreams that go must stay open: there would be none for who comes
   * meanwhile.
   */
  private async update({ adopted }: Prepared, changed: ReadonlySet<string>): Promise<void> {
    const updates: Promise<void>[] = [];
    for (const [key, listening] of this.listening) {
      const options = adopted.get(key);
      if (options === undefined) continue;
      const before = this.prepared.adopted.get(key);
      // One that has just been opened has them.
      if (before === undefined) continue;
      const isSame =
        Bun.deepEquals(before.upstreams, options.upstreams, true) &&
        Bun.deepEquals(before.edge, options.edge, true);
      if (changed.has(key) || !isSame) updates.push(listening.update(options));
    }
    await Promise.all(updates);
  }

  /**
   * The last step of a start or a reload: all this holds from now on.
   *
   * @returns how many relays end with upstreams that go
   */
  private async retain(prepared: Prepared, reserved: readonly Address[] = []): Promise<number> {
    this.prepared = prepared;
    this.services.retain(prepared.edged);
    const relaysEnding = this.upstreams.retain(prepared.expanded);
    this.edges.retain();
    // Ports that the system has picked are known only now.
    this.ownAre(prepared.edged, reserved);
    if (!Bun.deepEquals(this.expand(prepared.edged), prepared.expanded, true)) this.refresh();
    return relaysEnding;
  }

  /** No dial may end at one of these listeners, of those that are open, or at what else is our own. */
  private ownAre(listeners: readonly WantedListener[], reserved: readonly Address[] = []): void {
    const all = Array.from(keyed(listeners), ([key, options]) => {
      const address = this.listening.get(key)?.address ?? options.address;
      return { options, address, places: this.ports.placesOf(key) };
    });
    const open = Array.from(this.listening, ([key, { address }]) => {
      // Of a name all of its addresses are our own, also when it stands for others later.
      return [address, ...this.ports.placesOf(key)];
    }).flat();
    this.own.set(all, open, reserved);
  }

  /** The listeners with their services' members; what may come to lead to ourselves asks. */
  private expand(edged: readonly WantedListener[]): ListenerOptions[] {
    return this.own.guarded(this.services.expand(edged));
  }

  /** The listeners as engines take them. @throws ConfigError when a file of networks is wrong */
  private async prepare({ listeners, totalRelays, reserved }: ProxyOptions): Promise<Prepared> {
    // First what may fail.
    refuseForeignSources(listeners);
    const edged = await this.edges.adopt(listeners, totalRelays);
    this.services.adopt(listeners);
    this.ownAre(listeners, reserved);
    await this.services.answered(listeners, FIRST_ANSWER_MS);
    const expanded = this.expand(edged);
    return { edged, expanded, adopted: keyed(this.upstreams.adopt(expanded)) };
  }

  /** What can fail of a reload: takes up upstreams and opens what is new, or leaves all as it was. */
  private async prepareAndOpen(wanted: ProxyOptions): Promise<Prepared> {
    try {
      const prepared = await this.prepare(wanted);
      if (this.stopping) throw new StoppedError();
      await this.openAll(prepared);
      return prepared;
    } catch (error) {
      cleanUpOrThrow([
        () => this.services.retain(this.prepared.edged),
        () => this.upstreams.retain(this.prepared.expanded),
        () => this.edges.restore(),
        () => this.ownAre(this.prepared.edged, this.running.reserved),
      ]);
      // A stop has overtaken it: nobody can listen there any more.
      const isLate = error instanceof ListenError && this.stopping;
      throw isLate ? new StoppedError() : error;
    }
  }

  /** Opens all of these that are not open, or none. */
  private async openAll(prepared: Prepared): Promise<void> {
    const opened: string[] = [];
    try {
      for (const [key, options] of prepared.adopted) {
        if (this.listening.has(key)) continue;
        await this.open(key, options, prepared);
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

  private async open(key: string, options: ListenerOptions, prepared: Prepared): Promise<void> {
    // Those that go close when all that is new is open.
    const open = {
      get: (one: string) => (this.listening.has(one) ? prepared.adopted.has(one) : undefined),
    };
    try {
      this.listening.set(key, await this.ports.listen(key, options, open));
    } catch (error) {
      throw this.withHolder(error, prepared);
    }
  }

  /** Where a listener of our own has the port the error says so: nobody else is to be looked for. */
  private withHolder(error: unknown, { adopted }: Prepared): unknown {
    if (!(error instanceof ListenError) || error.code !== "EADDRINUSE") return error;
    // Where sockets of ours may share a port it is somebody else, or has been told.
    if (process.platform === "linux") return error;
    const { address, code, message } = error;
    for (const [key, { address: held }] of this.listening) {
      if (!mayOverlap(held, address)) continue;
      const told = `${message}, by this proxy's own listener ${formatAddress(held)}`;
      return new ListenError(address, code, told, { address: held, isGoing: !adopted.has(key) });
    }
    return error;
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

/**
 * One worker of the sockets engine runs in the event loop that is there; everything else in threads.
 */
function newEngine(
  { name, uring }: EngineChoice,
  { workers, memory }: ProxyOptions,
  observer: Observer,
  { table, names }: Upstreams,
): Engine {
  const upstreams = table.memory;
  const known = { upstreams, usedDescriptors: usedDescriptors() };
  if (name === "sockets" && workers === 1) {
    return new SocketsEngine(memory, observer, names.resolve, { ...wholeShare, ...known });
  }
  if (process.platform !== "linux") {
    throw new EngineUnsupportedError(`${workers} workers need Linux; here there can be one`);
  }
  const dials = dialWindowMemory();
  return new Fleet(
    {
      name,
      workers,
      newWorker: (share, shared, onFailed, onSilent) => {
        const birth = { memory, uring, share: { ...share, ...known, dials } };
        const { resolve } = names;
        return new ThreadEngine({ name, birth, onFailed, onSilent, resolve }, shared);
      },
    },
    observer,
  );
}

/**
 * Unix sockets of other access than before get it.
 *
 * @param passedOn addresses of those that keep what others have given them
 * @throws ListenError when one cannot be given
 */
function giveAccess({ changed }: Plan, passedOn: ReadonlySet<string>): void {
  for (const { before, after } of changed) {
    const { address, unix } = after;
    if (address.kind !== "unix" || passedOn.has(formatAddress(address))) continue;
    if (Bun.deepEquals(before.unix, unix)) continue;
    try {
      setSocketAccess(address.path, unix);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "unknown";
      throw new ListenError(address, code, `cannot listen on ${formatAddress(address)}: ${code}`);
    }
  }
}
