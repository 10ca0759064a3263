import type { Reason } from "../../flow/reason.ts";
import { type Alarm, timerAlarm } from "../deadlines.ts";

/**
 * A relay is idle that has not moved for so long. A window that ends before that can be known has its
 * own, shorter measure.
 */
const IDLE_MS = 1_000;
/**
 * So many looks in a row have to find it unmoved. Looks and not time, as nothing can move while this
 * thread stands still.
 */
const IDLE_LOOKS = 10;
/**
 * Idle relays are to have their FIN so long before the window is over, so that both ends can answer
 * it, even where it is lost on its way and sent again; of a short window a quarter.
 */
const REST_MS = 2_000;
const REST_SHARE = 1 / 4;
/**
 * From then on so many looks are enough, as it is better to end between two requests than to be cut in
 * one; two, as this thread may have stood still between the last two.
 */
const REST_LOOKS = 2;
/**
 * Those that have waited for an answer until then have their FIN when so much of that time is left:
 * some only send and get none, and a cut would take from their upstream what it has not read yet.
 */
const LAST_SHARE = 1 / 2;

/** A relay, as far as a drain can end it. */
export interface Drainable {
  /** Bytes that it has moved so far. */
  readonly movedBytes: number;
  /** Whether bytes are on their way from one end to the other. */
  readonly isCarrying: boolean;
  /** Whether its client has said something that its upstream may still answer. */
  readonly awaitsAnswer: boolean;
  /** Ends it in an orderly way: a FIN to both ends. */
  retire(reason: Reason): void;
}

/** A relay that may end, since when it has not moved, and until when such relays are spread. */
interface Candidate<T> {
  readonly relay: T;
  readonly at: number;
  readonly until: number;
}

/** What was seen of a relay, when it was seen to move last, and how many looks ago. */
interface Sight {
  moved: number;
  at: number;
  looks: number;
}

/**
 * Ends idle relays while others finish by themselves: spread evenly, so that those who reconnect do
 * not come all at once, and the longest idle first. The first one ends as soon as it is known to be
 * idle, so that nobody waits for a relay that is alone. Near the end of the window whatever is idle
 * ends at once. What is not idle is left alone, and who waits for an answer is not idle, however long
 * that takes, until there is hardly time for it any more.
 *
 * Clients that ask again and again are never idle for long. Near the end they are spread, too, and each
 * ends in a pause.
 */
export class Drain<T extends Drainable> {
  private readonly sights = new Map<T, Sight>();
  private endsAt = 0;
  /** From then on nothing is spread any more. */
  private spreadUntil = 0;
  /** From then on nobody waits for answers any more. */
  private answersUntil = 0;
  private lookMs = 0;
  /** When the next idle relay may end. */
  private nextAt = 0;
  /** How often its time was set: the looks of an earlier one are over. */
  private limits = 0;

  /**
   * @param running the relays that run; those that end leave it
   * @param windowMs over which they are spread, above 0
   * @param alarm what calls back after a time
   * @param reason why they end
   */
  constructor(
    private readonly running: ReadonlySet<T>,
    windowMs: number,
    private readonly alarm: Alarm = timerAlarm,
    private readonly reason: Reason = "drain",
  ) {
    this.limit(windowMs);
  }

  /** Less time is left, from now on. */
  limit(windowMs: number): void {
    const now = performance.now();
    const restMs = Math.min(REST_MS, windowMs * REST_SHARE);
    const spreadMs = windowMs - restMs;
    this.endsAt = now + windowMs;
    this.spreadUntil = now + spreadMs;
    this.answersUntil = this.endsAt - restMs * LAST_SHARE;
    this.lookMs = Math.ceil(Math.min(IDLE_MS, spreadMs) / IDLE_LOOKS);
    this.nextAt = now;
    this.limits++;
    this.look();
  }

  private look(): void {
    const now = performance.now();
    if (now >= this.endsAt || this.running.size === 0) return;
    let left = this.running.size;
    for (const { relay, until } of this.candidates(now)) {
      if (this.nextAt > now) break;
      this.sights.delete(relay);
      relay.retire(this.reason);
      // Those that are left may all become idle, and share the time that is left.
      this.nextAt += Math.max(0, until - this.nextAt) / left--;
    }
    // A time in which nobody was idle is no reason to end many at once then.
    if (this.nextAt < now) this.nextAt = now;
    const { limits } = this;
    this.alarm(this.lookMs, () => {
      if (limits === this.limits) this.look();
    });
  }

  /** The relays that may end now, the longest idle first. */
  private candidates(now: number): Candidate<T>[] {
    const looksMin = now < this.spreadUntil ? IDLE_LOOKS : REST_LOOKS;
    const found: Candidate<T>[] = [];
    for (const relay of this.running) {
      const { movedBytes: moved } = relay;
      const sight = this.sights.get(relay);
      if (sight === undefined) this.sights.set(relay, { moved, at: now, looks: 0 });
      else if (sight.moved !== moved) {
        sight.moved = moved;
        sight.at = now;
        sight.looks = 0;
      } else if (++sight.looks >= looksMin && this.mayEnd(relay, now)) {
        const isIdle = sight.looks >= IDLE_LOOKS;
        found.push({ relay, at: sight.at, until: isIdle ? this.spreadUntil : this.answersUntil });
      }
    }
    return found.sort((a, b) => a.at - b.at);
  }

  /** Whether a relay that does not move may end. */
  private mayEnd(relay: T, now: number): boolean {
    return (now >= this.answersUntil || !relay.awaitsAnswer) && !relay.isCarrying;
  }
}
