import type { Reason } from "../base/reason.ts";
import type { End, Queue } from "../engine/end.ts";
import type { Steps } from "../entry/steps.ts";
import { Effect, type Flow, Phase } from "../flow/flow.ts";
import type { Meter } from "./ledger/meter.ts";
import type { Copy } from "./mirror/copy.ts";
import type { Pacer, Pacing } from "./pacer.ts";
import type { StoryLane } from "./relay-story.ts";

/** What a lane tells its conduit: what concerns both directions, or none of the flow's bytes. */
export interface LaneOwner {
  /** The lane that has received last. */
  lastHeard: StoryLane | null;
  /** Why the client may not come in; null when it may. */
  readonly refusedFor: Reason | null;
  /** A lane receives for the first time. */
  firstBytesOf(lane: StoryLane): void;
  /** The client is through its steps, or was refused by one: what is left in the queue is the flow's. */
  stepsOver(steps: Steps): void;
  /** Carries out the flow's end, then reports `flow.ended()`. */
  end(lane: StoryLane): void;
  /** The source has ended (FIN). */
  sourceEnded(lane: StoryLane): void;
  /** The source was reset: what came before was received, and nothing more comes. */
  sourceReset(lane: StoryLane): void;
  /** The source was reset while it was not read: what it has sent before may still be read. */
  sourceBroken(lane: StoryLane): void;
  /** The target takes nothing any more. */
  targetLost(lane: StoryLane): void;
  /** Facts have come that may have been a relay's last ones. */
  settle(): void;
}

/**
 * One flow over two ends: carries out its effects as receives and sends, and reports what became of them.
 *
 *     source ─ received ─► queue ─ send ─► target
 *        ▲                   │
 *        └── receive, stop ◄─┘ as the flow decides
 *
 * With a rate it keeps pace where it can: a source that brings no more than it is asked for is asked for as
 * much as may come, and less often. Where that cannot be asked for it is as if the target took so much and no
 * more. While it rests, the flow's operation is in flight here and not at the carrier.
 *
 * Owner: its conduit, which sets the ends when they connect and clears them when they close.
 */
export class Lane<E extends End = End, Q extends Queue = Queue> implements StoryLane {
  source: E | null = null;
  target: E | null = null;
  /** The target is nobody: bytes are counted and thrown away. Set anew for each tenant. */
  discards = false;
  /** Gets what the target gets; null for nobody. Set for each tenant, as long as it runs. */
  copy: Copy | null = null;
  /** Reads what comes before the flow's first bytes; null when there is nothing like that, or no longer. */
  steps: Steps | null = null;
  private stillLooks = 0;
  private sentBefore = 0;
  /** How fast it may be; null for as fast as it can. */
  private pacing: Pacing | null = null;

  constructor(
    readonly flow: Flow,
    readonly queue: Q,
    private readonly meter: Meter,
    private readonly owner: LaneOwner,
  ) {}

  /** Carries out what the flow asked for. */
  start(effects: Effect): void {
    if ((effects & Effect.Send) !== 0) this.send();
    if ((effects & Effect.Receive) !== 0) this.receive(false);
    if ((effects & Effect.End) !== 0) this.owner.end(this);
  }

  /**
   * The source is connected: it is received from.
   *
   * @param isQuiet it has sent nothing yet
   */
  setSource(source: E, isQuiet: boolean): void {
    this.source = source;
    if (this.queue.isDry) this.starve();
    else this.receive(isQuiet);
  }

  /** Gives it the pace of its listener. */
  setPace(pacer: Pacer | null): void {
    this.pacing = pacer === null ? null : pacer.begin(() => this.rested());
  }

  /** It does not go on for now, because of its rate. */
  get isResting(): boolean {
    return this.pacing?.isResting ?? false;
  }

  /** Its source is gone: what that has sent is all there is, and waiting would spare nobody. */
  hurry(): void {
    if (this.pacing === null) return;
    this.pacing.end();
    this.pacing = null;
    this.rested();
  }

  /**
   * Nobody waits for its next send to be over: neither its source to be read on, nor its target to be
   * told the end.
   */
  get mayLag(): boolean {
    const { source } = this;
    return this.flow.phase === Phase.Open && source !== null && source.isReceiving;
  }

  /** Its flow has a send in flight. */
  get isSending(): boolean {
    return this.flow.sending;
  }

  /** Its flow was given up: what is queued is nobody's. */
  get isAborted(): boolean {
    return this.flow.phase === Phase.Aborted;
  }

  /** Its flow waits for what its source brings. */
  get wantsMore(): boolean {
    return this.flow.receiving && this.flow.phase === Phase.Open;
  }

  // --- what the source tells ---

  /** It has brought `size` bytes, at least 1, which are at the end of the queue. */
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
      // Nobody has asked for it: what came before a pause has worked, or the last bytes before a reset.
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
    // Cancelled to be asked for anew, or to pause: whatever the flow wants by now.
    if (this.wantsMore) this.receive(false);
    else if (flow.receiving) flow.stopped();
    this.owner.settle();
  }

  /** There is no memory for what the source might bring: it is not read until {@link feed}. */
  starve(): void {
    const { flow } = this;
    flow.starve();
    // Before there is a source, the receive only stands for the dial and is not in flight here.
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

  /** Nothing of an end is in flight that was. */
  settle(): void {
    this.owner.settle();
  }

  // --- what the target tells ---

  /**
   * It has taken the first `size` bytes of the queue.
   *
   * @param asked that it was asked to take
   */
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

  /** It takes nothing any more. */
  targetLost(): void {
    if (this.flow.phase === Phase.Aborted) this.sendFailed();
    else this.owner.targetLost(this);
  }

  /** A send is over of which nobody will know what it has sent. */
  sendFailed(): void {
    if (this.flow.sending) this.flow.sent(0);
    this.drop();
    this.owner.settle();
  }

  /** The target takes bytes again. */
  sendOn(): void {
    // Before there is a target, the send only stands for the dial.
    if (this.target === null && !this.discards) return;
    if (this.flow.sending && this.queue.size > 0) this.send();
  }

  // --- what the conduit asks for ---

  /** Forgets the bytes that no target will get, and gives their memory back. */
  drop(): void {
    if (this.target === null || !this.target.holdsQueue) this.queue.clear();
  }

  /**
   * The source sends nothing more, or not in time: whatever step it is in is over.
   *
   * @param why the reason, if it is refused for that
   * @param isEnd nothing more comes at all, so that the same is true of every later step
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

  /**
   * How many looks in a row, this one included, found queued bytes of which none was sent since the
   * look before; 0 when some were, or none is queued.
   */
  lookStill(): number {
    const { sentBytes } = this.flow;
    const still = this.queue.size > 0 && sentBytes === this.sentBefore;
    this.stillLooks = still ? this.stillLooks + 1 : 0;
    this.sentBefore = sentBytes;
    return this.stillLooks;
  }

  /** Gives back all memory and forgets both ends. Nothing is in flight. */
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

  /** The flow wants no more for now. */
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

  /** Counts what is queued as sent, and throws it away. */
  private discard(most: number): void {
    const { size } = this.queue;
    const taken = most === 0 ? size : Math.min(size, most);
    this.sent(taken, taken);
  }

  /** It may go on, if its flow still wants to. */
  private rested(): void {
    if (this.pacesSource) {
      if (this.wantsMore) this.receive(false);
    } else this.sendOn();
  }

  /** The source has brought bytes that steps read first. */
  private receivedForSteps(steps: Steps, size: number): void {
    const { flow, owner, queue } = this;
    if (flow.phase !== Phase.Open) {
      // The relay ends already: nobody reads it.
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

  /** Feeds steps what they have not read of the queue. */
  private feedSteps(steps: Steps): void {
    const { queue } = this;
    while (!steps.isOver && queue.size > steps.seen) {
      const [bytes] = queue.views(steps.seen, queue.size - steps.seen) as [Uint8Array];
      queue.consume(steps.feed(bytes));
    }
  }

  /** What is queued is the flow's, if the relay goes on. */
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
    // The source's end is told of next: nothing more can come.
    if (isEnd) return;
    if (flow.receiving) this.receive(false);
    else if (flow.phase === Phase.Open) this.stop(true);
  }

  /** Hands the flow what steps have left: perhaps more than one receive may bring. */
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
