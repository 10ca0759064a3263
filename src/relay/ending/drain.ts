import { type Clock, systemClock } from "../../base/clock.ts";
import type { Reason } from "../../base/reason.ts";
import type { Running } from "../running.ts";

/** A relay that has not moved for this long is idle. In a shorter window the time is shorter. */
const IDLE_MS = 1_000;
/** This many checks in a row must find it unmoved, as this thread may have been blocked. */
const IDLE_LOOKS = 10;
/** Idle relays get their FIN this long before the end of the window, or a quarter of it. */
const REST_MS = 2_000;
const REST_SHARE = 1 / 4;
/**
 * After that, a pause is enough: it is better to end between two requests than to be cut in one. A
 * pause takes two checks, because this thread may have been blocked before the last one.
 */
const PAUSE_MS = 100;
const PAUSE_LOOKS = 2;
/**
 * Relays that still wait for an answer get their FIN in the last part of the remaining time: they
 * may only send and never get an answer, and a cut would discard what their upstream has not read
 * yet.
 */
const LAST_SHARE = 1 / 2;

/** The part of a relay that drains use. */
export type Drainable = Pick<
  Running,
  "movedBytes" | "clientBytes" | "isCarrying" | "awaitsAnswer" | "retire"
>;

/** What the last check saw of a relay. */
interface Sight {
  moved: number;
  asked: number;
  /** It waited for an answer when it last moved. */
  awaited: boolean;
  /** Its upstream sends without being asked, so the end of an answer cannot be recognized. */
  goesOn: boolean;
  /** When it last moved, and how many checks ago. */
  at: number;
  looks: number;
}

/** A relay that may end, when it last moved, and when the last of its kind should end. */
interface Candidate<T> {
  readonly relay: T;
  readonly at: number;
  readonly until: number;
}

/**
 * Ends idle relays within a window while others finish by themselves. They end one by one, spread
 * evenly so that clients do not all reconnect at once, and the longest idle ones first. The first
 * one ends as soon as it is known to be idle, so that a single relay delays nothing. Near the end
 * of the window all idle relays end at once. A relay that waits for an answer is not idle until
 * there is hardly any time left.
 *
 * Clients that send requests all the time are never idle for long. Near the end of the window they
 * are spread, too, and each ends in a pause.
 */
export class Drain<T extends Drainable> {
  private readonly sights = new Map<T, Sight>();
  private endsAt = 0;
  /** Idle relays are spread until then. */
  private idleUntil = 0;
  /** Relays may wait for answers until then. From `idleUntil` on, relays in a pause are spread. */
  private answersUntil = 0;
  /** Relays that got no answer are spread until then. */
  private lastUntil = 0;
  private lookMs = 0;
  /** When the next idle relay may end. */
  private nextAt = 0;
  /** Identifies the alarm of the next check; earlier alarms are ignored. */
  private nextLook: object | null = null;

  /**
   * @param running the relays that run; the owner removes those that end
   * @param windowMs the window, above 0
   * @param reason why the relays end
   */
  constructor(
    private readonly running: ReadonlySet<T>,
    windowMs: number,
    private readonly clock: Clock = systemClock,
    private readonly reason: Reason = "drain",
  ) {
    this.limit(windowMs);
  }

  /** Shortens the window. @param windowMs from now on */
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

  /** A relay has ended. Its object may be reused for another one. */
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
      // The remaining relays may all become idle and share the remaining time.
      this.nextAt += Math.max(0, until - this.nextAt) / left--;
    }
    // A time without idle relays must not let many of them end at once afterwards.
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

  /** The relays that may end, in the order in which they should. */
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

  /** When the last relay like this one should end; null if this one may not end yet. */
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

/** The relay has moved. */
function renew(sight: Sight, relay: Drainable, now: number): void {
  const hasAsked = sight.asked !== relay.clientBytes;
  sight.goesOn = !hasAsked && !sight.awaited;
  sight.moved = relay.movedBytes;
  sight.asked = relay.clientBytes;
  sight.awaited = relay.awaitsAnswer;
  sight.at = now;
  sight.looks = 0;
}
