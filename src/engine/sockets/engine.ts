import type { Socket, SocketHandler } from "bun";
import type { Address, ListenerOptions, MemoryOptions } from "../../config/options.ts";
import { type Reason, Side } from "../../flow/reason.ts";
import { Pool } from "../../memory/pool.ts";
import type { Engine, EngineObserver, EngineStats, RelaySummary } from "../engine.ts";
import { addFlowStats, noFlowStats } from "../tally.ts";
import { bunSocket, KEEPALIVE_SECONDS } from "./bun-socket.ts";
import { Conduit, type ConduitHost } from "./conduit.ts";
import { Descriptors } from "./descriptors.ts";
import { Dialer, throwUncaught } from "./dialer.ts";
import { Listener } from "./listener.ts";
import { Meter } from "./meter.ts";
import { Reservoir } from "./reservoir.ts";
import { Turn } from "./turn.ts";

/** Conduits kept for the next tenants; beyond that the garbage collector takes them. */
const SPARE_MAX = 1024;

/** The engine on `Bun.listen` and `Bun.connect`, inside the event loop of the thread that made it. */
export class SocketsEngine implements Engine, ConduitHost {
  readonly name = "sockets";
  readonly reservoir: Reservoir;
  readonly meter: Meter;
  readonly turn = new Turn();
  private readonly descriptors = new Descriptors();
  private readonly dialer: Dialer;
  private readonly listeners: Listener[] = [];
  /** Relays that run, in the order of acceptance. */
  private readonly running = new Set<Conduit>();
  private readonly spare: Conduit[] = [];
  private readonly startedAt = performance.now();
  private readonly total = { up: noFlowStats(), down: noFlowStats() };
  private readonly reasons: Partial<Record<Reason, number>> = {};
  private accepted = 0;
  private ended = 0;
  private acceptPauses = 0;
  private accepting = true;
  private stopped: PromiseWithResolvers<void> | null = null;
  /** The drain timeout is over: nothing runs any longer. */
  private drained = false;
  private drainTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    memory: MemoryOptions,
    private readonly observer: EngineObserver,
  ) {
    const pool = new Pool(memory.segmentSize, memory.segmentCount, (bytes) =>
      observer.poolGrew(bytes),
    );
    this.reservoir = new Reservoir(
      pool,
      () => this.starve(),
      () => this.feed(),
    );
    this.meter = new Meter(memory.segmentSize);
    this.dialer = new Dialer(this.descriptors, this.turn, observer);
  }

  async listen(options: ListenerOptions): Promise<Address> {
    const listener: Listener = new Listener(
      options,
      this.clientHandlers((client) => this.accept(listener, client)),
      (conduit) => this.dialer.timedOut(conduit),
    );
    await listener.open();
    this.listeners.push(listener);
    return listener.address;
  }

  stop(drainTimeoutMs: number): Promise<void> {
    if (this.stopped === null) {
      this.stopped = Promise.withResolvers<void>();
      void this.closeListeners();
    }
    if (this.drainTimer !== null) clearTimeout(this.drainTimer);
    this.drainTimer = setTimeout(() => this.cut(), Math.max(0, drainTimeoutMs));
    if (drainTimeoutMs <= 0) this.cut();
    return this.stopped.promise;
  }

  stats(): EngineStats {
    const up = { ...this.total.up };
    const down = { ...this.total.down };
    for (const relay of this.relays()) {
      addFlowStats(up, relay.up);
      addFlowStats(down, relay.down);
    }
    const { pool } = this.reservoir;
    return {
      engine: this.name,
      durationMs: performance.now() - this.startedAt,
      relays: {
        accepted: this.accepted,
        running: this.running.size,
        ended: this.ended,
        reasons: { ...this.reasons },
      },
      up,
      down,
      memory: {
        segmentSize: pool.size,
        segmentCount: pool.count,
        segmentsLeased: pool.leased,
        segmentsLeasedMax: pool.leasedMax,
        poolBytes: pool.bytes,
      },
      loop: { turns: this.turn.count, events: this.turn.events },
      receiveSegments: Array.from(this.meter.receiveSegments),
      sendSegments: Array.from(this.meter.sendSegments),
      acceptPauses: this.acceptPauses,
    };
  }

  relays(): RelaySummary[] {
    return Array.from(this.running, (conduit) => conduit.summary());
  }

  dial(conduit: Conduit): void {
    this.dialer.dial(conduit);
  }

  descriptorClosed(): void {
    this.descriptors.closed();
    if (!this.accepting) this.gate();
  }

  finished(conduit: Conduit): void {
    this.running.delete(conduit);
    this.ended++;
    const summary = conduit.summary();
    addFlowStats(this.total.up, summary.up);
    addFlowStats(this.total.down, summary.down);
    const reason = summary.reason as Reason;
    this.reasons[reason] = (this.reasons[reason] ?? 0) + 1;
    this.observer.relayEnded(summary);
    if (this.spare.length < SPARE_MAX) this.spare.push(conduit);
    this.reservoir.released();
    if (this.stopped !== null) this.resolveStop();
  }

  private accept(listener: Listener, socket: Socket<Conduit>): void {
    this.turn.event();
    this.descriptors.opened();
    socket.setKeepAlive(true, KEEPALIVE_SECONDS * 1000);
    const conduit = this.spare.pop() ?? new Conduit(this, listener);
    socket.data = conduit;
    this.running.add(conduit);
    conduit.accept(++this.accepted, bunSocket(socket), listener);
    if (this.drained && this.running.has(conduit)) conduit.terminate("drain");
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
    const cause = this.reservoir.empty ? "memory" : this.descriptors.tight ? "descriptors" : null;
    if (this.accepting && cause !== null) {
      // A listener that cannot pause goes on; its relays then end with `descriptor_limit`.
      const paused = this.listeners.map((listener) => listener.pause());
      if (!paused.includes(true)) return;
      this.accepting = false;
      this.acceptPauses++;
      this.observer.acceptPaused(cause, this.running.size);
    } else if (!this.accepting && cause === null && this.descriptors.ample) {
      this.accepting = true;
      for (const listener of this.listeners) listener.resume();
      this.observer.acceptResumed();
    }
  }

  private starve(): void {
    this.observer.poolEmpty();
    for (const conduit of this.running) {
      conduit.up.starve();
      conduit.down.starve();
    }
    this.gate();
  }

  private feed(): void {
    this.observer.poolRefilled();
    for (const conduit of this.running) {
      conduit.up.feed();
      conduit.down.feed();
    }
    this.gate();
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
    for (const conduit of this.running) conduit.terminate("drain");
  }

  private resolveStop(): void {
    if (this.running.size > 0 || this.listeners.length > 0) return;
    if (this.drainTimer !== null) clearTimeout(this.drainTimer);
    this.stopped?.resolve();
  }
}

/** Resolves when the immediates of this pass of the loop run. */
function passed(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
