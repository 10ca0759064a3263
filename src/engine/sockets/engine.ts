import type { Socket, SocketHandler } from "bun";
import { assert } from "../../assert.ts";
import type { Address } from "../../base/address.ts";
import { cleanUp, forEach, type Step } from "../../base/clean-up.ts";
import { systemClock } from "../../base/clock.ts";
import { Side } from "../../base/reason.ts";
import { Recurring } from "../../base/recurring.ts";
import type { ListenerOptions, MemoryOptions } from "../../config/options.ts";
import { Count } from "../../counts/figures.ts";
import { answerOf, type RouteAnswer } from "../../entry/route/answer.ts";
import { StreamKind } from "../../kinds/stream/kind.ts";
import type { Backlog } from "../../memory/backlog.ts";
import { Pool, PoolCount } from "../../memory/pool.ts";
import type { Selection } from "../../relay/ending/dropping.ts";
import { Hall, type HallCarrier } from "../../relay/hall.ts";
import { Ledger } from "../../relay/ledger/ledger.ts";
import { Meter } from "../../relay/ledger/meter.ts";
import type { Pages } from "../../relay/ledger/pages.ts";
import type { EngineStats, RelaySummary } from "../../relay/ledger/stats.ts";
import type { Summary } from "../../relay/ledger/summary.ts";
import type { Observer } from "../../relay/observer.ts";
import type { AskRoute, RouteQuestion } from "../../relay/route-questions.ts";
import { type EngineShare, wholeShare } from "../../relay/share.ts";
import { canOpenSocket } from "../../system/libc.ts";
import type { ResolveName } from "../../upstream/names/ask.ts";
import { type Acceptance, accepts, type MovableEngine, paused } from "../engine.ts";
import type { Held } from "../held.ts";
import { ListenError } from "../listen-error.ts";
import type { GivenSockets } from "../listening-socket.ts";
import type { Answering } from "../thread/reporter.ts";
import { Acceptor } from "./acceptor.ts";
import { bunSocket, CHUNK_MAX } from "./bun-socket.ts";
import {
  SocketsConduit,
  type SocketsHall,
  type SocketsHost,
  type SocketsListener,
} from "./conduit.ts";
import { Attempt, Connector, type SocketsDialer } from "./connector.ts";
import { copyHandlers, SocketsCopy } from "./copy.ts";
import { DialWindow } from "./dial-window.ts";
import { Listener } from "./listener.ts";
import { SocketsListening } from "./listening.ts";
import { type OnDefect, throwUncaught } from "./on-defect.ts";
import { Reservoir } from "./reservoir.ts";
import { Turn } from "./turn.ts";

/** Passes of the event loop after which a relay that was reset is over, or never will be. */
const ABANDON_PASSES = 100;

/** How often is looked whether the kernel would still accept: whoever is not told of a failure, as here, asks. */
const ACCEPT_LOOK_MS = 1_000;
/** While it would not, so many looks at most go by without another question. */
const ACCEPT_LOOKS_MAX = 4;

/** The engine on `Bun.listen` and `Bun.connect`, inside the event loop of the thread that made it. */
export class SocketsEngine implements MovableEngine, SocketsHost, HallCarrier<SocketsConduit> {
  readonly name = "sockets";
  readonly reservoirs: { readonly up: Reservoir; readonly down: Reservoir };
  readonly meter: Meter;
  readonly turn: Turn;
  readonly hall: SocketsHall;
  private readonly copyHandlers: ReturnType<typeof copyHandlers>;
  private readonly window: DialWindow;
  private readonly connector: Connector;
  private readonly listening = new Set<SocketsListening>();
  private readonly ledger: Ledger<SocketsConduit>;
  /** Runs while there are listeners. */
  private readonly acceptLooks: Recurring;
  /** The kernel accepts nobody for want of descriptors or memory. */
  private isStarved = false;
  /** Looks until it is asked again, and how many that were the last time. */
  private looksLeft = 0;
  private looksBefore = 0;
  private stopping: PromiseWithResolvers<number> | null = null;

  /**
   * @param resolve where it has the addresses of upstreams' host names from
   * @param asker asks route functions where they cannot be called in this thread
   * @param held of the thread that it is in, where that is one of its own
   */
  constructor(
    memory: MemoryOptions,
    observer: Observer,
    resolve: ResolveName,
    share: EngineShare = wholeShare,
    private readonly onDefect: OnDefect = throwUncaught,
    private readonly asker: AskRoute | null = null,
    private readonly held?: Held,
  ) {
    this.meter = new Meter(memory.segmentSize, CHUNK_MAX);
    this.acceptLooks = new Recurring(ACCEPT_LOOK_MS, () => this.lookAtAccepting());
    this.ledger = new Ledger(this.name, this.meter, share, memory);
    const askRoute: AskRoute = (...question) => this.ask(...question);
    const links = { observer, resolve, askRoute, clock: systemClock };
    const streams = new StreamKind<SocketsConduit, SocketsListener>(
      (listener) => new SocketsConduit(this, listener),
    );
    this.hall = new Hall<SocketsConduit, SocketsListener>(this, streams, this.ledger, share, links);
    const { counts } = this.ledger;
    this.turn = new Turn(counts);
    const pool = new Pool(
      memory.segmentSize,
      memory.segmentCount,
      (bytes) => observer.on({ event: "poolGrew", bytes }),
      counts.subarray(Count.segmentsLeased, Count.segmentsLeased + PoolCount.Size),
    );
    const reservoir = (direction: "up" | "down") =>
      new Reservoir(
        pool,
        pool.count >>> 1,
        () => this.starve(direction),
        () => this.feed(direction),
      );
    this.reservoirs = { up: reservoir("up"), down: reservoir("down") };
    this.window = new DialWindow(share.dials);
    const { descriptors, dialer } = this.hall;
    this.connector = new Connector(
      descriptors,
      this.turn,
      onDefect,
      this.window,
      () => this.starved(),
      dialer as SocketsDialer,
    );
    this.copyHandlers = copyHandlers(descriptors, onDefect);
  }

  async listen(options: ListenerOptions, given?: GivenSockets): Promise<SocketsListening> {
    const { address } = options;
    const acceptor = new Acceptor(
      address,
      options,
      this.clientHandlers((client) => this.accept(listening.listener, client)),
      this.held,
    );
    if (given !== undefined) acceptor.take(given);
    else if (this.stopping === null) await acceptor.open();
    if (this.stopping !== null) {
      acceptor.close();
      throw new ListenError(address, "ECANCELED", "cannot listen: the engine is stopped");
    }
    // The loop has accepted nobody yet.
    const listening: SocketsListening = new SocketsListening(
      acceptor,
      this.newListener(options, acceptor.address, null),
      (next, before) => this.newListener(next, acceptor.address, before),
      () => this.unlisten(listening),
      () => this.unlistened(listening),
    );
    this.listening.add(listening);
    this.hall.descriptors.listens(1);
    this.acceptLooks.begin();
    if (!this.hall.isAccepting) acceptor.pause();
    return listening;
  }

  cut(relay: number): void {
    this.hall.cut(relay);
  }

  drop(selection: Selection, withinMs: number | null): void {
    this.hall.drop(selection, withinMs);
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
    return failures.concat(cleanUp(this.hall.telling()));
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
    yield () => this.hall.copies.cut();
  }

  stop(drainTimeoutMs: number): Promise<number> {
    const { hall } = this;
    if (this.stopping === null) {
      this.stopping = Promise.withResolvers<number>();
      hall.isStopping = true;
      for (const listening of this.listening) void listening.close();
      queueMicrotask(() => hall.settleStop());
    }
    hall.stop(drainTimeoutMs);
    return this.stopping.promise;
  }

  stopped(cut: number): void {
    this.stopping?.resolve(cut);
  }

  /** What it counts, for whoever wants to read it. */
  get pages(): Pages {
    return this.ledger.pages;
  }

  stats(): EngineStats {
    return this.pages.stats();
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
    return { listeners: this.listening.size, isPaused: !this.hall.isAccepting };
  }

  newAttempt(conduit: SocketsConduit, address: Address): Attempt {
    return new Attempt(this.connector, conduit, address);
  }

  newCopy(backlog: Backlog): SocketsCopy {
    const { copyHandlers, window } = this;
    const { copies, descriptors } = this.hall;
    return new SocketsCopy(copies, backlog, { descriptors, handlers: copyHandlers, window });
  }

  private ask(question: RouteQuestion, answer: (answer: RouteAnswer) => void): () => void {
    if (this.asker !== null) return this.asker(question, answer);
    const { hook, connection } = question;
    assert(typeof hook !== "number", "askRoute: a number is for another thread");
    answerOf(hook, connection).then(answer).catch(this.onDefect);
    // Who does not wait any more does not listen either.
    return () => {};
  }

  /** @param before whose place it takes */
  private newListener(
    options: ListenerOptions,
    address: Address,
    before: SocketsListener | null,
  ): SocketsListener {
    const { hall } = this;
    return new Listener(hall.partsOf(options, address, before), hall.dialer);
  }

  private accept(listener: SocketsListener, socket: Socket<SocketsConduit>): void {
    this.turn.event();
    this.hall.accept(listener, bunSocket(socket));
    this.hall.outsiders.makeRoom();
    this.hall.decide();
  }

  private clientHandlers(
    onOpen: (client: Socket<SocketsConduit>) => void,
  ): SocketHandler<SocketsConduit> {
    const { turn } = this;
    return {
      open: onOpen,
      data: (socket, chunk) => {
        socket.data.clientSocket.data(chunk);
      },
      drain: (socket) => {
        socket.data.clientSocket.drained();
      },
      end: (socket) => {
        turn.event();
        socket.data.up.sourceEnded();
      },
      close: (socket, error) => {
        turn.event();
        socket.data.closed(Side.Client, error !== undefined);
      },
      error: (_socket, error) => this.onDefect(error),
    };
  }

  isDry(direction: "up" | "down"): boolean {
    return this.reservoirs[direction].empty;
  }

  pause(): boolean {
    // A listener that cannot pause goes on; its relays then end with `descriptor_limit`.
    const paused = Array.from(this.listening, ({ acceptor }) => acceptor.pause());
    if (!paused.includes(true)) return false;
    void this.makeRoom().catch(this.onDefect);
    return true;
  }

  get mayResume(): boolean {
    return !this.isStarved;
  }

  resume(): void {
    for (const { acceptor } of this.listening) acceptor.resume();
  }

  get isQuiet(): boolean {
    return this.listening.size === 0;
  }

  /**
   * Bun tells nobody that accept(2) fails, and tries again at once, for ever. So the limit, which somebody may
   * have changed, is looked at, and the kernel is asked whether it would give another socket; while it
   * would not, less and less often.
   */
  private lookAtAccepting(): boolean {
    const { hall } = this;
    hall.descriptors.look();
    if (this.looksLeft > 0) this.looksLeft--;
    else {
      this.isStarved = !canOpenSocket();
      this.looksBefore = this.isStarved
        ? Math.min(ACCEPT_LOOKS_MAX, Math.max(1, this.looksBefore * 2))
        : 0;
      this.looksLeft = this.looksBefore;
    }
    if (!hall.isAccepting) hall.outsiders.makeRoom(Infinity);
    this.decide();
    return true;
  }

  /** The kernel has the last word. */
  private decide(): void {
    if (this.isStarved) this.hall.pause("descriptors");
    else this.hall.decide();
  }

  /** Whoever was not let in makes room, once all who have spoken were heard. */
  private async makeRoom(): Promise<void> {
    await passed();
    await passed();
    if (!this.hall.isAccepting) this.hall.outsiders.makeRoom(Infinity);
  }

  /** There was no descriptor for a dial: nor is there for who would be accepted next. */
  private starved(): void {
    this.isStarved = true;
    this.hall.descriptors.look();
    this.decide();
  }

  private stopLooking(): void {
    this.acceptLooks.rest();
  }

  private starve(direction: "up" | "down"): void {
    for (const conduit of this.ledger.running) conduit[direction].starve();
    this.hall.lookAtMemory();
  }

  private feed(direction: "up" | "down"): void {
    for (const conduit of this.ledger.running) conduit[direction].feed();
    this.hall.lookAtMemory();
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
    this.unlistened(listening);
  }

  private unlistened(listening: SocketsListening): void {
    this.listening.delete(listening);
    this.ledger.gone(listening.listener);
    this.hall.descriptors.listens(-1);
    if (this.listening.size === 0) this.stopLooking();
    this.hall.settleStop();
  }
}

/** Resolves when the immediates of this pass of the loop run. */
function passed(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
