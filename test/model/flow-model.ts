import { Effect, type Flow, Phase } from "../../src/flow/flow.ts";
import { holds } from "./fuzz.ts";

/** What is in flight towards the target: one place, so two sends at once cannot even be noted. */
export enum Pending {
  None,
  /** The target is being dialled; completes with `sent(0)`. */
  Dial,
  Send,
  End,
}

/**
 * A simulated engine for one flow, with a source of numbered bytes (0, 1, 2…) and a target that
 * knows which number it expects next. It starts what the flow asks for, leaves it in flight until a
 * test completes it, keeps the real bytes beside the flow's counts, and knows the rules of
 * DESIGN.md §2: those about starting something are checked where it starts, the others by `check`.
 */
export class FlowModel {
  receiving = false;
  pending = Pending.None;
  /** The bytes that the target may take from the send in flight. */
  offered: readonly number[] = [];
  queue: number[] = [];
  /** Bytes that the source has brought so far: the number of the next one. */
  made = 0;
  /** Bytes that the target has so far: the number that it expects next. */
  delivered = 0;
  lost = 0;
  /** FINs that the target got. */
  fins = 0;
  sourceOver = false;
  ended = false;
  aborted = false;
  starved = false;
  private receives = 0;
  private sends = 0;
  private starvations = 0;

  /**
   * @param flow the flow under test
   * @param receiveBelow bytes that may be queued while the source is being read
   * @param passesEnd whether an end that the flow asks for now travels as FIN
   */
  constructor(
    readonly flow: Flow,
    private readonly receiveBelow: number,
    private readonly passesEnd: () => boolean,
  ) {}

  get over(): boolean {
    return this.ended || this.aborted;
  }

  get idle(): boolean {
    return !this.receiving && this.pending === Pending.None;
  }

  /** A new life, which somebody else opened on the flow (a relay does it for both of its flows). */
  adopt(receivePending: boolean, dialPending: boolean): void {
    this.receiving = receivePending;
    this.pending = dialPending ? Pending.Dial : Pending.None;
    this.offered = [];
    this.queue = [];
    this.made = this.delivered = this.lost = this.fins = 0;
    this.sourceOver = this.ended = this.aborted = this.starved = false;
    this.receives = this.sends = this.starvations = 0;
  }

  open(receivePending: boolean, dialPending: boolean): void {
    this.adopt(receivePending, dialPending);
    this.carryOut(this.flow.open(receivePending, dialPending));
  }

  /** The pending receive brings the next `size` bytes of the source. */
  received(size: number): void {
    const bytes = this.make(size);
    this.receiving = false;
    if (this.aborted) this.lost += size;
    else this.queue.push(...bytes);
    this.carryOut(this.flow.received(size));
  }

  /**
   * The kernel hands over `size` bytes that nobody asked for, because the source was reset.
   *
   * @param memory bytes that the pool can still hold
   */
  flushed(size: number, memory: number): void {
    const bytes = this.make(size);
    // Behind a byte that was lost nothing may follow: the target would not see the hole.
    const whole = !this.over && this.lost === 0;
    const room = whole ? Math.min(memory, this.flow.limit - this.queue.length) : 0;
    const kept = this.flow.flushed(size, memory);
    holds(
      kept === Math.min(size, room),
      "flushed: as many as fit are kept, none behind a lost one",
    );
    this.queue.push(...bytes.slice(0, kept));
    this.lost += size - kept;
  }

  stopped(): void {
    this.receiving = false;
    this.carryOut(this.flow.stopped());
  }

  starve(): void {
    if (!this.starved) this.starvations++;
    this.starved = true;
    this.flow.starve();
  }

  fed(): void {
    this.starved = false;
    this.carryOut(this.flow.fed());
  }

  /** @param report tells the flow; a relay does it in its own way */
  endSource(report: () => Effect = () => this.flow.sourceEnded()): void {
    this.receiving = false;
    this.sourceOver = true;
    this.carryOut(report());
  }

  /** The target took the first `size` bytes of what it was offered; after an abort it still may. */
  sent(size: number): void {
    for (const byte of this.offered.slice(0, size)) {
      holds(byte === this.delivered, "bytes leave in the order in which they came, each once");
      this.delivered++;
    }
    this.offered = [];
    this.pending = Pending.None;
    if (!this.aborted) {
      this.queue.splice(0, size);
      if (size > 0) this.sends++;
    }
    this.carryOut(this.flow.sent(size));
  }

  endCarriedOut(): void {
    this.pending = Pending.None;
    if (!this.aborted) this.ended = true;
    this.flow.ended();
  }

  abort(): void {
    const queued = this.queue.length;
    this.noteAborted();
    holds(this.flow.abort() === queued, "abort: says how many queued bytes are lost");
  }

  /** Somebody else aborted the flow (a relay does). */
  noteAborted(): void {
    this.lost += this.queue.length;
    this.queue = [];
    if (!this.ended) this.aborted = true;
  }

  /** Starts what the flow asks for, if the rules allow it. */
  carryOut(effects: Effect): void {
    holds(effects === Effect.None || !this.over, "nothing starts when the flow is over");
    const known = Effect.Send | Effect.Receive | Effect.End;
    holds((effects & ~known) === 0, "only effects that exist");
    if (effects & Effect.Send) this.startSend();
    if (effects & Effect.Receive) this.startReceive();
    if (effects & Effect.End) this.startEnd();
  }

  private startSend(): void {
    holds(this.pending === Pending.None, "at most one send in flight");
    holds(this.queue.length > 0, "a send has bytes to send");
    this.pending = Pending.Send;
    this.offered = [...this.queue];
  }

  private startReceive(): void {
    holds(!this.receiving, "at most one receive pending per flow (liburing #1338)");
    holds(!this.sourceOver, "no receive from a source that ended");
    holds(this.lost === 0, "nothing is received behind a lost byte");
    holds(!this.starved, "no receive while the pool is empty");
    const room = this.queue.length <= this.receiveBelow;
    holds(room, "while received bytes wait for their target, the source is not read");
    const { limit, receiveMax } = this.flow;
    holds(this.queue.length + receiveMax <= limit, "no receive that could exceed the limit");
    this.receiving = true;
  }

  private startEnd(): void {
    holds(this.pending === Pending.None, "the end waits for the send in flight");
    holds(this.sourceOver, "no end before the source ended");
    holds(this.queue.length === 0, "the end comes after the last byte");
    holds(this.fins === 0, "the end comes once");
    this.pending = Pending.End;
    if (!this.passesEnd()) return;
    holds(this.lost === 0 && this.delivered === this.made, "a FIN says that nothing is missing");
    this.fins++;
  }

  /** The rules that hold between any two facts. */
  check(): void {
    const { flow, queue } = this;
    const sending = this.pending !== Pending.None;
    holds(flow.receiving === this.receiving, "receiving: true while a receive is in flight");
    holds(flow.sending === sending, "sending: true while a send or the end is in flight");
    holds(flow.idle === this.idle, "idle: nothing is in flight");
    holds(flow.phase === this.expectedPhase(), "phase: tells the life story");
    holds(flow.over === this.over, "over: ended or aborted");
    holds(flow.size === queue.length && flow.size <= flow.limit, "size: what is queued, ≤ limit");
    holds(!this.over || flow.size === 0, "nothing is queued when it is over");
    const waits = queue.length <= this.receiveBelow || !flow.receiving;
    holds(waits, "while received bytes wait for their target, the source is not read");
    this.checkCounts();
    if (!this.over) this.checkProgress();
  }

  private checkCounts(): void {
    const { flow } = this;
    holds(flow.receivedBytes === this.made, "receivedBytes: what the source brought");
    holds(flow.lostBytes === this.lost, "lostBytes: what no target will get");
    const sum = flow.sentBytes + flow.lostBytes + flow.size;
    holds(flow.receivedBytes === sum, "received = sent + lost + queued");
    // A send in flight at the abort may still deliver bytes that were already given up as lost.
    const known = this.aborted || flow.sentBytes === this.delivered;
    holds(known && flow.sentBytes <= this.delivered, "sentBytes: what the target took");
    holds(flow.receiveCount === this.receives, "receiveCount: one for each receive with bytes");
    holds(flow.sendCount === this.sends, "sendCount: one for each send that moved bytes");
    holds(flow.starved === this.starved, "starved: from starve until fed");
    holds(flow.starvedCount === this.starvations, "starvedCount: one for each time");
  }

  /** Nothing waits without a cause: so a flow cannot get stuck, nor be slower than it must. */
  private checkProgress(): void {
    const { queue } = this;
    const sending = this.pending !== Pending.None;
    holds(sending || queue.length === 0, "queued bytes are being sent");
    holds(sending || !this.sourceOver, "an end that was seen is being passed on");
    const room = queue.length <= this.receiveBelow;
    const blocked = this.sourceOver || this.starved || this.lost > 0;
    const reads = this.receiving || blocked || !room;
    holds(reads, "an open source is read when there is room and memory");
    holds(!this.idle || this.starved || this.lost > 0, "something is in flight, or the pool empty");
  }

  private expectedPhase(): Phase {
    if (this.aborted) return Phase.Aborted;
    if (this.ended) return Phase.Ended;
    return this.sourceOver ? Phase.Draining : Phase.Open;
  }

  private make(size: number): number[] {
    const bytes = Array.from({ length: size }, (_, i) => this.made + i);
    this.made += size;
    this.receives++;
    return bytes;
  }
}
