import type { Reason } from "../flow/reason.ts";
import { type Alarm, timerAlarm } from "./deadlines.ts";

/** Between two looks at who is idle. */
const LOOK_MS = 100;
/**
 * A relay is idle that so many looks in a row have found unmoved: one that just waits for its answer is
 * not. Looks and not time, as nothing can move while this thread stands still.
 */
const IDLE_LOOKS = 10;
/** The last idle ones are ended so long before the end, so that their peers can answer; in a short window a quarter of it. */
const ANSWER_MS = 1_000;

/** A relay, as far as a drain can end it. */
export interface Drainable {
  /** Bytes that it has moved so far. */
  readonly movedBytes: number;
  /** Whether bytes are on their way from one end to the other. */
  readonly isCarrying: boolean;
  /** Ends it in an orderly way: a FIN to both ends. */
  retire(reason: Reason): void;
}

/** What was seen of a relay, when it was seen to move last, and how many looks ago. */
interface Sight {
  moved: number;
  at: number;
  looks: number;
}

/**
 * Ends idle relays while others finish by themselves: spread evenly over a window, so that those who
 * reconnect do not come all at once, and the longest idle first. Somewhat before its end all idle ones are
 * due. What is not idle is left alone.
 */
export class Drain<T extends Drainable> {
  private readonly sights = new Map<T, Sight>();
  private readonly startedAt = performance.now();
  private readonly atStart: number;
  private readonly spreadMs: number;

  /**
   * @param running the relays that run; those that end leave it
   * @param windowMs over which they are spread, above 0
   * @param alarm what calls back after a time
   * @param reason why they end
   */
  constructor(
    private readonly running: ReadonlySet<T>,
    private readonly windowMs: number,
    private readonly alarm: Alarm = timerAlarm,
    private readonly reason: Reason = "drain",
  ) {
    this.atStart = running.size;
    this.spreadMs = windowMs - Math.min(ANSWER_MS, windowMs / 4);
    this.look();
  }

  private look(): void {
    const now = performance.now();
    const elapsed = now - this.startedAt;
    if (elapsed >= this.windowMs || this.running.size === 0) return;
    const idle = this.idleSince(now);
    const gone = this.atStart - this.running.size;
    // Rounded up: one alone is not to hold up a stop until its end.
    const part = Math.min(1, elapsed / this.spreadMs);
    const due = part === 1 ? idle.length : Math.ceil(this.atStart * part) - gone;
    for (const relay of idle.slice(0, Math.max(0, due))) {
      this.sights.delete(relay);
      relay.retire(this.reason);
    }
    this.alarm(LOOK_MS, () => this.look());
  }

  /** The relays that are idle, the longest first. */
  private idleSince(now: number): T[] {
    const idle: { relay: T; at: number }[] = [];
    for (const relay of this.running) {
      const { movedBytes: moved } = relay;
      const sight = this.sights.get(relay);
      if (sight === undefined) this.sights.set(relay, { moved, at: now, looks: 0 });
      else if (sight.moved !== moved) {
        sight.moved = moved;
        sight.at = now;
        sight.looks = 0;
      } else if (++sight.looks >= IDLE_LOOKS && !relay.isCarrying) {
        idle.push({ relay, at: sight.at });
      }
    }
    return idle.sort((a, b) => a.at - b.at).map(({ relay }) => relay);
  }
}
