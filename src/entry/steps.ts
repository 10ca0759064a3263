import { assert } from "../assert.ts";
import type { Reason } from "../base/reason.ts";
import type { ClientAddress } from "./access/client-address.ts";
import type { Learned, Step, StepAnswer, StepPlan } from "./step.ts";

/** The client whose first bytes are read. */
export interface StepsOwner {
  /** Who the client is, as far as that is known. */
  readonly clientAddress: ClientAddress | null;
  /** It has sent bytes that were not received yet. */
  readonly hasUnread: boolean;
  /** The step at this place of the list begins, and so does its time. */
  stepBegins(place: number): void;
  /** A step has learned something. */
  learn(learned: Learned): void;
  /** Sends bytes to the client. @returns whether all of them were taken */
  reply(bytes: Uint8Array): boolean;
}

/**
 * One client's way through its listener's steps. It is fed the bytes at the beginning of the client's queue,
 * and says how many of them are to be taken away:
 *
 *     queue   [ read by the current step, and left ][ not read yet ]
 *             0                                  seen           size
 *
 * Pure but for its owner, and the same whatever carries the client. Owner: the client's arrival.
 */
export class Steps {
  /** Bytes at the beginning of the queue that the current step has read. */
  seen = 0;
  /** Why the client may not come in; null when it may, or when that is not known yet. */
  refusedFor: Reason | null = null;
  /** The client was sent a reply when it was refused: a reset might overtake that. */
  isTold = false;
  /** There is no step left, or the client was refused. */
  isOver = false;
  private place = -1;
  private step: Step | null = null;
  /** Bytes that the current step has read and that it has consumed. */
  private read = 0;
  private consumed = 0;

  constructor(
    private readonly plans: readonly StepPlan[],
    private readonly owner: StepsOwner,
  ) {}

  /** Begins with the first step that the client has to go through; it may be that there is none. */
  begin(): void {
    const { owner, plans } = this;
    this.step = null;
    this.seen = 0;
    this.read = 0;
    this.consumed = 0;
    while (this.step === null) {
      const plan = plans[++this.place];
      if (plan === undefined) {
        this.isOver = true;
        return;
      }
      const step = plan.stepFor(owner.clientAddress as ClientAddress);
      if (typeof step === "string") {
        this.refuse(step);
        return;
      }
      this.step = step;
    }
    owner.stepBegins(this.place);
  }

  /**
   * The client has sent bytes: those from {@link seen} on.
   *
   * @returns how many bytes are to be taken from the beginning of the queue. What is left may be a later step's:
   *   unless it {@link isOver}, the bytes from {@link seen} on are fed next
   */
  feed(bytes: Uint8Array): number {
    const { step } = this;
    assert(step !== null && !this.isOver, "feed: a step reads");
    this.read += bytes.length;
    this.seen += bytes.length;
    const answer = step.feed(bytes);
    const isPending = answer.is === "more";
    const taken = this.follow(answer);
    if (!isPending || this.isOver) return taken;
    if (this.read >= step.most) this.refuse("preamble_invalid");
    return taken;
  }

  /**
   * The client sends nothing more, or not in time, or somebody else needs its place: the current step is over.
   *
   * @returns as for {@link feed}
   */
  giveUp(why: Reason): number {
    const { step } = this;
    if (this.isOver || step === null) return 0;
    if (why === "preamble_full") {
      this.refuse(why);
      return 0;
    }
    // Of a client that has ended everything was received.
    const isSilent = why !== "preamble_timeout" || !this.owner.hasUnread;
    return this.follow(step.giveUp(why, isSilent));
  }

  private follow(answer: StepAnswer): number {
    const { reply } = answer;
    const isTold = reply !== undefined && this.owner.reply(reply);
    if (answer.is === "refused") {
      this.isTold = isTold;
      this.refuse(answer.reason);
      return 0;
    }
    const taken = answer.consumed - this.consumed;
    assert(taken >= 0 && taken <= this.seen, "a step consumes bytes that it has read, each once");
    this.consumed = answer.consumed;
    this.seen -= taken;
    // It is reset, as there is room for a few bytes on any connection that lives.
    if (reply !== undefined && !isTold) this.refuse("client_reset");
    else if (answer.is === "done") {
      this.owner.learn(answer.learned);
      this.begin();
    }
    return taken;
  }

  private refuse(reason: Reason): void {
    this.refusedFor = reason;
    this.isOver = true;
    this.step = null;
  }
}
