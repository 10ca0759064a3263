import type {
  Address,
  ListenerOptions,
  MemoryOptions,
  UringOptions,
} from "../../config/options.ts";
import type { Reason } from "../../flow/reason.ts";
import { RelayPhase } from "../../flow/relay.ts";
import { nameOfListener } from "../account.ts";
import { timerSpan } from "../deadlines.ts";
import { Descriptors } from "../descriptors.ts";
import type { EngineStats } from "../engine.ts";
import { Ledger } from "../ledger.ts";
import { ACCEPT_FLAGS, addressOf, Errno } from "../linux.ts";
import { Meter } from "../meter.ts";
import { BACKLOG, PATIENCE_LOOK_MS, PATIENCE_LOOKS, RELAY_DESCRIPTORS_MAX } from "../policy.ts";
import type { Summary } from "../summary.ts";
import { BufferRingFlag, CqeFlag, CqeWord } from "./abi.ts";
import { Alarms } from "./alarms.ts";
import { Chunks } from "./chunks.ts";
import { Conduit } from "./conduit.ts";
import { Dialer } from "./dialer.ts";
import { Files } from "./files.ts";
import type { Kernel, Sockets } from "./kernel.ts";
import type { Lane } from "./lane.ts";
import { Listener } from "./listener.ts";
import { Memory } from "./memory.ts";
import { Prepare } from "./prepare.ts";
import { Receiver } from "./receiver.ts";
import { createSender, type Sender } from "./sender.ts";
import { Operation, operationOf, slotOf, ticketLow } from "./ticket.ts";

/** While descriptors have run out, accepting is tried so often. */
const ACCEPT_LOOK_MS = 100;
/** After so many relays the loop waits for a quiet moment to tidy up. */
const TIDY_AFTER = 1000;
/** A moment is quiet when so long there were so few events. */
const QUIET_MS = 100;
const QUIET_EVENTS = 16;
/** What the loop tells the control plane. Nothing here may call back into the loop. */
export interface Report {
  /** A client was accepted. Missing when nobody wants to know. */
  relayStarted?(relay: Summary): void;
  relayEnded(relay: Summary): void;
  dialFailed(upstream: string, reason: Reason, detail: string): void;
  poolGrew(bytes: number): void;
  poolEmpty(): void;
  poolRefilled(): void;
  acceptPaused(cause: "descriptors" | "memory", relays: number): void;
  acceptResumed(): void;
  /** Looks a host name up; answered in a later turn. */
  resolve(host: string, port: number, answer: (addresses: readonly Address[]) => void): void;
  /** No listener and no relay is left after {@link Loop.stop}. */
  stopped(): void;
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
}

/**
 * One worker's engine: a ring, its relays, and the turn that they share.
 *
 *     ┌─► prepare the sends of the turn ─► provide buffers ─► enter: submit all, wait ─┐
 *     └──────────────── handle every completion ◄──────────────────────────────────────┘
 *
 * Completions only record facts and mark lanes; what they ask for is submitted together, by the one
 * system call that also waits for the next ones.
 *
 * Owner: the thread that calls {@link run}, which never returns to its event loop meanwhile.
 */
export class Loop {
  readonly prepare: Prepare;
  readonly chunks = new Chunks();
  readonly memory: Memory;
  readonly meter: Meter;
  readonly receiver: Receiver;
  readonly sender: Sender;
  readonly dialer: Dialer;
  /** The ring's file table, if sockets are put into it. */
  private readonly files: Files | null;
  readonly alarms = new Alarms();
  readonly descriptors = new Descriptors(() => {
    if (!this.accepting) this.gate();
  });
  /** Which relay a slot is; ended ones keep theirs, for the next tenant. */
  private readonly slots: Conduit[] = [];
  private readonly spare: Conduit[] = [];
  private readonly ledger: Ledger<Conduit>;
  private readonly listeners = new Map<number, Listener>();
  private nextListener = 0;
  private marked: Lane[] = [];
  private turns = 0;
  private events = 0;
  private silentSends = 0;
  private accepting = true;
  private isDry = false;
  /** Relays accepted since the loop has tidied up. */
  private untidy = 0;
  /** The next look at who holds memory is due. */
  private isLooking = false;
  private stopping = false;
  private drained = false;
  private isOver = false;
  /** Lanes whose sends complete silently at their submission, unless a completion says otherwise. */
  private prompt: Lane[] = [];
  /** Whether lanes may send so. With a number of completions to wait for each send has to have one. */
  readonly allowsPrompt: boolean;
  private readonly waitCount: number;
  private readonly wakeBytes = new Uint8Array(8);
  private readonly wakeAddress = addressOf(this.wakeBytes);

  /** @param wakeFd the eventfd by which the control plane wakes the loop */
  constructor(
    private readonly kernel: Kernel,
    readonly sockets: Sockets,
    private readonly options: LoopOptions,
    readonly report: Report,
    private readonly wakeFd: number,
  ) {
    this.prepare = new Prepare(kernel);
    const { waitCount, sqPollIdleMs } = options.uring;
    this.waitCount = Math.max(1, waitCount);
    // A polling thread submits whenever it comes to it.
    this.allowsPrompt = waitCount === 0 && sqPollIdleMs === 0;
    this.memory = new Memory(kernel, options.memory, options.uring, (bytes) =>
      report.poolGrew(bytes),
    );
    this.meter = new Meter(options.memory.segmentSize, this.memory.receiveMax);
    this.ledger = new Ledger("uring", this.meter);
    this.receiver = new Receiver(this, options.uring);
    this.sender = createSender(options.uring.send, this);
    this.dialer = new Dialer(this);
    this.files = options.uring.fixedFiles ? Files.open(kernel, this.prepare) : null;
    this.listenForWake();
  }

  /** Turns until {@link end} is called. */
  run(): void {
    while (!this.isOver) this.turn();
  }

  /** The loop returns from {@link run} after this turn. */
  end(): void {
    this.isOver = true;
  }

  /** One pass: submits what is due, waits, and handles what has completed. */
  turn(): void {
    // Somebody may wait by now for prompt sends that were not submitted in the turn before.
    const isLate = this.prompt.length > 0;
    this.flush();
    this.memory.refill();
    this.lookAtMemory();
    const due = Math.min(this.report.turnEnded(), this.alarms.nextMicros);
    const wait = due <= 0 || isLate ? 0 : this.waitCount;
    this.kernel.enter(wait, wait > 1 ? this.options.uring.waitTimeoutMicros : 0, due);
    // Whether everything was submitted, and all that it has to tell is here.
    const isComplete = this.kernel.unsubmitted === 0 && !this.kernel.isOverflown;
    const before = this.events;
    for (;;) {
      const at = this.kernel.completion();
      if (at < 0) break;
      this.events++;
      this.completed(at);
    }
    if (isComplete) this.conclude();
    if (this.events > before) this.turns++;
    this.alarms.run();
  }

  /**
   * Accepts on a descriptor that listens; the loop closes it at a stop.
   *
   * @param options with the address that is really listened on
   */
  listen(options: ListenerOptions, descriptor: number): void {
    const listener = new Listener(options, descriptor, this.alarms.set, (conduit) =>
      this.dialer.timedOut(conduit),
    );
    listener.account = this.ledger.account(nameOfListener(options, options.address));
    const index = this.nextListener++;
    this.listeners.set(index, listener);
    if (this.stopping) this.closeListener(index, listener);
    else if (this.accepting) this.arm(index, listener);
  }

  /** Stops accepting and lets relays finish; see {@link Engine.stop}. */
  stop(drainTimeoutMs: number): void {
    if (!this.stopping) {
      this.stopping = true;
      for (const [index, listener] of this.listeners) {
        if (listener.armed) this.cancelAccept(index);
        else this.closeListener(index, listener);
      }
    }
    if (drainTimeoutMs <= 0) this.cut();
    else this.alarms.set(timerSpan(drainTimeoutMs), () => this.cut());
    this.reportStopped();
  }

  stats(): EngineStats {
    const { memory, turns, events } = this;
    const { segmentSize, segmentCount } = this.options.memory;
    return this.ledger.stats({
      memory: {
        segmentSize,
        segmentCount,
        segmentsLeased: memory.leased,
        segmentsLeasedMax: memory.leasedMax,
        poolBytes: memory.bytes,
      },
      loop: { turns, events },
      ring: {
        submissions: this.kernel.submissions,
        completions: events,
        silentSends: this.silentSends,
        receivesWithoutBuffer: memory.receivesWithoutBuffer,
        overflows: this.kernel.overflows,
      },
    });
  }

  relays(): Summary[] {
    return this.ledger.relays();
  }

  /** A lane has something to send at the end of the turn. */
  mark(lane: Lane): void {
    if (lane.marked) return;
    lane.marked = true;
    this.marked.push(lane);
  }

  /** A lane has prepared a send that is prompt. */
  expectPrompt(lane: Lane): void {
    this.prompt.push(lane);
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
    this.prepare.close(descriptor);
  }

  /** A client was accepted, and nothing was done for it yet. */
  started(conduit: Conduit): void {
    this.report.relayStarted?.(conduit.summary());
  }

  /** Both ends of a relay are closed. */
  finished(conduit: Conduit): void {
    this.report.relayEnded(this.ledger.ends(conduit));
    this.spare.push(conduit);
    if (this.stopping) this.reportStopped();
  }

  /** Gives all memory back. Nothing may be in flight. */
  close(): void {
    this.kernel.close();
    this.sender.close();
    this.receiver.close();
    this.files?.close();
    this.memory.close();
  }

  private flush(): void {
    const { marked } = this;
    for (let i = 0; i < marked.length; i++) (marked[i] as Lane).send();
    marked.length = 0;
  }

  /** Prompt sends are over, and those that were not taken whole have told. */
  private conclude(): void {
    const { prompt } = this;
    for (let i = 0; i < prompt.length; i++) {
      if ((prompt[i] as Lane).promptSent()) this.silentSends++;
    }
    prompt.length = 0;
  }

  private completed(at: number): void {
    const { kernel } = this;
    const low = kernel.cqes[at + CqeWord.UserDataLow] as number;
    const result = kernel.cqeResults[at + CqeWord.Result] as number;
    const flags = kernel.cqes[at + CqeWord.Flags] as number;
    const operation = operationOf(low);
    switch (operation) {
      case Operation.Ignored:
        return;
      case Operation.Wake:
        this.listenForWake();
        this.report.woken();
        return;
      case Operation.Accept:
        this.acceptCompleted(slotOf(low), result, flags);
        return;
    }
    const conduit = this.slots[slotOf(low)];
    const generation = kernel.cqes[at + CqeWord.UserDataHigh] as number;
    // What comes for an earlier tenant was cancelled with it.
    if (conduit === undefined || conduit.generation !== generation) return;
    switch (operation) {
      case Operation.ReceiveUp:
        conduit.up.receiveCompleted(result, flags);
        return;
      case Operation.ReceiveDown:
        conduit.down.receiveCompleted(result, flags);
        return;
      case Operation.SendUp:
        conduit.up.sendCompleted(result, flags);
        return;
      case Operation.SendDown:
        conduit.down.sendCompleted(result, flags);
        return;
      case Operation.WatchUp:
        conduit.up.watchCompleted(result, flags);
        return;
      case Operation.WatchDown:
        conduit.down.watchCompleted(result, flags);
        return;
      case Operation.Socket:
        this.dialer.socketCompleted(conduit, result);
        return;
      case Operation.Connect:
        this.dialer.connectCompleted(conduit, result);
        return;
    }
  }

  private listenForWake(): void {
    this.prepare.read(this.wakeFd, this.wakeAddress, ticketLow(Operation.Wake, 0), 0);
  }

  private acceptCompleted(index: number, result: number, flags: number): void {
    const listener = this.listeners.get(index);
    if (listener === undefined) {
      if (result >= 0) this.sockets.closeNow(result);
      return;
    }
    if (result >= 0) this.accept(listener, result);
    if ((flags & CqeFlag.More) !== 0) {
      // From here on one at a time: the last one that fits must be the last one accepted.
      if (!this.isAmple) this.cancelAccept(index);
      return;
    }
    listener.armed = false;
    if (this.stopping) this.closeListener(index, listener);
    else if (result === -Errno.EMFILE || result === -Errno.ENFILE) this.shut("descriptors");
    else if (this.accepting) this.arm(index, listener);
  }

  private accept(listener: Listener, descriptor: number): void {
    const conduit = this.spare.pop() ?? this.newConduit(listener);
    const id = this.ledger.begins(conduit, listener.account);
    if (++this.untidy === TIDY_AFTER) this.awaitQuiet();
    conduit.accept(id, descriptor, listener);
    if (this.drained && conduit.relay.phase !== RelayPhase.Free) conduit.terminate("drain");
    this.gate();
  }

  /**
   * The runtime collects garbage by timers of its event loop, to which this thread never returns, so
   * that what a thousand relays have left would stay for good. A quiet moment does nobody harm.
   */
  private awaitQuiet(): void {
    const { events } = this;
    this.alarms.set(QUIET_MS, () => {
      if (this.events - events > QUIET_EVENTS) {
        this.awaitQuiet();
        return;
      }
      this.untidy = 0;
      this.report.tidy();
    });
  }

  private newConduit(listener: Listener): Conduit {
    const conduit = new Conduit(this, this.slots.length, listener);
    this.slots.push(conduit);
    return conduit;
  }

  private arm(index: number, listener: Listener): void {
    listener.armed = true;
    const low = ticketLow(Operation.Accept, index);
    this.prepare.accept(listener.descriptor, ACCEPT_FLAGS, this.isAmple, low);
  }

  /** Whether a whole backlog may be accepted at once without running out of descriptors. */
  private get isAmple(): boolean {
    return this.descriptors.left > BACKLOG * RELAY_DESCRIPTORS_MAX;
  }

  private cancelAccept(index: number): void {
    this.prepare.cancel(ticketLow(Operation.Accept, index), 0);
  }

  /** Opens or closes the gate: whether listeners accept. */
  private gate(): void {
    if (this.stopping) return;
    const cause = this.isDry ? "memory" : this.descriptors.tight ? "descriptors" : null;
    if (this.accepting && cause !== null) this.shut(cause);
    else if (!this.accepting && cause === null && this.descriptors.ample) {
      this.accepting = true;
      for (const [index, listener] of this.listeners) {
        if (!listener.armed) this.arm(index, listener);
      }
      this.report.acceptResumed();
    }
  }

  private shut(cause: "memory" | "descriptors"): void {
    if (!this.accepting) return;
    this.accepting = false;
    this.ledger.acceptPauses++;
    for (const [index, listener] of this.listeners) {
      if (listener.armed) this.cancelAccept(index);
    }
    this.report.acceptPaused(cause, this.ledger.running.size);
    if (cause === "descriptors") this.alarms.set(ACCEPT_LOOK_MS, () => this.lookAtGate());
  }

  /** Descriptors may come back that no relay had: nobody tells, so it is tried. */
  private lookAtGate(): void {
    if (this.accepting || this.stopping) return;
    this.gate();
    if (!this.accepting) this.alarms.set(ACCEPT_LOOK_MS, () => this.lookAtGate());
  }

  private lookAtMemory(): void {
    const { dry } = this.memory;
    if (dry === this.isDry) return;
    this.isDry = dry;
    if (dry) {
      this.report.poolEmpty();
      if (!this.isLooking) this.alarms.set(PATIENCE_LOOK_MS, () => this.look());
      this.isLooking = true;
    } else this.report.poolRefilled();
    this.gate();
  }

  /**
   * While everybody waits for memory, whoever holds some and has not moved a byte for long is cut: a
   * few ends that never read must not stop all the others.
   */
  private look(): void {
    // Memory may run out many times a second: one row of looks is enough, and must be no faster.
    this.isLooking = this.isDry;
    if (!this.isDry) return;
    this.alarms.set(PATIENCE_LOOK_MS, () => this.look());
    for (const conduit of this.ledger.running) {
      for (const lane of [conduit.up, conduit.down]) {
        if (lane.lookStill() >= PATIENCE_LOOKS) conduit.terminate("memory_limit");
      }
    }
  }

  /**
   * Closing a listening socket resets whoever the kernel has connected and nobody has accepted yet,
   * with a request perhaps already sent. So they are accepted first.
   */
  private closeListener(index: number, listener: Listener): void {
    this.listeners.delete(index);
    const { descriptor } = listener;
    this.sockets.stopWaiting(descriptor);
    for (let failures = 0; failures < BACKLOG; ) {
      const accepted = this.sockets.acceptNow(descriptor);
      if (accepted >= 0) this.accept(listener, accepted);
      else if (isGoodbye(-accepted)) failures++;
      else break;
    }
    this.sockets.closeNow(descriptor);
    this.reportStopped();
  }

  private cut(): void {
    this.drained = true;
    for (const conduit of this.ledger.running) conduit.terminate("drain");
  }

  private reportStopped(): void {
    if (this.ledger.running.size === 0 && this.listeners.size === 0) this.report.stopped();
  }
}

/** accept(2) tells of a client that has left already; there may be others behind it. */
function isGoodbye(errno: number): boolean {
  return errno === Errno.ECONNABORTED || errno === Errno.EINTR || errno === Errno.EPROTO;
}
