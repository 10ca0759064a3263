import { type Clock, systemClock } from "../base/clock.ts";
import { type FullReason, isFull, type Reason } from "../base/reason.ts";
import type { ListenerOptions } from "../config/options.ts";
import type { Admission } from "../entry/admission.ts";
import type { WaitCount } from "./waiting-room.ts";

/** Interval of the checks for room: relays of other workers and listeners end without notice. */
const LOOK_MS = 20;

/** A client that waits for room at its listener. */
export interface Entrant {
  /** The client is about to end and needs no place. */
  readonly isLeaving: boolean;
  /** It waits now. Only the queue writes this. */
  isWaiting: boolean;
  /** Asks for admission. @returns why it is refused; null if it was admitted */
  askToEnter(admission: Admission | null): Reason | null;
  /** Its wait is over. @param refused why it is refused; null if it was admitted */
  admittedOrNot(refused: Reason | null): void;
}

/** Hears of waiting clients, which hold descriptors and have to go when these get scarce. */
interface Watch<T> {
  waits(relay: T): void;
  waitsNoMore(relay: T): void;
}

interface Entry {
  readonly until: number;
  readonly count: WaitCount;
}

/**
 * The clients that wait because their listener is full, first come, first served. They are
 * accepted, so that they can be refused when it takes too long, but nothing is dialled for them
 * yet.
 *
 * Owner: a listener, and later the ones that replace it.
 */
export class EntryQueue<T extends Entrant> {
  private readonly waiting = new Map<T, Entry>();
  /** The next regular look is scheduled; an immediate one is scheduled, as there is room. */
  private isArmed = false;
  private isCalled = false;
  /** The limit that the first client waits for. */
  private lack: FullReason = "listener_full";

  /** @param admission of the present listener; null if it admits every client */
  constructor(
    public admission: Admission | null,
    private readonly watch: Watch<T>,
    private readonly clock: Clock = systemClock,
  ) {}

  /** The limit that clients wait for, so that new ones must wait, too; null if none waits. */
  get lacking(): FullReason | null {
    return this.isBusy ? this.lack : null;
  }

  private get isBusy(): boolean {
    return this.waiting.size > 0;
  }

  /** Lets a client wait. @param lack the limit that is reached @returns false if too many wait */
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

  /** A client no longer waits. */
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

  /** Admits clients in order while there is room. */
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
