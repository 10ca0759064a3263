import { type Address, formatAddress } from "../base/address.ts";
import { cleanUpOrThrow } from "../base/clean-up.ts";
import { type ProcessClock, systemClock } from "../base/clock.ts";
import { stackOf } from "../base/stack.ts";
import type { EngineName, ListenerOptions } from "../config/options.ts";
import {
  type Acceptance,
  type Engine,
  type Listening,
  type MovableEngine,
  type MovableListening,
  paused,
} from "../engine/engine.ts";
import { ListenError } from "../engine/listen-error.ts";
import {
  type GivenSockets,
  type ListeningSocket,
  openForWorkers,
} from "../engine/listening-socket.ts";
import { mayOverlap } from "../engine/overlap.ts";
import type { Selection } from "../relay/ending/dropping.ts";
import type { EngineStats, RelaySummary } from "../relay/ledger/stats.ts";
import { noStats, totalStats } from "../relay/ledger/total.ts";
import type { Observer } from "../relay/observer.ts";
import type { EngineShare } from "../relay/share.ts";
import { closeDescriptor, duplicate } from "../system/libc.ts";
import { removeSocketFile } from "../system/socket-file.ts";
import { SharedObserver } from "./shared-observer.ts";

/** The options of a fleet. */
export interface FleetOptions {
  readonly name: EngineName;
  /** The number of workers, at least 1. */
  readonly workers: number;
  /** Workers of other engines, whose numbers come before those of these; 0 unless given. */
  readonly workersBefore?: number;
  /** The number of the first relay, 1 unless given; the next ones are counted up from it. */
  readonly firstRelay?: number;
  /**
   * Makes a worker, which calls `onFailed` at most once. For `onSilent` see the event
   * `workerSilent`.
   */
  readonly newWorker: (
    share: EngineShare,
    observer: Observer,
    onFailed: (error: string) => void,
    onSilent: (isSilent: boolean) => void,
  ) => Engine;
}

/** How long the successor of a failed worker waits, by the number of failures in a row. */
const REPLACE_AFTER_MS = [0, 100, 1_000, 5_000] as const;
const REPLACE_AFTER_MAX_MS = 5_000;
/** A worker that lived this long resets the count of failures. */
const HEALTHY_MS = 60_000;

interface Worker {
  engine: Engine;
  observer: SharedObserver;
  share: EngineShare;
  bornAt: number;
  /** Failures in a row. */
  failures: number;
  /** It has failed, and its successor is coming. */
  isOver: boolean;
}

/**
 * Several engines that relay as one, each in a thread of its own. Each worker has its own socket on
 * every port, and the kernel spreads clients over them by their addresses. The fleet keeps a
 * duplicate of each socket: if a worker fails, its successor accepts the clients in its queue.
 *
 * Linux only, because other systems' SO_REUSEPORT does not spread clients.
 */
export class Fleet implements MovableEngine {
  readonly name: EngineName;
  private readonly workers: Worker[] = [];
  private readonly listening = new Set<FleetListening>();
  private readonly startedAt: number;
  /** The counts of workers that have failed. */
  private gone: EngineStats;
  private stopping = false;
  private readonly firstRelay: number;
  private readonly workersBefore: number;

  constructor(
    private readonly options: FleetOptions,
    private readonly observer: Observer,
    private readonly clock: ProcessClock = systemClock,
  ) {
    this.startedAt = clock.now();
    this.name = options.name;
    this.gone = noStats(this.name);
    this.firstRelay = options.firstRelay ?? 1;
    this.workersBefore = options.workersBefore ?? 0;
    for (let index = 0; index < options.workers; index++) {
      this.workers.push(this.newWorker(index, this.firstRelay + index, 0));
    }
  }

  async listen(options: ListenerOptions, given?: GivenSockets): Promise<MovableListening> {
    const sockets = given?.sockets ?? (await this.open(options));
    const [{ address }] = sockets;
    const listening = new FleetListening(address, options, sockets, given?.areOwn ?? true, () =>
      this.listening.delete(listening),
    );
    this.listening.add(listening);
    try {
      await Promise.all(this.workers.map((worker, index) => begin(listening, worker, index)));
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
    return { ...total, durationMs: this.clock.now() - this.startedAt };
  }

  async relays(): Promise<RelaySummary[]> {
    const parts = await Promise.all(this.workers.map(({ engine }) => engine.relays()));
    const all = parts.flat();
    return this.workers.length === 1 ? all : all.sort((a, b) => a.startedAt - b.startedAt);
  }

  async acceptance(): Promise<Acceptance> {
    const parts = await Promise.all(this.workers.map(({ engine }) => engine.acceptance()));
    const absent = parts.flatMap(({ state, why }, index) =>
      state === "absent" ? [`worker ${this.numberOf(index)} ${why}`] : [],
    );
    if (absent.length > 0) return { state: "absent", why: absent.join("; ") };
    return parts.find(({ state }) => state === "accepts") ?? paused;
  }

  cut(relay: number): void {
    // Their numbers are dealt out in turn.
    this.workers[(relay - this.firstRelay) % this.workers.length]?.engine.cut(relay);
  }

  drop(selection: Selection, withinMs: number | null): void {
    for (const { engine } of this.workers) engine.drop(selection, withinMs);
  }

  /** Opens a socket for each worker, or one for all of them. */
  private open(options: ListenerOptions): Promise<GivenSockets["sockets"]> {
    const { address } = options;
    // A wider listener may replace one of our own, or an old one may not be closed everywhere yet.
    const isOurs = Array.from(this.listening).some((one) => mayOverlap(one.address, address));
    return openForWorkers(address, this.options.workers, isOurs, options);
  }

  private newWorker(index: number, first: number, failures: number): Worker {
    const share = { engines: this.options.workers, first };
    const observer = new SharedObserver(this.observer, () =>
      this.workers.map((one) => one.observer),
    );
    const number = this.numberOf(index);
    // `worker` is set by then: the engine does not fail before this returns.
    const engine = this.options.newWorker(
      share,
      observer,
      (error) => this.failed(index, worker, error),
      (isSilent) => this.observer.on({ event: "workerSilent", worker: number, isSilent }),
    );
    const bornAt = this.clock.now();
    const worker: Worker = { engine, observer, share, bornAt, failures, isOver: false };
    return worker;
  }

  private failed(index: number, worker: Worker, error: string): void {
    if (worker.isOver) return;
    worker.isOver = true;
    const { accepted, reasons } = worker.engine.stats().relays;
    const relays = reasons.worker_failed ?? 0;
    const failures = this.clock.now() - worker.bornAt > HEALTHY_MS ? 0 : worker.failures;
    const step = Math.min(failures, REPLACE_AFTER_MS.length - 1);
    const afterMs = REPLACE_AFTER_MS[step] as number;
    const { engines, first } = worker.share;
    const next = first + engines * accepted;
    const again = () =>
      this.clock.hold(afterMs, () => void this.replace(index, next, failures + 1));
    // An observer that throws must not prevent the successor.
    cleanUpOrThrow([
      () => void (this.stopping || again()),
      () => worker.observer.relieve(),
      () => this.tellFailed(index, error, relays, afterMs),
    ]);
  }

  private tellFailed(index: number, error: string, relays: number, replacedAfterMs: number): void {
    const worker = this.numberOf(index);
    this.observer.on({ event: "workerFailed", worker, error, relays, replacedAfterMs });
  }

  /** What others call a worker: 1, 2, 3… */
  private numberOf(index: number): number {
    return this.workersBefore + index + 1;
  }

  private async replace(index: number, first: number, failures: number): Promise<void> {
    if (this.stopping) return;
    let worker: Worker;
    try {
      worker = this.newWorker(index, first, failures);
    } catch (error) {
      this.tellFailed(index, stackOf(error), 0, REPLACE_AFTER_MAX_MS);
      this.clock.hold(REPLACE_AFTER_MAX_MS, () => void this.replace(index, first, failures));
      return;
    }
    // The failed worker's counts stay readable; its memory is free.
    const last = (this.workers[index] as Worker).engine.stats();
    this.gone = totalStats(this.name, [this.gone, { ...last, memory: noStats(this.name).memory }]);
    this.workers[index] = worker;
    const all = Array.from(this.listening, (one) => one.begin(index, worker.engine));
    for (const begun of await Promise.allSettled(all)) {
      if (begun.status === "fulfilled" || this.stopping || worker.isOver) continue;
      // Nobody would accept the clients of a socket that this worker does not listen on.
      this.failed(index, worker, stackOf(begun.reason));
      void worker.engine.stop(0);
    }
  }
}

/**
 * Lets a worker accept on a listener. If the worker fails meanwhile, that is no error: its
 * successor will accept there.
 */
async function begin(listening: FleetListening, worker: Worker, index: number): Promise<void> {
  try {
    await listening.begin(index, worker.engine);
  } catch (error) {
    const hasEnded = error instanceof ListenError && error.code === "ECANCELED" && worker.isOver;
    if (!hasEnded) throw error;
  }
}

/** A listener of all workers. */
class FleetListening implements MovableListening {
  private readonly parts: (Listening | null)[] = [];
  private isLetGo = false;
  private closing: Promise<void> | null = null;

  /**
   * @param sockets one for each worker, or one for all; kept open while this accepts
   * @param ownsPath whether to remove the path of a unix socket at the end
   */
  constructor(
    readonly address: Address,
    private options: ListenerOptions,
    private readonly sockets: GivenSockets["sockets"],
    private readonly ownsPath: boolean,
    private readonly onClosed: () => void,
  ) {}

  /** Lets a worker accept. @throws ListenError */
  async begin(worker: number, engine: Engine): Promise<void> {
    this.parts[worker] = null;
    if (this.isLetGo) return;
    const socket = this.sockets[worker % this.sockets.length] as ListeningSocket;
    const descriptor = duplicate(socket.descriptor);
    if (descriptor < 0) {
      const where = formatAddress(this.address);
      throw new ListenError(this.address, "EMFILE", `cannot listen on ${where}: EMFILE`);
    }
    const { options } = this;
    const own: GivenSockets = { sockets: [{ ...socket, descriptor }], areOwn: false };
    const part = await engine.listen(options, own);
    this.parts[worker] = part;
    // Catch up with what happened meanwhile.
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
   * Leaves the sockets to the workers. The kernel resets no client in a queue, because the last
   * worker to close has accepted all of them.
   */
  letGo(): void {
    if (this.isLetGo) return;
    this.isLetGo = true;
    const { address, ownsPath } = this;
    if (ownsPath && address.kind === "unix") removeSocketFile(address.path);
    for (const { descriptor } of this.sockets) closeDescriptor(descriptor);
  }

  async handOver(): Promise<GivenSockets> {
    if (this.isLetGo) {
      const where = formatAddress(this.address);
      throw new ListenError(this.address, "ECANCELED", `cannot hand over ${where}: it closes`);
    }
    // The path and the sockets are the caller's, whatever happens.
    this.isLetGo = true;
    this.closing ??= this.closeAll();
    await this.closing;
    return { sockets: this.sockets, areOwn: this.ownsPath };
  }

  private async closeAll(): Promise<void> {
    this.letGo();
    await Promise.all(this.parts.map((part) => part?.close()));
    this.onClosed();
  }
}
