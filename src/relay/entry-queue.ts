import { type Clock, systemClock } from "../base/clock.ts";
import { type FullReason, isFull, type Reason } from "../base/reason.ts";
import type { ListenerOptions } from "../config/options.ts";
import type { Admission } from "../entry/admission.ts";
import type { WaitCount } from "./waiting-room.ts";

/** How often is looked whether there is room: relays of other workers and listeners end without a word. */
const LOOK_MS = 20;

/** A client that may come in as soon as there is room. */
export interface Entrant {
  /** It is decided that it ends: it needs no place any more. */
  readonly isLeaving: boolean;
  /** It waits now; the queue's own. */
  isWaiting: boolean;
  /** Asks for its place. @returns why it has none */
  askToEnter(admission: Admission | null): Reason | null;
  /** It waits no more. @param refused why it may not come in; null when it has */
  admittedOrNot(refused: Reason | null): void;
}

/** Who else knows of those that wait: they hold descriptors, and go when these get scarce. */
interface Watch<T> {
  waits(relay: T): void;
  waitsNoMore(relay: T): void;
}

interface Entry {
  readonly until: number;
  readonly count: WaitCount;
}

/**
 * The clients of a listener that is full, in the order of their coming; whoever comes later comes in
 * behind them. They are accepted, so that they can be told when it takes too long, and nothing is
 * dialled for them.
 *
 * Owner: a listener, and those that take its place.
 */
export class EntryQueue<T extends Entrant> {
  private readonly waiting = new Map<T, Entry>();
  /** The next look is due some time; the next one for room is due now. */
  private isArmed = false;
  private isCalled = false;
  /** What the first one lacks. */
  private lack: FullReason = "listener_full";

  /**
   * @param admission of the listener that there is now; null when everybody may come in
   * @param watch see {@link Watch}
   */
  constructor(
    public admission: Admission | null,
    private readonly watch: Watch<T>,
    private readonly clock: Clock = systemClock,
  ) {}

  /** What those who wait lack, so that whoever comes now has to wait too; null when nobody does. */
  get lacking(): FullReason | null {
    return this.isBusy ? this.lack : null;
  }

  private get isBusy(): boolean {
    return this.waiting.size > 0;
  }

  /** Lets a client wait. @param lack why it has to @returns false: too many do */
  add(relay: T, lack: FullReason, { edge, dial }: ListenerOptions, count: WaitCount): boolean {
    if (this.waiting.size >= dial.queueMax) return false;
    this.lack = lack;
    this.waiting.set(relay, { until: this.clock.now() + edge.fullTimeoutMs, count });
    relay.isWaiting = true;
    this.watch.waits(relay);
    count.waits(1);
    this.arm();
    return true;
  }

  /** A client does not wait any more. */
  delete(relay: T): void {
    const entry = this.waiting.get(relay);
    if (entry === undefined) return;
    this.waiting.delete(relay);
    relay.isWaiting = false;
    this.watch.waitsNoMore(relay);
    entry.count.waits(-1);
  }

  /** A relay of this worker has ended. */
  roomMade(): void {
    if (!this.isBusy || this.isCalled) return;
    this.isCalled = true;
    this.clock.alarm(0, () => {
      this.isCalled = false;
      this.serve();
    });
  }

  /** Lets in whom there is room for. */
  serve(): void {
    for (const relay of this.waiting.keys()) {
      const { isLeaving } = relay;
      const refused = isLeaving ? null : relay.askToEnter(this.admission);
      if (isFull(refused)) {
        this.lack = refused;
        return;
      }
      this.delete(relay);
      if (!isLeaving) relay.admittedOrNot(refused);
    }
  }

  private arm(): void {
    if (this.isArmed) return;
    this.isArmed = true;
    this.clock.alarm(LOOK_MS, () => this.look());
  }

  private look(): void {
    this.isArmed = false;
    this.serve();
    const now = this.clock.now();
    for (const [relay, { until }] of this.waiting) {
      if (until > now) continue;
      this.delete(relay);
      if (!relay.isLeaving) relay.admittedOrNot(this.lack);
    }
    if (this.isBusy) this.arm();
  }
}
