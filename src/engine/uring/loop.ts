import type { Address } from "../../base/address.ts";
import { cleanUp, cleanUpOrThrow } from "../../base/clean-up.ts";
import type { ListenerOptions, MemoryOptions, UringOptions } from "../../config/options.ts";
import { Count } from "../../counts/figures.ts";
import type { RouteAnswer } from "../../entry/route/answer.ts";
import { StreamKind } from "../../kinds/stream/kind.ts";
import { Exchange } from "../../kinds/valkey/exchange.ts";
import type { Backlog } from "../../memory/backlog.ts";
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
import { UringConduit, type UringHall, type UringListener } from "./conduit.ts";
import { Connector, type UringAttempt } from "./connector.ts";
import type { UringCopy } from "./copy.ts";
import { CopyTable } from "./copy-table.ts";
import { Ends, type UringEnd } from "./end.ts";
import { Files } from "./files.ts";
import { InsideCarrier } from "./inside-carrier.ts";
import type { Kernel, Sockets } from "./kernel.ts";
import { lettingGo } from "./letting-go.ts";
import { Memory } from "./memory.ts";
import { Prepare } from "./prepare.ts";
import { PromptSends } from "./prompt-sends.ts";
import { Receiver } from "./receiver.ts";
import { createSender } from "./senders/create.ts";
import type { Sender } from "./senders/sender.ts";
import { Operation, opensDescriptor, operationOf, slotOf, ticketLow } from "./ticket.ts";
import { Tidying } from "./tidying.ts";
import { Tuning } from "./tuning.ts";
import { Yielding } from "./yielding.ts";

/** Milliseconds between two looks for resets that the kernel has not reported. */
const SWEEP_MS = 1_000;

/** The loop's reports to the control plane. Nothing here may call back into the loop. */
export interface Report extends Observer {
  /** Resolves a host name; the answer comes in a later turn. */
  readonly resolve: ResolveName;
  /** Asks a listener's route function; see {@link Routing.askRoute}. */
  askRoute(question: RouteQuestion, answer: (answer: RouteAnswer) => void): () => void;
  /** A listener accepts no more. */
  unlistened(key: number): void;
  /** No listener and no relay is left after {@link Loop.stop}, which has cut this many relays. */
  stopped(cut: number): void;
  /** The control plane has written to the eventfd: its messages may be read. */
  woken(): void;
  /** A quiet moment after many relays: garbage can be collected. */
  tidy(): void;
  /** A turn is over: delayed messages may be sent. @returns microseconds until they must be */
  turnEnded(): number;
}

/** The options of a loop. */
export interface LoopOptions {
  readonly memory: MemoryOptions;
  readonly uring: UringOptions;
  readonly share: EngineShare;
  /** The eventfd by which the control plane wakes the loop. */
  readonly wakeFd: number;
  /** The record of its descriptors. */
  readonly held: Held;
}

/**
 * One worker's engine: a ring, its relays, and the turn that they share.
 *
 *     ┌─► prepare the sends of the turn ─► provide buffers ─► enter: submit all, wait ─┐
 *     └──────────────── handle every completion ◄──────────────────────────────────────┘
 *
 * Handlers of completions only record facts and mark ends. What they ask for is submitted together,
 * by the one system call that also waits for the next completions.
 *
 * Owner: the thread that calls {@link run}, which does not return to its event loop meanwhile.
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
  /** The ring's file table; null if sockets are used by descriptor. */
  private readonly files: Files | null;
  readonly alarms = new Alarms();
  readonly exchange: Exchange<UringListener>;
  private readonly copyTable = new CopyTable(this);
  readonly ends = new Ends(this);
  private readonly ledger: Ledger<UringConduit>;
  private readonly acceptor: Acceptor;
  private marked: UringEnd[] = [];
  private turns = 0;
  private events = 0;
  /** Clients accepted in this turn. */
  private comers = 0;
  private isOver = false;
  private readonly tidying: Tidying;
  /** The next look for unreported resets is scheduled. */
  private isSweeping = false;
  private readonly prompt = new PromptSends();
  /** Whether sends may be silent. If waits are for several completions, each send needs one. */
  readonly allowsPrompt: boolean;
  private readonly waitCount: number;
  /** Null if the loop sleeps as soon as it has nothing to do. */
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
    this.exchange = new Exchange<UringListener>(new InsideCarrier(this, options.memory));
    const { waitCount, sqPollIdleMs, yield: yields } = options.uring;
    this.waitCount = Math.max(1, waitCount);
    // A polling thread submits whenever it likes.
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

  /** Runs turns until {@link end} is called. */
  run(): void {
    while (!this.isOver) this.turn();
    this.tellFigures();
  }

  /** Makes {@link run} return after this turn. */
  end(): void {
    this.isOver = true;
  }

  /** One pass: submits what is due, waits, and handles what has completed. */
  turn(): void {
    // Prompt sends that the turn before could not submit may be waited for by now.
    const isLate = !this.prompt.isEmpty;
    const collects = this.exchange.collects();
    this.flush(!collects);
    this.memory.refill();
    this.hall.lookAtMemory();
    this.tellFigures();
    const due = Math.min(this.report.turnEnded(), this.alarms.nextMicros, this.prompt.dueMicros);
    const wait = due <= 0 || isLate || collects ? 0 : this.waitCount;
    if (collects) this.collect();
    else if (wait === 0 || !this.hasComeByYielding()) {
      this.kernel.enter(wait, wait > 1 ? this.options.uring.waitTimeoutMicros : 0, due);
    }
    // Everything was submitted, and all completions that it can have so far are here.
    const isComplete = this.kernel.unsubmitted === 0 && !this.kernel.isOverflown;
    const before = this.events;
    for (;;) {
      const at = this.kernel.completion();
      if (at < 0) break;
      this.events++;
      this.completed(at);
    }
    // Not earlier, because the headers of other clients may be among these completions.
    if (this.comers > 0) this.makeRoom();
    if (isComplete) this.prompt.conclude();
    if (this.events > before) this.turns++;
    this.alarms.run();
  }

  /**
   * Accepts on a listening descriptor, which the loop closes.
   *
   * @param key names the listener from now on, 0…2²⁸ − 1; never used twice
   * @param options with the bound address
   */
  listen(key: number, options: ListenerOptions, descriptor: number): void {
    this.options.held.tookListening(descriptor);
    this.acceptor.listen(key, options, descriptor);
  }

  /** Gives new relays of a listener other options. Running relays keep theirs. */
  update(key: number, options: ListenerOptions): void {
    this.acceptor.update(key, options);
  }

  /** Accepts the clients that have already connected to a listener, and no more. */
  unlisten(key: number): void {
    this.acceptor.unlisten(key);
  }

  /**
   * Releases everything at once, because of a defect: resets all connections, closes the ring, and
   * then reports every relay. Memory that the kernel may still write to keeps its addresses.
   *
   * @returns what has gone wrong; each step runs whatever happens to the others
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

  /** Its figures, which any thread may read; those not about relays are as of the last wait. */
  get pages(): Pages {
    return this.ledger.pages;
  }

  /** The running relays, oldest first. */
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

  mark(end: UringEnd): void {
    end.marked = true;
    this.marked.push(end);
  }

  /** An end has prepared a prompt send. @param isCopied a copy waits for its completion */
  expectPrompt(end: UringEnd, isCopied: boolean): void {
    this.prompt.add(end, isCopied);
  }

  /** A descriptor belongs to a relay from now on. */
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

  /** A descriptor belongs to the loop that no completion has brought. */
  took(descriptor: number): void {
    this.options.held.took(descriptor);
  }

  /** Closes a descriptor at once, without the ring. */
  closeNow(descriptor: number): void {
    this.options.held.closed(descriptor);
    this.sockets.closeNow(descriptor);
  }

  /** Makes a relay of an accepted client. */
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
   * Bytes have arrived. If the kernel learns of a reset together with them, or right after them
   * before the loop has run, no armed receive completes (bench/FINDINGS.md, 2026-11-24). So once a
   * relay that has received is quiet, the loop checks whether its ends still have a peer.
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

  /** Frees all memory. Nothing may be in flight. */
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

  /** Writes the figures that others count, before each wait, so that they are current meanwhile. */
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
   * Submits everything and lets other threads run first, if that may save a wait.
   *
   * @returns whether there are completions already, so that no wait is needed
   */
  private hasComeByYielding(): boolean {
    const { kernel, yielding } = this;
    if (yielding === null || !yielding.isDue()) return false;
    kernel.enter(0, 0, Infinity);
    if (kernel.hasCompletions) return true;
    yielding.yield();
    return false;
  }

  /** Submits everything and, if nothing has come yet, lets those run who may send more. */
  private collect(): void {
    const { kernel } = this;
    kernel.enter(0, 0, Infinity);
    if (kernel.hasCompletions) return;
    kernel.yield();
    kernel.enter(0, 0, Infinity);
  }

  private flush(sendsRequests: boolean): void {
    this.exchange.flush(sendsRequests);
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
    // First of all, because the rest may fail: from now on only this completion knows of it.
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
    // Operations of an earlier tenant were cancelled with it.
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
