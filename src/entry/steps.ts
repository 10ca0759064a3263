import { assert } from "../assert.ts";
import type { Reason } from "../base/reason.ts";
import type { ClientAddress } from "./access/client-address.ts";
import type { Learned, Step, StepAnswer, StepPlan } from "./step.ts";

/** The client whose first bytes are read. */
export interface StepsOwner {
  /** Who the client is, as far as ringway knows. */
  readonly clientAddress: ClientAddress | null;
  /** The step at `place` of the list begins, and so does its time. */
  stepBegins(place: number): void;
  /** A step has learned something. */
  learn(learned: Learned): void;
  /** Sends bytes to the client. @returns whether the kernel took all of them */
  reply(bytes: Uint8Array): boolean;
}

/**
 * One client's way through its listener's steps. It is fed the bytes at the beginning of the
 * client's queue and answers how many of them to remove:
 *
 *     queue   [ read by the current step, and left ][ not read yet ]
 *             0                                  seen           size
 *
 * Pure except for its owner, and the same for every carrier. Owner: the client's arrival.
 */
export class Steps {
  /** Bytes at the beginning of the queue that the current step has read. */
  seen = 0;
  /** Why the client was refused; null if it was not, or not yet. */
  refusedFor: Reason | null = null;
  /** The client was sent a reply when it was refused, which a reset might overtake. */
  isTold = false;
  /** There is no step left, or the client was refused. */
  isOver = false;
  private place = -1;
  private step: Step | null = null;
  /** Bytes that the current step has read, and of these the consumed ones. */
  private read = 0;
  private consumed = 0;

  constructor(
    private readonly plans: readonly StepPlan[],
    private readonly owner: StepsOwner,
  ) {}

  /** Begins the next step that this client needs, if there is one. */
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
   * @returns how many bytes to remove from the beginning of the queue. Unless it {@link isOver},
   *   the bytes from {@link seen} on must be fed next, as a later step may need them
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
   * Ends the current step: the client sends nothing more or is too late, or another one needs its
   * place.
   *
   * @returns see {@link feed}
   */
  giveUp(why: Reason): number {
    const { step } = this;
    if (this.isOver || step === null) return 0;
    if (why === "preamble_full") {
      this.refuse(why);
      return 0;
    }
    return this.follow(step.giveUp(why));
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
    // A live connection has room for a few bytes, so this one must have been reset.
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
