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
import type { ExchangeCarrier } from "../../kinds/valkey/carrier.ts";
import { Exchange } from "../../kinds/valkey/exchange.ts";
import type { Backlog } from "../../memory/backlog.ts";
import { Pool, PoolCount } from "../../memory/pool.ts";
import type { Selection } from "../../relay/ending/dropping.ts";
import { Hall, type HallCarrier } from "../../relay/hall.ts";
import type { Inside, InsideOwner } from "../../relay/inside.ts";
import { Ledger } from "../../relay/ledger/ledger.ts";
import { Meter } from "../../relay/ledger/meter.ts";
import type { Pages } from "../../relay/ledger/pages.ts";
import type { EngineStats, RelaySummary } from "../../relay/ledger/stats.ts";
import type { Summary } from "../../relay/ledger/summary.ts";
import type { Observer } from "../../relay/observer.ts";
import type { AskRoute, RouteQuestion } from "../../relay/route-questions.ts";
import { type EngineShare, wholeShare } from "../../relay/share.ts";
import { canOpenSocket } from "../../system/libc.ts";
import type { TlsServerContext } from "../../transport/tls/server-context.ts";
import type { ResolveName } from "../../upstream/names/ask.ts";
import { type Acceptance, accepts, type MovableEngine, paused } from "../engine.ts";
import type { Held } from "../held.ts";
import { ListenError } from "../listen-error.ts";
import type { GivenSockets } from "../listening-socket.ts";
import type { Answering } from "../thread/reporter.ts";
import { Acceptor } from "./acceptor.ts";
import { bunSocket, CHUNK_MAX, isTlsError, type OnDefect, throwUncaught } from "./bun-socket.ts";
import { SocketsConduit, type SocketsHall, type SocketsHost, SocketsListener } from "./conduit.ts";
import { Connector } from "./connector.ts";
import { copyHandlers, SocketsCopy } from "./copy.ts";
import { DialWindow } from "./dial-window.ts";
import { ExchangeTurns } from "./exchange-turns.ts";
import { HandshakeTurns } from "./handshake-turns.ts";
import { InsideSocket } from "./inside-socket.ts";
import { SocketsListening } from "./listening.ts";
import { Reservoir } from "./reservoir.ts";
import { beginsWithTls, contextOf } from "./tls.ts";
import { Turn } from "./turn.ts";
import { Attempt, type SocketsDialer } from "./upstream-attempt.ts";

/** Passes of the event loop that a relay gets to end after it was reset. */
const ABANDON_PASSES = 100;

/** How often the engine checks whether the kernel would still accept, as Bun reports no failure. */
const ACCEPT_LOOK_MS = 1_000;
/** While the kernel would not accept, at most this many checks in a row do not ask it again. */
const ACCEPT_LOOKS_MAX = 4;

/** The engine on `Bun.listen` and `Bun.connect`, in the event loop of the thread that made it. */
export class SocketsEngine
  implements
    MovableEngine,
    SocketsHost,
    HallCarrier<SocketsConduit>,
    ExchangeCarrier<SocketsListener>
{
  readonly name = "sockets";
  readonly reservoirs: { readonly up: Reservoir; readonly down: Reservoir };
  readonly meter: Meter;
  readonly turn: Turn;
  readonly hall: SocketsHall;
  /** Hear of clients whose TLS begins behind something else. */
  readonly securedHandlers: SocketHandler<SocketsConduit>;
  readonly handshakeTurns = new HandshakeTurns<SocketsConduit>();
  readonly clock = systemClock;
  /** As much as the pool has at most. */
  readonly holdingsMax: number;
  readonly exchange: Exchange<SocketsListener>;
  private readonly exchangeTurns: ExchangeTurns;
  private readonly copyHandlers: ReturnType<typeof copyHandlers>;
  private readonly window: DialWindow;
  private readonly connector: Connector;
  private readonly listening = new Set<SocketsListening>();
  private readonly ledger: Ledger<SocketsConduit>;
  private readonly acceptLooks: Recurring;
  /** The kernel cannot accept because descriptors or memory have run out. */
  private isStarved = false;
  /** Checks to skip before the kernel is asked again, and how many were skipped the last time. */
  private looksLeft = 0;
  private looksBefore = 0;
  private stopping: PromiseWithResolvers<number> | null = null;

  /**
   * @param resolve returns the addresses of upstreams' host names
   * @param asker asks route functions that live in another thread; null to call them directly
   * @param held notes the descriptors of the engine's own thread, if it has one
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
    this.holdingsMax = memory.segmentSize * memory.segmentCount;
    this.exchange = new Exchange<SocketsListener>(this);
    this.exchangeTurns = new ExchangeTurns(this.exchange, systemClock, onDefect);
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
    this.securedHandlers = this.clientHandlers(() => {});
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
    const tls = contextOf(options.tls, null);
    const acceptor = new Acceptor(
      address,
      options,
      this.clientHandlers((client) => this.accept(listening.listener, client)),
      beginsWithTls(options) ? tls : null,
      this.held,
    );
    if (given !== undefined) acceptor.take(given);
    else if (this.stopping === null) await acceptor.open();
    if (this.stopping !== null) {
      acceptor.close();
      throw new ListenError(address, "ECANCELED", "cannot listen: the engine is stopped");
    }
    // No client can have been accepted yet: the loop has not run since.
    const listening: SocketsListening = new SocketsListening(
      acceptor,
      this.newListener(options, acceptor.address, null, tls),
      (next, before) => {
        const nextTls = contextOf(next.tls, before.tls);
        return this.newListener(next, acceptor.address, before, nextTls);
      },
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
   * Releases everything because of a defect: resets every connection and reports every relay. A
   * step that fails does not keep the others from running.
   *
   * @returns once done, the failures of the clean-up
   */
  async abandon(): Promise<unknown[]> {
    const failures = cleanUp(this.lettingGo());
    // Bun reports the closed sockets in its next passes.
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
    yield () => this.acceptLooks.rest();
    yield* forEach(running, (conduit) => conduit.terminate("worker_failed"));
    // A conduit that has met the defect itself may not get as far as its reset.
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

  /** The engine's figures in shared memory. */
  get pages(): Pages {
    return this.ledger.pages;
  }

  stats(): EngineStats {
    return this.pages.stats();
  }

  relays(): Promise<RelaySummary[]> {
    return Promise.resolve(this.running());
  }

  /** The relays that run now, oldest first. */
  running(): Summary[] {
    return this.ledger.relays();
  }

  acceptance(): Promise<Acceptance> {
    return Promise.resolve(this.accepting.isPaused ? paused : accepts);
  }

  get accepting(): Answering["accepting"] {
    return { listeners: this.listening.size, isPaused: !this.hall.isAccepting };
  }

  newAttempt(conduit: SocketsConduit, address: Address): Attempt {
    return new Attempt(this.connector, conduit, address);
  }

  get isStopping(): boolean {
    return this.stopping !== null;
  }

  insideListener(options: ListenerOptions, before: SocketsListener | null): SocketsListener {
    return this.newListener(options, options.address, before, null);
  }

  dialInside(listener: SocketsListener, owner: InsideOwner): Inside {
    const inside = new InsideSocket(Side.Client, owner);
    this.hall.accept(listener, inside);
    return inside;
  }

  atTurnEnd(): void {
    this.exchangeTurns.begin();
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
    // Nothing to cancel: an owner that no longer waits ignores the answer.
    return () => {};
  }

  /** @param before the listener that it replaces */
  private newListener(
    options: ListenerOptions,
    address: Address,
    before: SocketsListener | null,
    tls: TlsServerContext | null,
  ): SocketsListener {
    const { exchange, hall } = this;
    const parts = hall.partsOf(options, address, before);
    return new SocketsListener(parts, hall.dialer, tls, this, exchange);
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
      error: (socket, error) => {
        if (!isTlsError(error)) this.onDefect(error);
        else socket.data.clientSocket.broke();
      },
    };
  }

  isDry(direction: "up" | "down"): boolean {
    return this.reservoirs[direction].empty;
  }

  pause(): boolean {
    // A listener that cannot pause keeps accepting; its relays then end with `descriptor_limit`.
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
   * Bun does not report that accept(2) fails, and retries at once, for ever. So the engine reads
   * the limit of descriptors, which may change, and asks the kernel for a socket: less and less
   * often while it gets none.
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

  /** Pauses or resumes accepting; always pauses while the kernel gives no descriptor. */
  private decide(): void {
    if (this.isStarved) this.hall.pause("descriptors");
    else this.hall.decide();
  }

  /** Closes clients that were not admitted, once Bun has reported what they sent so far. */
  private async makeRoom(): Promise<void> {
    await passed();
    await passed();
    if (!this.hall.isAccepting) this.hall.outsiders.makeRoom(Infinity);
  }

  /** A dial got no descriptor, so the next client would get none either. */
  private starved(): void {
    this.isStarved = true;
    this.hall.descriptors.look();
    this.decide();
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
   * Closing a listening socket resets clients that the kernel has connected and Bun has not
   * accepted yet, although they may have sent a request. So Bun accepts them first: two nested
   * `setImmediate` calls span a whole pass of the loop.
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
    if (this.listening.size === 0) this.acceptLooks.rest();
    this.hall.settleStop();
  }
}

/** Resolves when the immediates of this pass of the loop run. */
function passed(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
