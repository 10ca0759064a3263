import type { Address } from "../../base/address.ts";
import { cleanUp, cleanUpOrThrow } from "../../base/clean-up.ts";
import type { ListenerOptions, MemoryOptions, UringOptions } from "../../config/options.ts";
import { Count } from "../../counts/figures.ts";
import type { RouteAnswer } from "../../entry/route/answer.ts";
import { StreamKind } from "../../kinds/stream/kind.ts";
import type { Backlog } from "../../memory/backlog.ts";
import type { Selection } from "../../relay/ending/dropping.ts";
import { Hall, type HallCarrier, type PauseCause } from "../../relay/hall.ts";
import { Ledger } from "../../relay/ledger/ledger.ts";
import { Meter } from "../../relay/ledger/meter.ts";
import type { Pages } from "../../relay/ledger/pages.ts";
import type { Summary } from "../../relay/ledger/summary.ts";
import type { Observer } from "../../relay/observer.ts";
import type { AskRoute, RouteQuestion } from "../../relay/route-questions.ts";
import type { EngineShare } from "../../relay/share.ts";
import { addressOf } from "../../system/linux.ts";
import type { ResolveName } from "../../upstream/names/ask.ts";
import type { Held } from "../held.ts";
import type { Answering } from "../thread/reporter.ts";
import { BufferRingFlag, CqeWord } from "./abi.ts";
import { Acceptor } from "./acceptor.ts";
import { Alarms } from "./alarms.ts";
import { Chunks } from "./chunks.ts";
import { opensDescriptor } from "./close-unknown.ts";
import { UringConduit, type UringHall, type UringListener } from "./conduit.ts";
import { Connector, type UringAttempt } from "./connector.ts";
import type { UringCopy } from "./copy.ts";
import { CopyTable } from "./copy-table.ts";
import { Ends, type UringEnd } from "./end.ts";
import { Files } from "./files.ts";
import type { Kernel, Sockets } from "./kernel.ts";
import { lettingGo } from "./letting-go.ts";
import { Memory } from "./memory.ts";
import { Prepare } from "./prepare.ts";
import { PromptSends } from "./prompt-sends.ts";
import { Receiver } from "./receiver.ts";
import { createSender } from "./senders/create.ts";
import type { Sender } from "./senders/sender.ts";
import { Operation, operationOf, slotOf, ticketLow } from "./ticket.ts";
import { Tidying } from "./tidying.ts";
import { Tuning } from "./tuning.ts";
import { Yielding } from "./yielding.ts";

/** Between two looks for resets that the kernel has not told. */
const SWEEP_MS = 1_000;

/** What the loop tells the control plane. Nothing here may call back into the loop. */
export interface Report extends Observer {
  /** Resolves a host name; answered in a later turn. */
  readonly resolve: ResolveName;
  /** Asks a listener's route function; see {@link Routing.askRoute}. */
  askRoute(question: RouteQuestion, answer: (answer: RouteAnswer) => void): () => void;
  /** That listener accepts no more. */
  unlistened(key: number): void;
  /** No listener and no relay is left after {@link Loop.stop}, which has cut so many. */
  stopped(cut: number): void;
  /** The control plane has written to the eventfd: its messages may be read. */
  woken(): void;
  /** A quiet moment after many relays: what they have left can be collected. */
  tidy(): void;
  /** A turn is over: what was put off may be sent. @returns microseconds until it must be */
  turnEnded(): number;
}

/** How a loop works. */
export interface LoopOptions {
  readonly memory: MemoryOptions;
  readonly uring: UringOptions;
  readonly share: EngineShare;
  /** The eventfd by which the control plane wakes the loop. */
  readonly wakeFd: number;
  /** Where it writes down which descriptors are its own. */
  readonly held: Held;
}

/**
 * One worker's engine: a ring, its relays, and the turn that they share.
 *
 *     ┌─► prepare the sends of the turn ─► provide buffers ─► enter: submit all, wait ─┐
 *     └──────────────── handle every completion ◄──────────────────────────────────────┘
 *
 * Completions only record facts and mark ends; what they ask for is submitted together, by the one
 * system call that also waits for the next ones.
 *
 * Owner: the thread that calls {@link run}, which never returns to its event loop meanwhile.
 */
export class Loop implements HallCarrier<UringConduit> {
  readonly prepare: Prepare;
  readonly chunks = new Chunks();
  readonly memory: Memory;
  readonly meter: Meter;
  readonly receiver: Receiver;
  readonly sender: Sender;
  readonly connector: Connector;
  readonly hall: UringHall;
  readonly tuning: Tuning;
  /** The ring's file table, if sockets are put into it. */
  private readonly files: Files | null;
  readonly alarms = new Alarms();
  private readonly copyTable = new CopyTable(this);
  /** All connections of relays. */
  readonly ends = new Ends(this);
  private readonly ledger: Ledger<UringConduit>;
  private readonly acceptor: Acceptor;
  private marked: UringEnd[] = [];
  private turns = 0;
  private events = 0;
  /** Clients that were accepted in this turn. */
  private comers = 0;
  private isOver = false;
  private readonly tidying: Tidying;
  /** The next look for resets that were not told is due. */
  private isSweeping = false;
  private readonly prompt = new PromptSends();
  /** Whether ends may send so. With a number of completions to wait for each send has to have one. */
  readonly allowsPrompt: boolean;
  private readonly waitCount: number;
  /** Null when the loop sleeps as soon as it has nothing to do. */
  private readonly yielding: Yielding | null;
  private readonly wakeBytes = new Uint8Array(8);
  private readonly wakeAddress = addressOf(this.wakeBytes);

  constructor(
    private readonly kernel: Kernel,
    readonly sockets: Sockets,
    private readonly options: LoopOptions,
    readonly report: Report,
  ) {
    this.prepare = new Prepare(kernel);
    const { waitCount, sqPollIdleMs, yield: yields } = options.uring;
    this.waitCount = Math.max(1, waitCount);
    // A polling thread submits whenever it comes to it.
    this.allowsPrompt = waitCount === 0 && sqPollIdleMs === 0;
    const isOneOfSeveral = options.share.engines > 1;
    const mayYield = yields === "always" || (yields === "auto" && isOneOfSeveral);
    this.yielding = mayYield && this.allowsPrompt ? new Yielding(kernel, this.alarms) : null;
    this.memory = new Memory(kernel, options.memory, options.uring, (bytes) =>
      report.on({ event: "poolGrew", bytes }),
    );
    this.meter = new Meter(options.memory.segmentSize, this.memory.receiveMax);
    this.ledger = new Ledger("uring", this.meter, options.share, options.memory);
    this.ledger.counts[Count.hasRing] = 1;
    const resolve: ResolveName = (...question) => report.resolve(...question);
    const askRoute: AskRoute = (...question) => report.askRoute(...question);
    const links = { observer: report, resolve, askRoute, clock: this.alarms };
    const streams = new StreamKind<UringConduit, UringListener>(
      (listener) => new UringConduit(this, listener),
    );
    this.hall = new Hall<UringConduit, UringListener>(
      this,
      streams,
      this.ledger,
      options.share,
      links,
    );
    this.acceptor = new Acceptor(this);
    this.tidying = new Tidying(
      this.alarms,
      () => this.events,
      () => report.tidy(),
    );
    this.receiver = new Receiver(this, options.uring);
    this.sender = createSender(options.uring.send, this);
    this.tuning = new Tuning(this);
    this.connector = new Connector(this);
    this.files = options.uring.fixedFiles ? Files.open(kernel, this.prepare) : null;
    this.listenForWake();
  }

  /** Turns until {@link end} is called. */
  run(): void {
    while (!this.isOver) this.turn();
    this.tellFigures();
  }

  /** The loop returns from {@link run} after this turn. */
  end(): void {
    this.isOver = true;
  }

  /** One pass: submits what is due, waits, and handles what has completed. */
  turn(): void {
    // Somebody may wait by now for prompt sends that were not submitted in the turn before.
    const isLate = !this.prompt.isEmpty;
    this.flush();
    this.memory.refill();
    this.hall.lookAtMemory();
    this.tellFigures();
    const due = Math.min(this.report.turnEnded(), this.alarms.nextMicros, this.prompt.dueMicros);
    const wait = due <= 0 || isLate ? 0 : this.waitCount;
    if (wait === 0 || !this.hasComeByYielding()) {
      this.kernel.enter(wait, wait > 1 ? this.options.uring.waitTimeoutMicros : 0, due);
    }
    // Whether everything was submitted, and all that it has to tell is here.
    const isComplete = this.kernel.unsubmitted === 0 && !this.kernel.isOverflown;
    const before = this.events;
    for (;;) {
      const at = this.kernel.completion();
      if (at < 0) break;
      this.events++;
      this.completed(at);
    }
    // Not before: what others have said may be among these completions.
    if (this.comers > 0) this.makeRoom();
    if (isComplete) this.prompt.conclude();
    if (this.events > before) this.turns++;
    this.alarms.run();
  }

  /**
   * Accepts on a descriptor that listens; the loop closes it.
   *
   * @param key by which it is called from now on, 0…2²⁸ − 1, and never used twice
   * @param options with the address that is really listened on
   */
  listen(key: number, options: ListenerOptions, descriptor: number): void {
    this.options.held.tookListening(descriptor);
    this.acceptor.listen(key, options, descriptor);
  }

  /** Gives new relays of a listener other options. Those that run keep what they began with. */
  update(key: number, options: ListenerOptions): void {
    this.acceptor.update(key, options);
  }

  /** Accepts who has connected already to a listener, and then nobody. */
  unlisten(key: number): void {
    this.acceptor.unlisten(key);
  }

  /** Ends a relay that somebody wants to be over. */
  cutRelay(id: number): void {
    this.hall.cut(id);
  }

  /** See {@link Engine.drop}. */
  drop(selection: Selection, withinMs: number | null): void {
    this.hall.drop(selection, withinMs);
  }

  /**
   * Lets everything go, at once, because of a defect: every connection is reset, the ring is closed, and
   * then every relay is told. What the kernel may still write to stays mapped, but keeps no memory.
   *
   * @returns what has gone wrong with it: no step is left out because of another one
   */
  abandon(): unknown[] {
    const { acceptor, kernel, sockets, hall, memory } = this;
    const { held } = this.options;
    const tellFigures = () => this.tellFigures();
    const all = { acceptor, kernel, sockets, hall, memory, held, tellFigures };
    return cleanUp(lettingGo(all));
  }

  /** Stops accepting and lets relays finish; see {@link Engine.stop}. */
  stop(drainTimeoutMs: number): void {
    const { hall } = this;
    if (!hall.isStopping) {
      hall.isStopping = true;
      this.acceptor.unlistenAll();
    }
    hall.stop(drainTimeoutMs);
  }

  /** What it counts, for whoever wants to read it; as of the last wait what is not of relays. */
  get pages(): Pages {
    return this.ledger.pages;
  }

  /** The relays that run, oldest first. */
  running(): Summary[] {
    return this.ledger.relays();
  }

  /** See {@link Acceptor.starved}. */
  starved(errno: number): void {
    this.acceptor.starved(errno);
  }

  /** See {@link Answering}. */
  get accepting(): Answering["accepting"] {
    return this.acceptor.accepting;
  }

  /** An end has something to send at the end of the turn. */
  mark(end: UringEnd): void {
    end.marked = true;
    this.marked.push(end);
  }

  /** An end has prepared a send that is prompt. @param isCopied somebody waits for it to be over */
  expectPrompt(end: UringEnd, isCopied: boolean): void {
    this.prompt.add(end, isCopied);
  }

  /** A descriptor is a relay's from now on. */
  added(descriptor: number): void {
    this.files?.add(descriptor);
  }

  /** See {@link Kernel.registerBuffers}. */
  registerBuffers(group: number, address: number, entries: number): number {
    return this.kernel.registerBuffers(group, address, entries, BufferRingFlag.None);
  }

  /** See {@link Kernel.unregisterBuffers}. */
  unregisterBuffers(group: number): void {
    this.kernel.unregisterBuffers(group);
  }

  /** Sets an option of a socket that a dial has opened. */
  setOption(
    descriptor: number,
    option: { readonly level: number; readonly option: number },
    value: number,
  ): void {
    this.prepare.setOption(descriptor, option, value, 4, ticketLow(Operation.Ignored, 0), 0);
  }

  /** Closes a socket that no operation uses, by FIN or by RST. */
  closeSocket(descriptor: number, isClean: boolean): void {
    if (!isClean) this.sockets.resetOnClose(descriptor);
    this.files?.remove(descriptor);
    this.options.held.closing(descriptor, this.kernel.nextEntry);
    this.prepare.close(descriptor);
  }

  /** A descriptor is the loop's from now on, and no completion has brought it. */
  took(descriptor: number): void {
    this.options.held.took(descriptor);
  }

  /** Closes a descriptor at once, beside the ring. */
  closeNow(descriptor: number): void {
    this.options.held.closed(descriptor);
    this.sockets.closeNow(descriptor);
  }

  /** A client was accepted: it becomes a relay. */
  accept(listener: UringListener, descriptor: number): void {
    this.added(descriptor);
    this.tidying.accepted();
    this.hall.accept(listener, descriptor);
    this.comers++;
    this.hall.decide();
  }

  newAttempt(conduit: UringConduit, address: Address): UringAttempt {
    return this.connector.attempt(conduit, address);
  }

  newCopy(backlog: Backlog): UringCopy {
    return this.copyTable.add(backlog);
  }

  isDry(): boolean {
    return this.memory.dry;
  }

  pause(cause: PauseCause): boolean {
    this.acceptor.shut(cause);
    return true;
  }

  readonly mayResume = true;

  resume(): void {
    this.acceptor.open();
  }

  get isQuiet(): boolean {
    return this.acceptor.isEmpty && this.connector.count === 0;
  }

  stopped(cut: number): void {
    this.report.stopped(cut);
  }

  /**
   * Bytes have come. A reset that the kernel is told of together with them, or right behind them
   * before the loop has run, completes no armed receive (bench/FINDINGS.md, 2026-11-24): so whoever
   * has received is asked, once it is quiet, whether it still has another end.
   */
  received(): void {
    if (this.isSweeping) return;
    this.isSweeping = true;
    this.alarms.set(SWEEP_MS, () => this.sweep());
  }

  private sweep(): void {
    let isOver = true;
    for (const conduit of this.ledger.running) if (!conduit.lookForReset()) isOver = false;
    this.isSweeping = false;
    if (!isOver) this.received();
  }

  /** Gives all memory back. Nothing may be in flight. */
  close(): void {
    cleanUpOrThrow([
      () => this.kernel.close(),
      () => this.copyTable.close(),
      () => this.sender.close(),
      () => this.receiver.close(),
      () => this.files?.close(),
      () => this.memory.close(),
    ]);
  }

  /** Writes down what is counted elsewhere: before each wait, so that it is true meanwhile. */
  private tellFigures(): void {
    const { kernel, memory } = this;
    const { counts } = this.ledger;
    counts[Count.segmentsLeased] = memory.leased;
    counts[Count.segmentsLeasedMax] = memory.leasedMax;
    counts[Count.poolBytes] = memory.bytes;
    counts[Count.turns] = this.turns;
    counts[Count.events] = this.events;
    counts[Count.submissions] = kernel.submissions;
    counts[Count.silentSends] = this.prompt.silent;
    counts[Count.receivesWithoutBuffer] = memory.receivesWithoutBuffer;
    counts[Count.overflows] = kernel.overflows;
  }

  /**
   * Submits all and lets others run first, if that may save a wait.
   *
   * @returns whether there are completions already, so that there is nothing to wait for
   */
  private hasComeByYielding(): boolean {
    const { kernel, yielding } = this;
    if (yielding === null || !yielding.isDue()) return false;
    kernel.enter(0, 0, Infinity);
    if (kernel.hasCompletions) return true;
    yielding.yield();
    return false;
  }

  private flush(): void {
    const { marked } = this;
    for (let i = 0; i < marked.length; i++) (marked[i] as UringEnd).flush();
    marked.length = 0;
  }

  private makeRoom(): void {
    const { comers } = this;
    this.comers = 0;
    this.hall.outsiders.makeRoom(comers);
  }

  private completed(at: number): void {
    const { kernel } = this;
    const low = kernel.cqes[at + CqeWord.UserDataLow] as number;
    const result = kernel.cqeResults[at + CqeWord.Result] as number;
    const flags = kernel.cqes[at + CqeWord.Flags] as number;
    const operation = operationOf(low);
    // Before anything else, which may go wrong: from now on only this knows of it.
    if (result >= 0 && opensDescriptor(operation)) this.options.held.took(result);
    const generation = kernel.cqes[at + CqeWord.UserDataHigh] as number;
    switch (operation) {
      case Operation.Ignored:
        return;
      case Operation.Wake:
        this.listenForWake();
        this.report.woken();
        return;
      case Operation.Accept:
        this.acceptor.completed(slotOf(low), result, flags);
        return;
      case Operation.Socket:
      case Operation.Connect:
        this.connector.completed(operation, slotOf(low), generation, result);
        return;
    }
    if (operation >= Operation.MirrorSend) {
      this.copyTable.completed(operation, slotOf(low), generation, result);
      return;
    }
    const end = this.ends.slots[slotOf(low)];
    // What comes for an earlier tenant was cancelled with it.
    if (end === undefined || end.generation !== generation) return;
    switch (operation) {
      case Operation.Receive:
        end.receiveCompleted(result, flags);
        return;
      case Operation.Send:
        end.sendCompleted(result, flags);
        return;
      case Operation.Watch:
        end.watchCompleted(result, flags);
        return;
    }
  }

  private listenForWake(): void {
    this.prepare.read(this.options.wakeFd, this.wakeAddress, ticketLow(Operation.Wake, 0), 0);
  }
}
