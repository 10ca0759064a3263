import { ValkeyCount } from "../../../counts/figures.ts";
import { bucketOf } from "../../../counts/latency.ts";
import type { Answered, BatchTimes, ListenerFigures } from "./listener-figures.ts";

/** The numbers of a batch: its requests, when the first of them was asked for, and when they were sent. */
const PARTS = 3;

/** Where the time comes from. */
interface Timed {
  /** The time of this turn, in milliseconds. */
  now(): number;
}

/**
 * When the requests on a connection were asked for and sent. The requests of one turn are sent together, so a batch
 * has its times once, and no request costs a look at the clock.
 *
 * Owner: an upstream connection.
 */
export class ConnectionFigures implements BatchTimes {
  sentAt = 0;
  at = 0;
  upstreamMs = 0;
  upstreamBucket = 0;
  waitMs = 0;
  waitBucket = 0;
  silentMs = 0;
  /** The time of the replies before those. */
  private lastAt = 0;
  /** When the first request of the batch that is answered now was asked for. */
  private askedAt = 0;
  /** Replies that the batch that is answered now still owes. */
  private left = 0;
  /** Replies of this turn and batch to the same command, which are counted together; see {@link count}. */
  private command: Answered["command"] | null = null;
  private calls = 0;
  private requestBytes = 0;
  private replyBytes = 0;
  /** A reply of more bytes is counted alone. */
  private plainMax = -1;
  private unsent = 0;
  private unsentSince = 0;
  /** Batches that were sent and have no reply yet, in a ring. */
  private sentBatches = new Float64Array(4 * PARTS);
  private first = 0;
  private batches = 0;
  private owed = 0;

  constructor(
    private readonly figures: ListenerFigures,
    private readonly time: Timed,
  ) {}

  /** A request is to be sent. */
  asked(): void {
    if (this.unsent++ === 0) this.unsentSince = this.time.now();
  }

  /** What was asked for is sent, or begun to be. @param owed how many replies are owed then */
  sent(owed: number): void {
    if (this.unsent === 0) return;
    this.push(this.unsent, this.unsentSince, this.time.now());
    this.unsent = 0;
    this.owes(owed);
  }

  /** A reply is whole. @param now the time of this turn */
  replied(answered: Answered, isError: boolean, size: number, now: number): void {
    const isAlike = answered.command === this.command && answered.heldAt === 0 && !isError;
    if (isAlike && this.left > 0 && now === this.at && size <= this.plainMax) {
      this.left--;
      this.calls++;
      this.requestBytes += answered.size;
      this.replyBytes += size;
    } else this.repliedAnew(answered, isError, size, now);
  }

  /** No more replies come in this turn. @param owed how many replies are owed still */
  settle(owed: number): void {
    if (this.calls > 0) this.count();
    this.owes(owed);
  }

  /** It is over. @param isLost ringway has not closed it */
  over(isLost: boolean): void {
    this.settle(0);
    if (isLost) this.figures.add(ValkeyCount.lostConnections);
  }

  /** It owes so many replies now. */
  private owes(count: number): void {
    if (count === this.owed) return;
    this.figures.add(ValkeyCount.repliesOwed, count - this.owed);
    this.owed = count;
  }

  private repliedAnew(answered: Answered, isError: boolean, size: number, now: number): void {
    const { figures } = this;
    if (this.calls > 0) this.count();
    if (this.left === 0) {
      this.nextBatch();
      this.measure(now);
    } else if (now !== this.at) this.measure(now);
    this.left--;
    this.command = answered.command;
    this.plainMax = figures.plainMax(this.silentMs);
    if (answered.asker === null) return;
    figures.replied(answered, isError, size, this);
  }

  private count(): void {
    const { calls, command, replyBytes, requestBytes } = this;
    this.calls = this.requestBytes = this.replyBytes = 0;
    if (command !== null) this.figures.count(command, calls, requestBytes, replyBytes, this);
  }

  private nextBatch(): void {
    const { first, sentBatches } = this;
    if (this.batches === 0) {
      // It was answered in the turn in which it was asked for.
      this.sentAt = this.askedAt = this.unsentSince;
      this.left = Math.max(1, this.unsent);
      this.unsent = 0;
      return;
    }
    this.left = sentBatches[first] as number;
    this.askedAt = sentBatches[first + 1] as number;
    this.sentAt = sentBatches[first + 2] as number;
    this.first = (first + PARTS) % sentBatches.length;
    this.batches--;
  }

  private measure(now: number): void {
    if (now !== this.at) {
      this.lastAt = this.at;
      this.at = now;
    }
    const { askedAt, lastAt, sentAt } = this;
    this.upstreamMs = now - sentAt;
    this.silentMs = now - Math.max(sentAt, lastAt);
    this.waitMs = sentAt - askedAt;
    this.upstreamBucket = bucketOf(this.upstreamMs);
    this.waitBucket = bucketOf(this.waitMs);
  }

  private push(requests: number, askedAt: number, sentAt: number): void {
    if (this.batches * PARTS === this.sentBatches.length) this.grow();
    const { sentBatches } = this;
    const at = (this.first + this.batches * PARTS) % sentBatches.length;
    sentBatches[at] = requests;
    sentBatches[at + 1] = askedAt;
    sentBatches[at + 2] = sentAt;
    this.batches++;
  }

  private grow(): void {
    const { first, sentBatches } = this;
    const larger = new Float64Array(sentBatches.length * 2);
    larger.set(sentBatches.subarray(first));
    larger.set(sentBatches.subarray(0, first), sentBatches.length - first);
    this.sentBatches = larger;
    this.first = 0;
  }
}
