import { assert } from "../assert.ts";
import { FlowCount, flowFigures } from "../counts/figures.ts";

/** The phases of a flow. In-flight operations are not phases: see `receiving` and `sending`. */
export enum Phase {
  /** The source may still bring bytes. */
  Open,
  /** The source has ended (FIN). Queued bytes are still on their way, then the end itself. */
  Draining,
  /** The end was passed on to the target, after the last byte. Nothing more happens. */
  Ended,
  /** Given up: nothing more starts, and the queued bytes are lost. */
  Aborted,
}

/** The operations that an engine must start after a fact: a bit set. */
export enum Effect {
  None = 0,
  /** Start one receive; it completes with `received`, `stopped` or `sourceEnded`. */
  Receive = 1,
  /** Start one send of queued bytes to the target; it completes with `sent`. */
  Send = 2,
  /** Half-close the target (FIN); it completes with `ended`. */
  End = 4,
}

/** Totals of flows that nobody reads. */
const nobodys = new Float64Array(flowFigures.size);

/**
 * One direction of a relay: the bytes that come from a *source* and go to a *target*.
 *
 *     source ──received(n)──► [ size queued bytes ≤ limit ] ──sent(n)──► target
 *
 * A flow is pure: no I/O, no clock, no log, no allocation. It counts bytes; the engine decides
 * where they lie. It adds its counts to the engine's totals at once, so that no one has to visit
 * all flows to sum them up. It cannot name the other direction, so it cannot re-arm it: in liburing
 * #1338 a finished send re-armed the receive of the wrong direction.
 *
 * Engines report facts. Every fact ends in `next()`, the only place that starts anything. What
 * `next()` asks for counts as in flight at once:
 *
 *     receiving = true  exactly while one receive is in flight
 *     sending   = true  exactly while one send, or the end that follows the last one, is in flight
 *
 * Invariant: `0 ≤ size ≤ limit`; a receive starts only while `size ≤ receiveBelow`; in `Ended`
 * nothing is queued or in flight. With `receiveBelow = 0`, as in the sockets engine, this means:
 * while received bytes wait for their target, the source is not read.
 *
 * Owner: its relay. Life story: `open` → (`received` | `sent`)* → `sourceEnded` → `sent`* → `ended`,
 * or `abort` at any point, after which operations in flight may still complete.
 */
export class Flow {
  phase = Phase.Ended;
  receiving = false;
  sending = false;
  /** Bytes received and not yet sent, 0…limit. */
  size = 0;
  /** There is no memory for another receive. */
  starved = false;

  /** Bytes taken from the source since `open`. */
  receivedBytes = 0;
  /** Bytes that the target took since `open`. */
  sentBytes = 0;
  /** Bytes that were queued when the flow was aborted, or exceeded the limit. */
  lostBytes = 0;
  receiveCount = 0;
  /** Receives that brought less than a segment. */
  receiveShortCount = 0;
  sendCount = 0;
  /** Sends that the target took only in part. */
  sendShortCount = 0;
  /** Times the source was not read because its target was slow. */
  pauseCount = 0;
  /** Times the source was not read because the pool was empty. */
  starvedCount = 0;
  /** Sums of several flows, by {@link FlowCount}. Its owner sets them before `open`. */
  totals: Float64Array = nobodys;
  /** One number: the bytes received by all flows of the same account. */
  account: Float64Array = nobodys;

  /**
   * @param receiveMax the most bytes that one receive brings, 1…limit
   * @param limit the most bytes that this flow holds
   * @param receiveBelow a receive starts only while at most this many bytes are queued, 0…limit −
   *   receiveMax. The rest of the limit is room for `flushed`
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
   * starts with a pending send, the down flow with a pending receive, and the dial completes them
   * (`sent(0)`; for the receive the engine begins to read). So nothing else needs to know about
   * dialing, and early bytes of a client wait in order.
   *
   * @param receivePending whether a first receive is already in flight
   * @param sendPending whether the target is not connected yet; `sent(0)` reports that it is
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

  /** The pending receive has brought `size` bytes (1…receiveMax), now at the end of the queue. */
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
   * `size` bytes came without a pending receive, for example because the source was reset. They are
   * kept as far as the limit allows: the bytes before a reset are often the answer that explains
   * it.
   *
   * @param room bytes for which the engine has memory, at least 0
   * @returns how many to keep, 0…min(size, room); the caller queues exactly these
   */
  flushed(size: number, room: number): number {
    assert(!this.receiving, "flushed: no receive is in flight");
    // After a lost byte nothing may follow: the target must not get a stream with a hole.
    const whole = this.phase === Phase.Open && this.lostBytes === 0;
    const kept = whole ? Math.min(size, room, this.limit - this.size) : 0;
    this.addReceive(size);
    this.receiveCount++;
    this.receivedBytes += size;
    this.lose(size - kept);
    this.size += kept;
    return kept;
  }

  /** The pending receive has completed without bytes: it was stopped, or found no memory. */
  stopped(): Effect {
    assert(this.receiving, "stopped: a receive is in flight");
    this.receiving = false;
    return this.next();
  }

  /** There is no memory for another receive until `fed`. A receive in flight goes on. */
  starve(): void {
    if (!this.starved) {
      this.starvedCount++;
      (this.totals[FlowCount.poolEmpty] as number)++;
    }
    this.hold();
  }

  /**
   * The queue has used up this flow's share of buffers, though it has few bytes: nothing is
   * received until `fed`. Unlike with {@link starve} the cause is a slow target, not a lack of
   * memory.
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

  /** A receive brought less than a segment. */
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

  /** The pending send has completed: the target took the first `size` queued bytes. */
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

  /** The source has ended (FIN), which completes a pending receive. */
  sourceEnded(): Effect {
    this.receiving = false;
    if (this.phase === Phase.Open) this.phase = Phase.Draining;
    return this.next();
  }

  /** The half-close that `Effect.End` asked for was carried out, or its target is gone. */
  ended(): void {
    assert(this.sending && this.size === 0, "ended: the end is in flight, after the last byte");
    this.sending = false;
    if (this.phase === Phase.Draining) this.phase = Phase.Ended;
  }

  /**
   * Gives the flow up. Operations in flight stay in flight until they complete.
   *
   * @returns how many queued bytes are lost
   */
  abort(): number {
    const lost = this.size;
    this.lose(lost);
    this.size = 0;
    if (this.phase !== Phase.Ended) this.phase = Phase.Aborted;
    return lost;
  }

  /** Writes its counts since `open`, by {@link FlowCount}. @param at where its row begins */
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

  /** Nothing more will start. */
  get over(): boolean {
    return this.phase === Phase.Ended || this.phase === Phase.Aborted;
  }

  /** No operation is in flight. */
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

  /** Decides what to start. Each rule asks only for what is not in flight. */
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
