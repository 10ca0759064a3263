import type { Socket, SocketHandler } from "bun";
import type { Address, ListenerOptions, MemoryOptions } from "../../config/options.ts";
import { Side } from "../../flow/reason.ts";
import { Pool } from "../../memory/pool.ts";
import { nameOfListener } from "../account.ts";
import { timerSpan } from "../deadlines.ts";
import { Descriptors } from "../descriptors.ts";
import {
  type Engine,
  type EngineObserver,
  type EngineStats,
  ListenError,
  type RelaySummary,
} from "../engine.ts";
import { Ledger } from "../ledger.ts";
import { Meter } from "../meter.ts";
import { PATIENCE_LOOK_MS, PATIENCE_LOOKS } from "../policy.ts";
import { bunSocket, CHUNK_MAX } from "./bun-socket.ts";
import { Conduit, type ConduitHost } from "./conduit.ts";
import { Dialer, throwUncaught } from "./dialer.ts";
import { Listener } from "./listener.ts";
import { Reservoir } from "./reservoir.ts";
import { Turn } from "./turn.ts";

/** Conduits kept for the next tenants; beyond that the garbage collector takes them. */
const SPARE_MAX = 1024;

/** The engine on `Bun.listen` and `Bun.connect`, inside the event loop of the thread that made it. */
export class SocketsEngine implements Engine, ConduitHost {
  readonly name = "sockets";
  readonly reservoirs: { readonly up: Reservoir; readonly down: Reservoir };
  readonly meter: Meter;
  readonly turn = new Turn();
  readonly descriptors = new Descriptors(() => {
    if (!this.accepting) this.gate();
  });
  private readonly pool: Pool;
  private readonly dialer: Dialer;
  private readonly listeners: Listener[] = [];
  private readonly ledger: Ledger<Conduit>;
  private readonly spare: Conduit[] = [];
  private accepting = true;
  private stopped: PromiseWithResolvers<void> | null = null;
  /** The drain timeout is over: nothing runs any longer. */
  private drained = false;
  /** Runs while memory has run out. */
  private patience: ReturnType<typeof setInterval> | null = null;
  private drainTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    memory: MemoryOptions,
    private readonly observer: EngineObserver,
  ) {
    const pool = new Pool(memory.segmentSize, memory.segmentCount, (bytes) =>
      observer.poolGrew(bytes),
    );
    const reservoir = (direction: "up" | "down") =>
      new Reservoir(
        pool,
        pool.count >>> 1,
        () => this.starve(direction),
        () => this.feed(direction),
      );
    this.pool = pool;
    this.reservoirs = { up: reservoir("up"), down: reservoir("down") };
    this.meter = new Meter(memory.segmentSize, CHUNK_MAX);
    this.ledger = new Ledger(this.name, this.meter);
    this.dialer = new Dialer(this.descriptors, this.turn, observer);
  }

  async listen(options: ListenerOptions): Promise<Address> {
    const listener: Listener = new Listener(
      options,
      this.clientHandlers((client) => this.accept(listener, client)),
      (conduit) => this.dialer.timedOut(conduit),
    );
    if (this.stopped === null) await listener.open();
    // Before the loop has accepted anybody.
    listener.account = this.ledger.account(nameOfListener(options, listener.address));
    if (this.stopped !== null) {
      listener.close();
      throw new ListenError(options.address, "ECANCELED", "cannot listen: the engine is stopped");
    }
    this.listeners.push(listener);
    return listener.address;
  }

  stop(drainTimeoutMs: number): Promise<void> {
    if (this.stopped === null) {
      this.stopped = Promise.withResolvers<void>();
      void this.closeListeners();
    }
    if (this.drainTimer !== null) clearTimeout(this.drainTimer);
    this.drainTimer = setTimeout(() => this.cut(), timerSpan(drainTimeoutMs));
    if (drainTimeoutMs <= 0) this.cut();
    return this.stopped.promise;
  }

  stats(): EngineStats {
    const { pool, turn } = this;
    return this.ledger.stats({
      memory: {
        segmentSize: pool.size,
        segmentCount: pool.count,
        segmentsLeased: pool.leased,
        segmentsLeasedMax: pool.leasedMax,
        poolBytes: pool.bytes,
      },
      loop: { turns: turn.count, events: turn.events },
      ring: null,
    });
  }

  relays(): RelaySummary[] {
    return this.ledger.relays();
  }

  dial(conduit: Conduit): void {
    this.dialer.dial(conduit);
  }

  started(conduit: Conduit): void {
    this.observer.relayStarted?.(conduit.summary());
  }

  finished(conduit: Conduit): void {
    this.observer.relayEnded(this.ledger.ends(conduit));
    if (this.spare.length < SPARE_MAX) this.spare.push(conduit);
    if (this.stopped !== null) this.resolveStop();
  }

  private accept(listener: Listener, socket: Socket<Conduit>): void {
    this.turn.event();
    const conduit = this.spare.pop() ?? new Conduit(this, listener);
    socket.data = conduit;
    const id = this.ledger.begins(conduit, listener.account);
    conduit.accept(id, bunSocket(socket), listener);
    if (this.drained && this.ledger.running.has(conduit)) conduit.terminate("drain");
    this.gate();
  }

  private clientHandlers(onOpen: (client: Socket<Conduit>) => void): SocketHandler<Conduit> {
    const { turn } = this;
    return {
      open: onOpen,
      data: (socket, chunk) => {
        socket.data.up.receive(chunk);
      },
      drain: (socket) => {
        socket.data.down.drained();
      },
      end: (socket) => {
        turn.event();
        socket.data.sourceEnded(Side.Client);
      },
      close: (socket, error) => {
        turn.event();
        socket.data.closed(Side.Client, error !== undefined);
      },
      error: (_socket, error) => throwUncaught(error),
    };
  }

  /** Opens or closes the gate: whether listeners accept. */
  private gate(): void {
    if (this.stopped !== null) return;
    const cause = this.empty ? "memory" : this.descriptors.tight ? "descriptors" : null;
    if (this.accepting && cause !== null) {
      // A listener that cannot pause goes on; its relays then end with `descriptor_limit`.
      const paused = this.listeners.map((listener) => listener.pause());
      if (!paused.includes(true)) return;
      this.accepting = false;
      this.ledger.acceptPauses++;
      this.observer.acceptPaused(cause, this.ledger.running.size);
    } else if (!this.accepting && cause === null && this.descriptors.ample) {
      this.accepting = true;
      for (const listener of this.listeners) listener.resume();
      this.observer.acceptResumed();
    }
  }

  /** Whether memory has run out in any direction. */
  private get empty(): boolean {
    return this.reservoirs.up.empty || this.reservoirs.down.empty;
  }

  private starve(direction: "up" | "down"): void {
    for (const conduit of this.ledger.running) conduit[direction].starve();
    if (this.patience !== null) return;
    this.observer.poolEmpty();
    this.patience = setInterval(() => this.look(), PATIENCE_LOOK_MS);
    this.gate();
  }

  private feed(direction: "up" | "down"): void {
    for (const conduit of this.ledger.running) conduit[direction].feed();
    if (this.empty || this.patience === null) return;
    clearInterval(this.patience);
    this.patience = null;
    this.observer.poolRefilled();
    this.gate();
  }

  /**
   * While everybody waits for memory, whoever holds some and has not moved a byte for long is cut: a
   * few ends that never read must not stop all the others.
   */
  private look(): void {
    for (const direction of ["up", "down"] as const) {
      if (!this.reservoirs[direction].empty) continue;
      for (const conduit of this.ledger.running) {
        if (conduit[direction].lookStill() >= PATIENCE_LOOKS) conduit.terminate("memory_limit");
      }
    }
  }

  /**
   * Closing a listening socket resets whoever the kernel has connected and Bun has not accepted yet,
   * with a request perhaps already sent. So they are accepted first: after a `setImmediate` that was
   * asked for in another one, a whole pass of the loop has gone by.
   */
  private async closeListeners(): Promise<void> {
    await passed();
    await passed();
    for (const listener of this.listeners) listener.close();
    this.listeners.length = 0;
    this.resolveStop();
  }

  private cut(): void {
    this.drained = true;
    for (const conduit of this.ledger.running) conduit.terminate("drain");
  }

  private resolveStop(): void {
    if (this.ledger.running.size > 0 || this.listeners.length > 0) return;
    if (this.drainTimer !== null) clearTimeout(this.drainTimer);
    this.stopped?.resolve();
  }
}

/** Resolves when the immediates of this pass of the loop run. */
function passed(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
