import type { Address, EngineName, FileAccess, ListenerOptions } from "../config/options.ts";
import type { Selection } from "../engine/ending/dropping.ts";
import type {
  Engine,
  EngineObserver,
  EngineShare,
  EngineStats,
  Listening,
  ProxyObserver,
  RelaySummary,
} from "../engine/engine.ts";
import { closeDescriptor, duplicate } from "../engine/libc.ts";
import { hostOf, type ListeningSocket, openListening } from "../engine/listening-socket.ts";
import { mayOverlap } from "../engine/overlap.ts";
import { removeSocketFile } from "../engine/socket-file.ts";
import { noStats, totalStats } from "../engine/total.ts";
import { SharedObserver } from "./shared-observer.ts";

/** How a fleet is made. */
export interface FleetOptions {
  readonly name: EngineName;
  /** Workers, at least 1. */
  readonly workers: number;
  /** Makes one; `onFailed` is called at most once. */
  readonly newWorker: (
    share: EngineShare,
    observer: EngineObserver,
    onFailed: (error: string) => void,
  ) => Engine;
}

/** A worker fails seldom. If it fails again and again its successor waits for so long. */
const REPLACE_AFTER_MS = [0, 100, 1_000, 5_000] as const;
/** A worker that has lived for so long begins anew with that. */
const HEALTHY_MS = 60_000;

interface Worker {
  engine: Engine;
  observer: SharedObserver;
  share: EngineShare;
  bornAt: number;
  /** Failures in a row. */
  failures: number;
}

/**
 * Several engines, each in a thread of its own, that relay as one. They share nothing but listening
 * sockets' ports: each worker has a socket of its own on every port, and the kernel spreads clients
 * over them by their addresses. The fleet keeps a duplicate of each socket, so that who has connected
 * to a worker that fails is accepted by its successor.
 *
 * Linux only, as it needs SO_REUSEPORT that spreads.
 */
export class Fleet implements Engine {
  readonly name: EngineName;
  private readonly workers: Worker[] = [];
  private readonly listening = new Set<FleetListening>();
  private readonly startedAt = performance.now();
  /** What workers had counted that are no more. */
  private gone: EngineStats;
  private stopping = false;

  constructor(
    private readonly options: FleetOptions,
    private readonly observer: ProxyObserver,
  ) {
    this.name = options.name;
    this.gone = noStats(this.name);
    for (let index = 0; index < options.workers; index++) {
      this.workers.push(this.newWorker(index, index + 1, 0));
    }
  }

  async listen(options: ListenerOptions, given?: ListeningSocket): Promise<Listening> {
    const sockets = await this.open(options.address, given, options.unix);
    const [{ address }] = sockets;
    const listening = new FleetListening(address, options, sockets, given === undefined, () =>
      this.listening.delete(listening),
    );
    this.listening.add(listening);
    try {
      await Promise.all(this.workers.map(({ engine }, index) => listening.begin(index, engine)));
    } catch (error) {
      await listening.close();
      throw error;
    }
    return listening;
  }

  async stop(drainTimeoutMs: number): Promise<number> {
    this.stopping = true;
    for (const listening of this.listening) listening.letGo();
    const cut = await Promise.all(this.workers.map(({ engine }) => engine.stop(drainTimeoutMs)));
    return cut.reduce((sum, one) => sum + one, 0);
  }

  stats(): EngineStats {
    const parts = this.workers.map(({ engine }) => engine.stats());
    const total = totalStats(this.name, [this.gone, ...parts]);
    return { ...total, durationMs: performance.now() - this.startedAt };
  }

  relays(): RelaySummary[] {
    const all = this.workers.flatMap(({ engine }) => engine.relays());
    return this.workers.length === 1 ? all : all.sort((a, b) => a.startedAt - b.startedAt);
  }

  cut(relay: number): void {
    // Their numbers are dealt out in turn.
    this.workers[(relay - 1) % this.workers.length]?.engine.cut(relay);
  }

  drop(selection: Selection, withinMs: number | null): void {
    for (const { engine } of this.workers) engine.drop(selection, withinMs);
  }

  /** A socket for each worker, or one for all of them. */
  private async open(
    address: Address,
    given: ListeningSocket | undefined,
    access: FileAccess,
  ): Promise<[ListeningSocket, ...ListeningSocket[]]> {
    const { workers } = this.options;
    if (given !== undefined) return [given];
    if (address.kind === "unix" || workers === 1) {
      return [await openListening(address, "none", undefined, access)];
    }
    // One of our own may be replaced by a wider one, or not be closed everywhere yet.
    const isOurs = Array.from(this.listening).some((one) => mayOverlap(one.address, address));
    // A name is looked up once: all of them have to be bound to the very same address.
    const host = await hostOf(address);
    const first = await openListening(address, isOurs ? "all" : "later", host);
    const sockets: [ListeningSocket, ...ListeningSocket[]] = [first];
    try {
      while (sockets.length < workers) {
        sockets.push(await openListening(first.address, "all", host));
      }
    } catch (error) {
      for (const { descriptor } of sockets) closeDescriptor(descriptor);
      throw error;
    }
    return sockets;
  }

  private newWorker(index: number, first: number, failures: number): Worker {
    const share = { engines: this.options.workers, first };
    const observer = new SharedObserver(this.observer, () =>
      this.workers.map((one) => one.observer),
    );
    const engine = this.options.newWorker(share, observer, (error) => this.failed(index, error));
    return { engine, observer, share, bornAt: performance.now(), failures };
  }

  private failed(index: number, error: string): void {
    const worker = this.workers[index] as Worker;
    const { accepted, reasons } = worker.engine.stats().relays;
    worker.observer.relieve();
    const failures = performance.now() - worker.bornAt > HEALTHY_MS ? 0 : worker.failures;
    const step = Math.min(failures, REPLACE_AFTER_MS.length - 1);
    const afterMs = REPLACE_AFTER_MS[step] as number;
    this.observer.workerFailed(index + 1, error, reasons.worker_failed ?? 0, afterMs);
    if (this.stopping) return;
    const { engines, first } = worker.share;
    const next = first + engines * accepted;
    setTimeout(() => void this.replace(index, next, failures + 1), afterMs);
  }

  private async replace(index: number, first: number, failures: number): Promise<void> {
    if (this.stopping) return;
    // What the one that is no more has counted stays readable; its memory it has given back.
    const last = (this.workers[index] as Worker).engine.stats();
    this.gone = totalStats(this.name, [this.gone, { ...last, memory: noStats(this.name).memory }]);
    const worker = this.newWorker(index, first, failures);
    this.workers[index] = worker;
    const all = Array.from(this.listening, (one) => one.begin(index, worker.engine));
    // One that fails again is replaced again.
    await Promise.allSettled(all);
  }
}

/** A listener of all workers. */
class FleetListening implements Listening {
  private readonly parts: (Listening | null)[] = [];
  private isLetGo = false;
  private closing: Promise<void> | null = null;

  /**
   * @param sockets one for each worker, or one for all: kept as long as this accepts
   * @param ownsPath the path of a unix socket goes with it
   */
  constructor(
    readonly address: Address,
    private options: ListenerOptions,
    private readonly sockets: readonly ListeningSocket[],
    private readonly ownsPath: boolean,
    private readonly onClosed: () => void,
  ) {}

  /** Lets a worker accept as well. @throws ListenError */
  async begin(worker: number, engine: Engine): Promise<void> {
    this.parts[worker] = null;
    if (this.isLetGo) return;
    const socket = this.sockets[worker % this.sockets.length] as ListeningSocket;
    const descriptor = duplicate(socket.descriptor);
    const { options } = this;
    const part = await engine.listen(options, { ...socket, descriptor });
    this.parts[worker] = part;
    // What has happened meanwhile.
    if (this.options !== options) await part.update(this.options);
    if (this.isLetGo) await part.close();
  }

  async update(options: ListenerOptions): Promise<void> {
    this.options = options;
    await Promise.all(this.parts.map((part) => part?.update(options)));
  }

  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  /**
   * The workers have the sockets alone from now on: the last one to close is who has accepted
   * everybody, so that nobody is reset who has connected in between.
   */
  letGo(): void {
    if (this.isLetGo) return;
    this.isLetGo = true;
    const { address, ownsPath } = this;
    if (ownsPath && address.kind === "unix") removeSocketFile(address.path);
    for (const { descriptor } of this.sockets) closeDescriptor(descriptor);
  }

  private async closeAll(): Promise<void> {
    this.letGo();
    await Promise.all(this.parts.map((part) => part?.close()));
    this.onClosed();
  }
}
