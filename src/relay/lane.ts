import type { Reason } from "../base/reason.ts";
import type { End, Queue } from "../engine/end.ts";
import type { Steps } from "../entry/steps.ts";
import { Effect, type Flow, Phase } from "../flow/flow.ts";
import type { Meter } from "./ledger/meter.ts";
import type { Copy } from "./mirror/copy.ts";
import type { Pacer, Pacing } from "./pacer.ts";
import type { StoryLane } from "./relay-story.ts";

/** What a lane reports to its conduit: what concerns both directions, or no bytes of the flow. */
export interface LaneOwner {
  /** The lane that has received last. */
  lastHeard: StoryLane | null;
  /** Why the client was refused; null if it was not. */
  readonly refusedFor: Reason | null;
  /** A lane receives for the first time. */
  firstBytesOf(lane: StoryLane): void;
  /** The client has passed its steps or was refused by one. The rest of the queue is the flow's. */
  stepsOver(steps: Steps): void;
  /** Carries out the flow's end, then reports `flow.ended()`. */
  end(lane: StoryLane): void;
  /** The source has sent FIN. */
  sourceEnded(lane: StoryLane): void;
  /** The source was reset. All bytes before it were received. */
  sourceReset(lane: StoryLane): void;
  /** The source was reset while it was not being read. Earlier bytes may still be read. */
  sourceBroken(lane: StoryLane): void;
  /** The target takes no more bytes. */
  targetLost(lane: StoryLane): void;
  /** Facts have come that may have been the relay's last. */
  settle(): void;
}

/**
 * One flow over two ends: carries out its effects as receives and sends, and reports their results.
 *
 *     source ─ received ─► queue ─ send ─► target
 *        ▲                   │
 *        └── receive, stop ◄─┘ as the flow decides
 *
 * A rate limit applies to the source if the carrier can limit receives: it then asks for as much as
 * may come. Otherwise it applies to the target, as if that took so much and no more. While the lane
 * rests, the flow's operation is in flight here and not at the carrier.
 *
 * Owner: its conduit, which sets the ends when they connect and clears them when they close.
 */
export class Lane<E extends End = End, Q extends Queue = Queue> implements StoryLane {
  source: E | null = null;
  target: E | null = null;
  /** Bytes are counted and discarded instead of sent. Set for each tenant. */
  discards = false;
  /** Gets the same bytes as the target, if there is a mirror. Set for each tenant. */
  copy: Copy | null = null;
  /** Read what precedes the flow's first bytes; null if there are no steps, or no longer. */
  steps: Steps | null = null;
  private stillLooks = 0;
  private sentBefore = 0;
  /** The rate limit; null without one. */
  private pacing: Pacing | null = null;

  constructor(
    readonly flow: Flow,
    readonly queue: Q,
    private readonly meter: Meter,
    private readonly owner: LaneOwner,
  ) {}

  /** Carries out what the flow has asked for. */
  start(effects: Effect): void {
    if ((effects & Effect.Send) !== 0) this.send();
    if ((effects & Effect.Receive) !== 0) this.receive(false);
    if ((effects & Effect.End) !== 0) this.owner.end(this);
  }

  /** The source is connected: starts to receive. @param isQuiet whether it has sent nothing yet */
  setSource(source: E, isQuiet: boolean): void {
    this.source = source;
    if (this.queue.isDry) this.starve();
    else this.receive(isQuiet);
  }

  /** Sets the rate limit of its listener. */
  setPace(pacer: Pacer | null): void {
    this.pacing = pacer === null ? null : pacer.begin(() => this.rested());
  }

  /** It waits because of its rate limit. */
  get isResting(): boolean {
    return this.pacing?.isResting ?? false;
  }

  /** The source is gone: lifts the rate limit, as delaying the last bytes would help no one. */
  hurry(): void {
    if (this.pacing === null) return;
    this.pacing.end();
    this.pacing = null;
    this.rested();
  }

  /** Nothing waits for its next send to complete: neither the next receive, nor the flow's end. */
  get mayLag(): boolean {
    const { source } = this;
    return this.flow.phase === Phase.Open && source !== null && source.isReceiving;
  }

  /** Its flow has a send in flight. */
  get isSending(): boolean {
    return this.flow.sending;
  }

  /** Its flow was given up: the queued bytes are lost. */
  get isAborted(): boolean {
    return this.flow.phase === Phase.Aborted;
  }

  /** Its flow waits for bytes of its source. */
  get wantsMore(): boolean {
    return this.flow.receiving && this.flow.phase === Phase.Open;
  }

  // --- what the source reports ---

  /** `size` bytes were received, at least 1. They are at the end of the queue. */
  received(size: number): void {
    if (this.steps !== null) {
      this.receivedForSteps(this.steps, size);
      return;
    }
    const { flow, owner, queue } = this;
    if (flow.receivedBytes === 0) owner.firstBytesOf(this);
    this.heard(size);
    const wasReceiving = flow.receiving;
    if (!wasReceiving) {
      // Nothing was being received: these bytes came before a pause took effect, or before a reset.
      const kept = flow.flushed(size, queue.room);
      if (kept < size) queue.cut(size - kept);
    } else if (flow.phase === Phase.Open) {
      if (queue.isCrowded) flow.crowd();
      this.start(flow.received(size) & ~Effect.Receive);
    } else {
      flow.received(size);
      queue.cut(size);
    }
    if (flow.receiving) this.receive(false);
    else if (flow.phase === Phase.Open) this.stop(wasReceiving);
    else owner.settle();
  }

  /** A receive has ended without bytes. */
  receiveStopped(): void {
    const { flow } = this;
    // It was cancelled to ask anew or to pause. What the flow wants now decides.
    if (this.wantsMore) this.receive(false);
    else if (flow.receiving) flow.stopped();
    this.owner.settle();
  }

  /** There is no memory for the source's bytes: it is not read until {@link feed}. */
  starve(): void {
    const { flow } = this;
    flow.starve();
    // Without a source, the receive only stands for the dial and is not in flight here.
    if (this.source === null) return;
    if (flow.receiving) flow.stopped();
    this.source.stop(false);
  }

  /** There is memory again. */
  feed(): void {
    if (this.flow.starved) this.start(this.flow.fed());
  }

  sourceEnded(): void {
    this.owner.sourceEnded(this);
  }

  sourceReset(): void {
    this.owner.sourceReset(this);
  }

  sourceBroken(): void {
    this.owner.sourceBroken(this);
  }

  /** An end's last operation in flight has completed. */
  settle(): void {
    this.owner.settle();
  }

  // --- what the target reports ---

  /** It has taken the first `size` bytes of the queue, of `asked` bytes. */
  sent(size: number, asked: number): void {
    const { flow, queue } = this;
    if (flow.phase === Phase.Aborted) {
      this.sendFailed();
      return;
    }
    if (size < asked) flow.sentShort();
    if (size > 0) {
      this.meter.sent(size);
      if (this.pacing !== null && !this.pacesSource) this.pacing.used(size);
      if (this.copy !== null) for (const view of queue.views(0, size)) this.copy.push(view);
      queue.consume(size);
    }
    let effects = flow.sent(size);
    if (flow.starved && queue.isRoomy) effects |= flow.fed();
    if (effects !== Effect.None) this.start(effects);
    if (flow.phase !== Phase.Open) this.owner.settle();
    else if (!flow.receiving) this.stop(false);
  }

  /** It takes no more bytes. */
  targetLost(): void {
    if (this.flow.phase === Phase.Aborted) this.sendFailed();
    else this.owner.targetLost(this);
  }

  /** A send has ended without saying how much it has sent. */
  sendFailed(): void {
    if (this.flow.sending) this.flow.sent(0);
    this.drop();
    this.owner.settle();
  }

  /** The target takes bytes again. */
  sendOn(): void {
    // Without a target, the send only stands for the dial.
    if (this.target === null && !this.discards) return;
    if (this.flow.sending && this.queue.size > 0) this.send();
  }

  // --- what the conduit asks for ---

  /** Drops the queued bytes and releases their memory. */
  drop(): void {
    if (this.target === null || !this.target.holdsQueue) this.queue.clear();
  }

  /**
   * Ends the current step: the source sends nothing more, or is too late.
   *
   * @param why the reason, in case of a refusal
   * @param isEnd whether nothing more comes at all, so that later steps end, too
   */
  giveUpStep(why: Reason, isEnd: boolean): void {
    const { steps } = this;
    if (steps === null) return;
    do {
      this.queue.consume(steps.giveUp(why));
      this.feedSteps(steps);
    } while (isEnd && !steps.isOver);
    if (steps.isOver) this.stepsOver(steps, isEnd);
  }

  /** How many checks in a row, this one included, found bytes in the queue and none sent. */
  lookStill(): number {
    const { sentBytes } = this.flow;
    const still = this.queue.size > 0 && sentBytes === this.sentBefore;
    this.stillLooks = still ? this.stillLooks + 1 : 0;
    this.sentBefore = sentBytes;
    return this.stillLooks;
  }

  /** Releases all memory and forgets both ends. Nothing is in flight. */
  clear(): void {
    this.queue.clear();
    this.source = null;
    this.target = null;
    this.copy = null;
    this.steps = null;
    this.stillLooks = 0;
    this.sentBefore = 0;
    this.pacing?.end();
    this.pacing = null;
  }

  private get pacesSource(): boolean {
    return this.source?.limitsReceives ?? false;
  }

  private heard(size: number): void {
    this.owner.lastHeard = this;
    if (this.meter.received(size)) this.flow.receivedShort();
    if (this.pacing !== null && this.pacesSource) this.pacing.used(size);
  }

  private receive(isQuiet: boolean): void {
    const { source, pacing } = this;
    if (source === null) return;
    let most = 0;
    if (pacing !== null && source.limitsReceives) {
      if (source.isReceiving) return;
      most = pacing.allowance();
      if (most === 0) {
        source.stop(false);
        return;
      }
    }
    source.receive(most, isQuiet);
  }

  /** Stops receiving for now. */
  private stop(isBrief: boolean): void {
    const { flow, source } = this;
    if (source === null || !source.stop(isBrief)) return;
    if (!flow.starved && !this.isResting) flow.paused();
  }

  private send(): void {
    const { target, pacing } = this;
    let most = 0;
    if (pacing !== null && !this.pacesSource) {
      most = pacing.allowance();
      if (most === 0) return;
    }
    if (this.discards) this.discard(most);
    else if (target === null) this.owner.targetLost(this);
    else target.send(most);
  }

  /** Counts the queued bytes as sent and discards them. */
  private discard(most: number): void {
    const { size } = this.queue;
    const taken = most === 0 ? size : Math.min(size, most);
    this.sent(taken, taken);
  }

  /** The rest is over: continues if the flow still wants to. */
  private rested(): void {
    if (this.pacesSource) {
      if (this.wantsMore) this.receive(false);
    } else this.sendOn();
  }

  /** Bytes were received that the steps must read first. */
  private receivedForSteps(steps: Steps, size: number): void {
    const { flow, owner, queue } = this;
    if (flow.phase !== Phase.Open) {
      // The relay is ending: no step reads them.
      queue.cut(size);
      if (flow.receiving) flow.stopped();
      owner.settle();
      return;
    }
    this.feedSteps(steps);
    if (steps.isOver) {
      this.stepsOver(steps);
      return;
    }
    if (steps.seen > 0) queue.settleDown();
    this.receive(false);
  }

  /** Feeds the steps what they have not read yet. */
  private feedSteps(steps: Steps): void {
    const { queue } = this;
    while (!steps.isOver && queue.size > steps.seen) {
      const [bytes] = queue.views(steps.seen, queue.size - steps.seen) as [Uint8Array];
      queue.consume(steps.feed(bytes));
    }
  }

  /** Hands the rest of the queue to the flow, if the relay goes on. */
  private stepsOver(steps: Steps, isEnd = false): void {
    const { flow, owner } = this;
    this.steps = null;
    owner.stepsOver(steps);
    if (owner.refusedFor !== null) this.drop();
    if (flow.phase !== Phase.Open) {
      this.drop();
      owner.settle();
      return;
    }
    this.handOver(this.queue.size);
    // The caller reports the source's end next: nothing more can come.
    if (isEnd) return;
    if (flow.receiving) this.receive(false);
    else if (flow.phase === Phase.Open) this.stop(true);
  }

  /** Hands the flow what the steps have left, which may be more than one receive brings. */
  private handOver(size: number): void {
    const { flow, queue } = this;
    let effects = Effect.None;
    let lost = 0;
    for (let left = size; left > 0; ) {
      const part = Math.min(left, flow.receiveMax);
      this.heard(part);
      if (flow.receiving) effects |= flow.received(part);
      else lost += part - flow.flushed(part, part);
      left -= part;
    }
    if (lost > 0) queue.cut(lost);
    this.start(effects & ~Effect.Receive);
  }
}
