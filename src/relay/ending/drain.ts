import { type Clock, systemClock } from "../../base/clock.ts";
import type { Reason } from "../../base/reason.ts";
import type { Running } from "../running.ts";

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
 * Idle relays have their FIN so long before the window is over, lest they meet the cut at its end; of a
 * short window a quarter.
 */
const REST_MS = 2_000;
const REST_SHARE = 1 / 4;
/**
 * From then on a pause is enough, as it is better to end between two requests than to be cut in one. It
 * is two looks long, as this thread may have stood still between the last two.
 */
const PAUSE_MS = 100;
const PAUSE_LOOKS = 2;
/**
 * Those that have waited for an answer until then have their FIN when so much of that time is left, the
 * last of them when half of that is: some only send and get none, and a cut would take from their
 * upstream what it has not read yet.
 */
const LAST_SHARE = 1 / 2;

/** What runs, as far as a drain can end it. */
export type Drainable = Pick<
  Running,
  "movedBytes" | "clientBytes" | "isCarrying" | "awaitsAnswer" | "retire"
>;

/** What was seen of a relay. */
interface Sight {
  moved: number;
  asked: number;
  /** It waited for an answer when it had moved last. */
  awaited: boolean;
  /** Its upstream has gone on without being asked: where its answers end is not known. */
  goesOn: boolean;
  /** When it was seen to move last, and how many looks ago. */
  at: number;
  looks: number;
}

/** A relay that may end, since when it has not moved, and until when such relays are spread. */
interface Candidate<T> {
  readonly relay: T;
  readonly at: number;
  readonly until: number;
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
  /** Until then idle relays are spread. */
  private idleUntil = 0;
  /** Until then answers are waited for, and from `idleUntil` on those that pause are spread. */
  private answersUntil = 0;
  /** Until then those are spread that have not been answered. */
  private lastUntil = 0;
  private lookMs = 0;
  /** When the next idle relay may end. */
  private nextAt = 0;
  /** The alarm for the next look; those of earlier ones mean nothing. */
  private nextLook: object | null = null;

  /**
   * @param running the relays that run; those that end leave it
   * @param windowMs over which they are spread, above 0
   * @param clock its time
   * @param reason why they end
   */
  constructor(
    private readonly running: ReadonlySet<T>,
    windowMs: number,
    private readonly clock: Clock = systemClock,
    private readonly reason: Reason = "drain",
  ) {
    this.limit(windowMs);
  }

  /** Less time is left, from now on. */
  limit(windowMs: number): void {
    const now = this.clock.now();
    const restMs = Math.min(REST_MS, windowMs * REST_SHARE);
    const lastMs = restMs * LAST_SHARE;
    this.endsAt = now + windowMs;
    this.idleUntil = this.endsAt - restMs;
    this.answersUntil = this.endsAt - lastMs;
    this.lastUntil = this.endsAt - lastMs / 2;
    this.lookMs = Math.ceil(Math.min(IDLE_MS, windowMs - restMs) / IDLE_LOOKS);
    this.nextAt = now;
    this.look();
  }

  /** A relay has begun. */
  begun(): void {
    if (this.nextLook === null) this.look();
  }

  /** A relay has ended: what was seen of it is not true of the next one that is carried in its place. */
  ended(relay: T): void {
    this.sights.delete(relay);
  }

  private look(): void {
    this.nextLook = null;
    const now = this.clock.now();
    if (now >= this.endsAt || this.running.size === 0) return;
    let left = this.running.size;
    for (const { relay, until } of this.candidates(now)) {
      if (now < until && now < this.nextAt) break;
      if (relay.isCarrying) continue;
      relay.retire(this.reason);
      // Those that are left may all become idle, and share the time that is left.
      this.nextAt += Math.max(0, until - this.nextAt) / left--;
    }
    // A time in which nobody was idle is no reason to end many at once then.
    if (this.nextAt < now) this.nextAt = now;
    this.lookLater();
  }

  private lookLater(): void {
    const look = {};
    this.nextLook = look;
    this.clock.alarm(this.lookMs, () => {
      if (this.nextLook === look) this.look();
    });
  }

  /** The relays that have not moved for long enough: first whom to end first. */
  private candidates(now: number): Candidate<T>[] {
    const found: Candidate<T>[] = [];
    for (const relay of this.running) {
      const sight = this.sights.get(relay);
      if (sight === undefined) this.sights.set(relay, firstSight(relay, now));
      else if (sight.moved !== relay.movedBytes) renew(sight, relay, now);
      else {
        sight.looks++;
        const until = this.untilOf(sight, relay.awaitsAnswer, now);
        if (until !== null) found.push({ relay, at: sight.at, until });
      }
    }
    return found.sort((a, b) => a.until - b.until || a.at - b.at);
  }

  /** Until when a relay that does not move is spread with its like; null when it may not end yet. */
  private untilOf(sight: Sight, awaitsAnswer: boolean, now: number): number | null {
    const { looks, goesOn, at } = sight;
    const isIdle = looks >= IDLE_LOOKS;
    if (awaitsAnswer) return isIdle && now >= this.answersUntil ? this.lastUntil : null;
    if (isIdle) return this.idleUntil;
    if (goesOn || now < this.idleUntil) return null;
    return looks >= PAUSE_LOOKS && now >= at + PAUSE_MS ? this.answersUntil : null;
  }
}

function firstSight(relay: Drainable, now: number): Sight {
  const { movedBytes: moved, clientBytes: asked, awaitsAnswer: awaited } = relay;
  return { moved, asked, awaited, goesOn: false, at: now, looks: 0 };
}

/** It has moved. */
function renew(sight: Sight, relay: Drainable, now: number): void {
  const hasAsked = sight.asked !== relay.clientBytes;
  sight.goesOn = !hasAsked && !sight.awaited;
  sight.moved = relay.movedBytes;
  sight.asked = relay.clientBytes;
  sight.awaited = relay.awaitsAnswer;
  sight.at = now;
  sight.looks = 0;
}
