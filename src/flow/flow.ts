import { assert } from "../assert.ts";
import { FlowCount, flowFigures } from "../counts/figures.ts";

/** Where a flow stands. In-flight operations are not phases: see `receiving` and `sending`. */
export enum Phase {
  /** The source may still bring bytes. */
  Open,
  /** The source has ended (FIN); queued bytes are still on their way, then the end itself. */
  Draining,
  /** The end was passed on to the target, after the last byte. Nothing more happens. */
  Ended,
  /** Given up: nothing is started any more, what was queued is lost. */
  Aborted,
}

/** What an engine has to start after a fact: a bit set, so that one answer can ask for several. */
export enum Effect {
  None = 0,
  /** Start one receive from the source; it completes with `received`, `stopped` or `sourceEnded`. */
  Receive = 1,
  /** Start one send of queued bytes to the target; it completes with `sent`. */
  Send = 2,
  /** Half-close the target (FIN); it completes with `ended`. */
  End = 4,
}

/** Where flows are added up of which nobody wants to know. */
const nobodys = new Float64Array(flowFigures.size);

/**
 * One direction of a relay: the bytes that come from a *source* and go to a *target*.
 *
 *     source ──received(n)──► [ size queued bytes ≤ limit ] ──sent(n)──► target
 *
 * A flow is pure: no I/O, no clock, no log, no allocation; it counts bytes and leaves it to the
 * engine where they lie. What it counts it also adds to its engine's totals at once, so that nobody
 * has to look at all flows to know them. It cannot name the other direction, so it cannot re-arm it: that is the
 * whole of liburing #1338, where a finished send re-armed the receive of the wrong direction.
 *
 * Engines report what happened, in the past tense; every fact ends in `next()`, the only place that
 * starts anything. What `next()` asks for counts as in flight at once:
 *
 *     receiving = true  exactly while one receive is in flight
 *     sending   = true  exactly while one send, or the end that follows the last one, is in flight
 *
 * Invariant: `0 ≤ size ≤ limit`; a receive starts only while `size ≤ receiveBelow`; in `Ended`
 * nothing is queued or in flight. With `receiveBelow = 0`, as in the sockets engine, that reads:
 * while received bytes wait for their target, the source is not read.
 *
 * Owner: its relay. Life story: `open` → (`received` | `sent`)* → `sourceEnded` → `sent`* → `ended`,
 * or `abort` at any point, after which the completions of what is in flight may still come.
 */
export class Flow {
  phase = Phase.Ended;
  receiving = false;
  sending = false;
  /** Bytes received and not yet sent, 0…limit. */
  size = 0;
  /** The queue may not be added to, because there is no memory to hold another receive. */
  starved = false;

  /** Bytes taken from the source since `open`. */
  receivedBytes = 0;
  /** Bytes that the target took since `open`. */
  sentBytes = 0;
  /** Bytes that no target will get: queued when the flow was aborted, or beyond the limit. */
  lostBytes = 0;
  receiveCount = 0;
  /** Receives that brought less than one segment. */
  receiveShortCount = 0;
  sendCount = 0;
  /** Sends of which the target took only a part. */
  sendShortCount = 0;
  /** Times the source was not read because its target was slow. */
  pauseCount = 0;
  /** Times the source was not read because the pool was empty. */
  starvedCount = 0;
  /** By {@link FlowCount}: all flows that are counted together. Set by its owner before `open`. */
  totals: Float64Array = nobodys;
  /** Bytes taken from the source, in its first number: all flows of the same account. */
  account: Float64Array = nobodys;

  /**
   * @param receiveMax most bytes that one receive brings, 1…limit
   * @param limit most bytes that this flow holds
   * @param receiveBelow a receive starts only while at most so many bytes are queued,
   *   0…limit − receiveMax; what is left above it is room for `flushed`
   */
  constructor(
    readonly receiveMax: number,
    readonly limit: number,
    readonly receiveBelow: number = limit - receiveMax,
  ) {
    assert(receiveMax >= 1 && receiveMax <= limit, "flow: 1 <= receiveMax <= limit");
    assert(receiveBelow >= 0 && receiveBelow + receiveMax <= limit, "flow: receives fit the limit");
  }

  /**
   * Begins a new life with all counters at zero.
   *
   * The dial is the first operation in flight of both flows at the upstream's end: the up flow
   * starts with its send pending, the down flow with its receive pending, and the dial completes
   * them (`sent(0)`; for the receive the engine simply begins to read). So nothing needs to know
   * about dialling, and bytes that a client sends early wait in order.
   *
   * @param receivePending the source is not there yet; its first receive is already promised
   * @param sendPending the target is not there yet; `sent(0)` will say that it is
   */
  open(receivePending: boolean, sendPending: boolean): Effect {
    assert(this.phase === Phase.Ended || this.phase === Phase.Aborted, "open: was over");
    assert(!this.receiving && !this.sending, "open: nothing in flight");
    this.phase = Phase.Open;
    this.receiving = receivePending;
    this.sending = sendPending;
    this.size = 0;
    this.starved = false;
    this.receivedBytes = 0;
    this.sentBytes = 0;
    this.lostBytes = 0;
    this.receiveCount = 0;
    this.receiveShortCount = 0;
    this.sendCount = 0;
    this.sendShortCount = 0;
    this.pauseCount = 0;
    this.starvedCount = 0;
    return this.next();
  }

  /** The pending receive completed with `size` bytes (1…receiveMax), now at the end of the queue. */
  received(size: number): Effect {
    assert(this.receiving, "received: a receive is in flight");
    assert(size > 0 && size <= this.receiveMax, "received: 1..receiveMax bytes");
    this.addReceive(size);
    this.receiving = false;
    this.receiveCount++;
    this.receivedBytes += size;
    if (this.phase === Phase.Aborted) this.lose(size);
    else this.size += size;
    return this.next();
  }

  /**
   * The kernel handed over `size` bytes although no receive was pending, as when the source was
   * reset. They are kept as far as the limit allows: bytes that came before a reset are often the
   * answer that explains it.
   *
   * @param room bytes that the engine has memory for, at least 0
   * @returns how many of them to keep, 0…min(size, room); the caller queues exactly so many
   */
  flushed(size: number, room: number): number {
    assert(!this.receiving, "flushed: no receive is in flight");
    // Once a byte was lost nothing may follow it: the target gets no stream with a hole.
    const whole = this.phase === Phase.Open && this.lostBytes === 0;
    const kept = whole ? Math.min(size, room, this.limit - this.size) : 0;
    this.addReceive(size);
    this.receiveCount++;
    this.receivedBytes += size;
    this.lose(size - kept);
    this.size += kept;
    return kept;
  }

  /** The pending receive completed without bytes: it was stopped, or found no memory. */
  stopped(): Effect {
    assert(this.receiving, "stopped: a receive is in flight");
    this.receiving = false;
    return this.next();
  }

  /** There is no memory for another receive, until `fed`. A receive in flight is not touched. */
  starve(): void {
    if (!this.starved) {
      this.starvedCount++;
      (this.totals[FlowCount.poolEmpty] as number)++;
    }
    this.hold();
  }

  /**
   * The queue has used up this flow's share of buffers, though its bytes are few: nothing is received
   * until `fed`. Unlike {@link starve} that is the target's slowness, not a lack of memory.
   */
  crowd(): void {
    if (this.starved) return;
    this.paused();
    this.hold();
  }

  /** The source is not read because its target is slow. */
  paused(): void {
    this.pauseCount++;
    (this.totals[FlowCount.pauses] as number)++;
  }

  /** A receive brought less than one segment. */
  receivedShort(): void {
    this.receiveShortCount++;
    (this.totals[FlowCount.shortReceives] as number)++;
  }

  /** The target took only a part of a send. */
  sentShort(): void {
    this.sendShortCount++;
    (this.totals[FlowCount.shortSends] as number)++;
  }

  /** There is memory again. */
  fed(): Effect {
    this.starved = false;
    return this.next();
  }

  /** The pending send completed: the target took the first `size` queued bytes (0…size). */
  sent(size: number): Effect {
    assert(this.sending, "sent: a send is in flight");
    this.sending = false;
    if (this.phase === Phase.Aborted) return Effect.None;
    assert(size >= 0 && size <= this.size, "sent: not more than was queued");
    if (size > 0) {
      this.sendCount++;
      (this.totals[FlowCount.sends] as number)++;
      (this.totals[FlowCount.sentBytes] as number) += size;
    }
    this.size -= size;
    this.sentBytes += size;
    return this.next();
  }

  /** The source ended (FIN). Completes the pending receive, if there is one. */
  sourceEnded(): Effect {
    this.receiving = false;
    if (this.phase === Phase.Open) this.phase = Phase.Draining;
    return this.next();
  }

  /** The half-close asked for by `Effect.End` was carried out (or its target is gone). */
  ended(): void {
    assert(this.sending && this.size === 0, "ended: the end is in flight, after the last byte");
    this.sending = false;
    if (this.phase === Phase.Draining) this.phase = Phase.Ended;
  }

  /**
   * Gives the flow up. Operations in flight stay in flight until their completions come.
   *
   * @returns the bytes that were queued and are lost
   */
  abort(): number {
    const lost = this.size;
    this.lose(lost);
    this.size = 0;
    if (this.phase !== Phase.Ended) this.phase = Phase.Aborted;
    return lost;
  }

  /** What it has counted since `open`, by {@link FlowCount}. @param at where its row begins */
  writeCounts(into: Float64Array, at: number): void {
    into[at + FlowCount.receives] = this.receiveCount;
    into[at + FlowCount.shortReceives] = this.receiveShortCount;
    into[at + FlowCount.sends] = this.sendCount;
    into[at + FlowCount.shortSends] = this.sendShortCount;
    into[at + FlowCount.pauses] = this.pauseCount;
    into[at + FlowCount.poolEmpty] = this.starvedCount;
    into[at + FlowCount.receivedBytes] = this.receivedBytes;
    into[at + FlowCount.sentBytes] = this.sentBytes;
    into[at + FlowCount.lostBytes] = this.lostBytes;
  }

  /** Nothing of this flow will start again. */
  get over(): boolean {
    return this.phase === Phase.Ended || this.phase === Phase.Aborted;
  }

  /** No operation of this flow is in flight. */
  get idle(): boolean {
    return !this.receiving && !this.sending;
  }

  private hold(): void {
    this.starved = true;
  }

  private addReceive(size: number): void {
    const { totals, account } = this;
    (totals[FlowCount.receives] as number)++;
    (totals[FlowCount.receivedBytes] as number) += size;
    (account[0] as number) += size;
  }

  private lose(size: number): void {
    this.lostBytes += size;
    (this.totals[FlowCount.lostBytes] as number) += size;
  }

  /** Decides what to start. Each rule can ask only for what is not in flight. */
  private next(): Effect {
    if (this.phase === Phase.Aborted || this.phase === Phase.Ended) return Effect.None;
    let effects = Effect.None;
    if (!this.sending && this.size > 0) {
      this.sending = true;
      effects |= Effect.Send;
    }
    if (
      this.phase === Phase.Open &&
      !this.receiving &&
      !this.starved &&
      this.lostBytes === 0 &&
      this.size <= this.receiveBelow
    ) {
      this.receiving = true;
      effects |= Effect.Receive;
    }
    if (this.phase === Phase.Draining && !this.sending && this.size === 0) {
      this.sending = true;
      effects |= Effect.End;
    }
    return effects;
  }
}
