import type { Socket, SocketHandler } from "bun";
import { assert } from "../../assert.ts";
import { cleanUp, forEach, type Step } from "../../clean-up.ts";
import type { Address, ListenerOptions, MemoryOptions } from "../../config/options.ts";
import { Admission } from "../../edge/admission.ts";
import { answerOf, type RouteAnswer } from "../../edge/route/answer.ts";
import { type Reason, Side } from "../../flow/reason.ts";
import type { Backlog } from "../../memory/backlog.ts";
import { Pool, PoolCount } from "../../memory/pool.ts";
import { UpstreamChooser } from "../../upstream/chooser.ts";
import type { UpstreamTable } from "../../upstream/table.ts";
import type { Book } from "../book.ts";
import { Descriptors } from "../descriptors.ts";
import type { Selection } from "../ending/dropping.ts";
import { Ending } from "../ending/ending.ts";
import {
  type Acceptance,
  accepts,
  type Engine,
  type EngineObserver,
  type EngineShare,
  type EngineStats,
  ListenError,
  type Listening,
  paused,
  type RelaySummary,
  upstreamTableOf,
  wholeShare,
} from "../engine.ts";
import type { Held } from "../held.ts";
import { Ledger } from "../ledger.ts";
import { canOpenSocket } from "../libc.ts";
import type { GivenSockets } from "../listening-socket.ts";
import { Meter } from "../meter.ts";
import { Copies, type CopiesHost } from "../mirror/copies.ts";
import type { MirrorDrop } from "../mirror/reason.ts";
import type { ResolveName } from "../names.ts";
import { Outsiders } from "../outsiders.ts";
import { Count } from "../pages.ts";
import { PATIENCE_LOOK_MS, PATIENCE_LOOKS } from "../policy.ts";
import type { AskRoute, RouteQuestion, Routing } from "../route-desk.ts";
import type { Summary } from "../summary.ts";
import type { Answering } from "../thread/teller.ts";
import { Acceptor } from "./acceptor.ts";
import { bunSocket, CHUNK_MAX } from "./bun-socket.ts";
import { Conduit, type ConduitHost } from "./conduit.ts";
import { copyHandlers, SocketsCopy } from "./copy.ts";
import { DialWindow } from "./dial-window.ts";
import { Dialer, type OnDefect, throwUncaught } from "./dialer.ts";
import { Listener } from "./listener.ts";
import { SocketsListening } from "./listening.ts";
import { Reservoir } from "./reservoir.ts";
import { Turn } from "./turn.ts";

/** Passes of the event loop after which a relay that was reset is over, or never will be. */
const ABANDON_PASSES = 100;

/** How often is looked whether the kernel would still accept: whoever is not told of a failure, as here, asks. */
const ACCEPT_LOOK_MS = 1_000;
/** While it would not, so many looks at most go by without another question. */
const ACCEPT_LOOKS_MAX = 4;

/** Conduits kept for the next tenants; beyond that the garbage collector takes them. */
const SPARE_MAX = 1024;

/** The engine on `Bun.listen` and `Bun.connect`, inside the event loop of the thread that made it. */
export class SocketsEngine implements Engine, ConduitHost, CopiesHost, Routing {
  readonly name = "sockets";
  readonly reservoirs: { readonly up: Reservoir; readonly down: Reservoir };
  readonly meter: Meter;
  readonly turn: Turn;
  readonly descriptors: Descriptors;
  readonly copies: Copies;
  private readonly outsiders: Outsiders<Conduit>;
  private readonly copyHandlers: ReturnType<typeof copyHandlers>;
  private readonly window: DialWindow;
  private readonly table: UpstreamTable;
  private readonly dialer: Dialer;
  private readonly listening = new Set<SocketsListening>();
  private readonly ledger: Ledger<Conduit>;
  private readonly spare: Conduit[] = [];
  private isAccepting = true;
  /** Runs while there are listeners. */
  private acceptLooks: ReturnType<typeof setInterval> | null = null;
  /** The kernel accepts nobody for want of descriptors or memory. */
  private isStarved = false;
  /** Looks until it is asked again, and how many that were the last time. */
  private looksLeft = 0;
  private looksBefore = 0;
  private stopped: PromiseWithResolvers<number> | null = null;
  private readonly ending: Ending<Conduit>;
  /** Runs while memory has run out. */
  private patience: ReturnType<typeof setInterval> | null = null;

  /**
   * @param resolve where it has the addresses of upstreams' host names from
   * @param asker asks route functions where they cannot be called in this thread
   * @param held of the thread that it is in, where that is one of its own
   */
  constructor(
    memory: MemoryOptions,
    private readonly observer: EngineObserver,
    private readonly resolve: ResolveName,
    share: EngineShare = wholeShare,
    private readonly onDefect: OnDefect = throwUncaught,
    private readonly asker: AskRoute | null = null,
    private readonly held?: Held,
  ) {
    this.descriptors = new Descriptors(share, () => {
      if (!this.isAccepting) this.gate();
    });
    this.outsiders = new Outsiders(this.descriptors);
    this.meter = new Meter(memory.segmentSize, CHUNK_MAX);
    this.ledger = new Ledger(this.name, this.meter, share, memory);
    this.ending = new Ending(this.ledger.running, () => this.copies.cut());
    const { counts } = this.ledger;
    this.turn = new Turn(counts);
    const pool = new Pool(
      memory.segmentSize,
      memory.segmentCount,
      (bytes) => observer.poolGrew(bytes),
      counts.subarray(Count.SegmentsLeased, Count.SegmentsLeased + PoolCount.Size),
    );
    const reservoir = (direction: "up" | "down") =>
      new Reservoir(
        pool,
        pool.count >>> 1,
        () => this.starve(direction),
        () => this.feed(direction),
      );
    this.table = upstreamTableOf(share);
    this.reservoirs = { up: reservoir("up"), down: reservoir("down") };
    this.copies = new Copies(this, this.ledger);
    this.window = new DialWindow(share.dials);
    this.dialer = new Dialer(
      this.descriptors,
      this.turn,
      observer,
      resolve,
      onDefect,
      this.window,
      () => this.starved(),
    );
    this.copyHandlers = copyHandlers(this.descriptors, onDefect);
  }

  async listen(options: ListenerOptions, given?: GivenSockets): Promise<Listening> {
    const { address } = options;
    const acceptor = new Acceptor(
      address,
      options,
      this.clientHandlers((client) => this.accept(listening.listener, client)),
      this.held,
    );
    if (given !== undefined) acceptor.take(given);
    else if (this.stopped === null) await acceptor.open();
    if (this.stopped !== null) {
      acceptor.close();
      throw new ListenError(address, "ECANCELED", "cannot listen: the engine is stopped");
    }
    // The loop has accepted nobody yet.
    const listening: SocketsListening = new SocketsListening(
      acceptor,
      this.newListener(options, acceptor.address, null),
      (next, before) => this.newListener(next, acceptor.address, before),
      () => this.unlisten(listening),
    );
    this.listening.add(listening);
    this.descriptors.listens(1);
    this.acceptLooks ??= setInterval(() => this.lookAtAccepting(), ACCEPT_LOOK_MS).unref();
    if (!this.isAccepting) acceptor.pause();
    return listening;
  }

  cut(relay: number): void {
    this.ledger.find(relay)?.terminate("admin");
  }

  drop(selection: Selection, withinMs: number | null): void {
    this.ending.drop(selection, withinMs);
  }

  /**
   * Lets everything go because of a defect: every connection is reset, every relay told.
   *
   * @returns when that is so: what has gone wrong with it. No step is left out because of another one
   */
  async abandon(): Promise<unknown[]> {
    const failures = cleanUp(this.lettingGo());
    // Bun tells of the closed sockets in its next passes.
    for (let left = ABANDON_PASSES; left > 0 && this.ledger.running.size > 0; left--) {
      await passed();
    }
    return failures.concat(cleanUp(this.telling()));
  }

  private *lettingGo(): Iterable<Step> {
    const running = () => this.ledger.running;
    yield* forEach(
      () => this.listening,
      ({ acceptor }) => acceptor.close(),
    );
    yield () => this.listening.clear();
    yield () => this.stopLooking();
    yield* forEach(running, (conduit) => conduit.terminate("worker_failed"));
    // It may be the very one that has met the defect, and has not come to that.
    yield* forEach(running, (conduit) => conduit.resetLeft());
    yield () => this.copies.cut();
  }

  /** Of relays of which Bun has told in vain. */
  private *telling(): Iterable<Step> {
    const { ledger, observer } = this;
    const running = () => ledger.running;
    yield* forEach(running, (conduit) => conduit.abandoned());
    yield* forEach(running, (conduit) => observer.relayEnded(ledger.ends(conduit)));
  }

  stop(drainTimeoutMs: number): Promise<number> {
    if (this.stopped === null) {
      this.stopped = Promise.withResolvers<number>();
      for (const listening of this.listening) void listening.close();
      queueMicrotask(() => this.resolveStop());
    }
    this.ending.stop(drainTimeoutMs);
    return this.stopped.promise;
  }

  /** What it counts, for whoever wants to read it. */
  get book(): Book {
    return this.ledger.book;
  }

  stats(): EngineStats {
    return this.book.stats();
  }

  relays(): Promise<RelaySummary[]> {
    return Promise.resolve(this.running());
  }

  /** The same, at once. */
  running(): Summary[] {
    return this.ledger.relays();
  }

  acceptance(): Promise<Acceptance> {
    return Promise.resolve(this.accepting.isPaused ? paused : accepts);
  }

  /** See {@link Answering}. */
  get accepting(): Answering["accepting"] {
    return { listeners: this.listening.size, isPaused: !this.isAccepting };
  }

  dial(conduit: Conduit): void {
    this.dialer.dial(conduit);
  }

  giveUpDial(conduit: Conduit, reason: Reason): void {
    this.dialer.failed(conduit, reason, "");
  }

  dropDial(conduit: Conduit): void {
    this.dialer.drop(conduit);
  }

  started(conduit: Conduit): void {
    this.observer.relayStarted?.(conduit.summary());
  }

  finished(conduit: Conduit): void {
    this.ending.ended(conduit);
    this.observer.relayEnded(this.ledger.ends(conduit));
    if (this.spare.length < SPARE_MAX) this.spare.push(conduit);
    if (this.stopped !== null) this.resolveStop();
  }

  newCopy(backlog: Backlog): SocketsCopy {
    const { copies, descriptors, copyHandlers, window, resolve } = this;
    return new SocketsCopy(copies, backlog, {
      descriptors,
      handlers: copyHandlers,
      window,
      resolve,
    });
  }

  mirrorDropped(drop: MirrorDrop): void {
    this.observer.mirrorDropped?.(drop);
  }

  noCopies(): void {
    if (this.stopped !== null) this.resolveStop();
  }

  askRoute(question: RouteQuestion, answer: (answer: RouteAnswer) => void): () => void {
    if (this.asker !== null) return this.asker(question, answer);
    const { hook, connection } = question;
    assert(typeof hook !== "number", "askRoute: a number is for another thread");
    answerOf(hook, connection).then(answer).catch(this.onDefect);
    // Who does not wait any more does not listen either.
    return () => {};
  }

  routeFailed(listener: string, why: string): void {
    this.ledger.add(Count.RouteFailures);
    this.observer.routeFailed?.(listener, why);
  }

  /** @param before whose place it takes */
  private newListener(
    options: ListenerOptions,
    address: Address,
    before: Listener | null,
  ): Listener {
    const account = this.ledger.accountOf(options, address, before);
    const last = before?.choice.chooser ?? null;
    const chooser = new UpstreamChooser(options.upstreams, options.balance, this.table, last);
    const { descriptors, table } = this;
    const admission = Admission.of(options.edge, table, table.worker, descriptors.forUnknown);
    const mirror = this.copies.mirrorOf(options, account.name, before?.mirror ?? null);
    return new Listener(
      options,
      account,
      chooser,
      before,
      admission,
      mirror,
      this.outsiders,
      this,
      this.dialer,
    );
  }

  private accept(listener: Listener, socket: Socket<Conduit>): void {
    this.turn.event();
    const conduit = this.spare.pop() ?? new Conduit(this, listener);
    socket.data = conduit;
    const id = this.ledger.begins(conduit, listener.account);
    conduit.accept(id, bunSocket(socket), listener);
    this.ending.begun(conduit);
    if (this.copies.count > 0) this.copies.makeRoom();
    this.outsiders.makeRoom();
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
      error: (_socket, error) => this.onDefect(error),
    };
  }

  /** Opens or closes the gate: whether listeners accept. */
  private gate(): void {
    if (this.stopped !== null) return;
    const { descriptors } = this;
    if (descriptors.tight) descriptors.look();
    const isScarce = descriptors.tight || this.isStarved;
    const cause = this.empty ? "memory" : isScarce ? "descriptors" : null;
    if (this.isAccepting && cause !== null) {
      // A listener that cannot pause goes on; its relays then end with `descriptor_limit`.
      const paused = Array.from(this.listening, ({ acceptor }) => acceptor.pause());
      if (!paused.includes(true)) return;
      this.isAccepting = false;
      this.ledger.add(Count.AcceptPauses);
      this.observer.acceptPaused(cause, this.ledger.running.size);
      void this.makeRoom().catch(this.onDefect);
    } else if (!this.isAccepting && cause === null && descriptors.ample) {
      this.isAccepting = true;
      for (const { acceptor } of this.listening) acceptor.resume();
      this.observer.acceptResumed();
    }
  }

  /**
   * Bun tells nobody that accept(2) fails, and tries again at once, for ever. So the limit, which somebody may
   * have changed, is looked at, and the kernel is asked whether it would give another socket; while it
   * would not, less and less often.
   */
  private lookAtAccepting(): void {
    this.descriptors.look();
    if (this.looksLeft > 0) this.looksLeft--;
    else {
      this.isStarved = !canOpenSocket();
      this.looksBefore = this.isStarved
        ? Math.min(ACCEPT_LOOKS_MAX, Math.max(1, this.looksBefore * 2))
        : 0;
      this.looksLeft = this.looksBefore;
    }
    if (!this.isAccepting) this.outsiders.makeRoom(Infinity);
    this.gate();
  }

  /** Whoever was not let in makes room, once all who have spoken were heard. */
  private async makeRoom(): Promise<void> {
    await passed();
    await passed();
    if (!this.isAccepting) this.outsiders.makeRoom(Infinity);
  }

  /** There was no descriptor for a dial: nor is there for who would be accepted next. */
  private starved(): void {
    this.isStarved = true;
    this.descriptors.look();
    this.gate();
  }

  private stopLooking(): void {
    if (this.acceptLooks !== null) clearInterval(this.acceptLooks);
    this.acceptLooks = null;
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
  private async unlisten(listening: SocketsListening): Promise<void> {
    await passed();
    await passed();
    listening.acceptor.close();
    this.listening.delete(listening);
    this.ledger.gone(listening.listener);
    this.descriptors.listens(-1);
    if (this.listening.size === 0) this.stopLooking();
    if (this.stopped !== null) this.resolveStop();
  }

  private resolveStop(): void {
    if (this.ledger.running.size > 0 || this.listening.size > 0) return;
    if (this.copies.count > 0) {
      this.copies.hurry();
      return;
    }
    this.stopped?.resolve(this.ending.cutCount);
  }
}

/** Resolves when the immediates of this pass of the loop run. */
function passed(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
