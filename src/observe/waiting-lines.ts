import { formatCount, formatCounted, formatDuration } from "../base/quantity.ts";
import type { Logger } from "./log.ts";

/** Milliseconds for which nobody waits until that is over: at a full upstream somebody soon does again. */
const QUIET_MS = 2_000;

/** What is seen of one listener's clients. */
export interface WaitingFigures {
  readonly listener: string;
  /** Clients that wait now: for room, or for an upstream that can be reached. */
  readonly waiting: number;
}

/** A time in which clients of a listener have waited. */
interface Wait {
  readonly since: number;
  /** When somebody was last seen waiting. */
  seenAt: number;
  /** When that was over; null while somebody waits. */
  overAt: number | null;
  /** The most that were seen at a time. */
  most: number;
}

/** Tells when clients of a listener begin to wait and when none does any more: how many, and how long. */
export class WaitingLines {
  private readonly waits = new Map<string, Wait>();
  /** When all were looked at last. What changes between two looks has, as far as anybody knows, in the middle. */
  private lookedAt: number | null = null;

  constructor(private readonly log: Pick<Logger, "warn" | "info">) {}

  /** Looks at all listeners. @param now milliseconds of a clock that never goes back */
  look(listeners: readonly WaitingFigures[], now: number): void {
    const between = (now + (this.lookedAt ?? now)) / 2;
    this.lookedAt = now;
    for (const { listener, waiting } of listeners) {
      const wait = this.waits.get(listener);
      if (waiting === 0) {
        if (wait === undefined) continue;
        wait.overAt ??= between;
        if (now - wait.seenAt >= QUIET_MS) this.end(listener, wait.overAt - wait.since, wait.most);
      } else if (wait === undefined) {
        this.waits.set(listener, { since: between, seenAt: now, overAt: null, most: waiting });
        const clients = formatCounted(waiting, "client");
        const verb = waiting === 1 ? "waits" : "wait";
        this.log.warn(`${listener}: ${clients} ${verb} for room, or for an upstream to be back`);
      } else {
        wait.seenAt = now;
        wait.overAt = null;
        wait.most = Math.max(wait.most, waiting);
      }
    }
  }

  private end(listener: string, durationMs: number, most: number): void {
    this.waits.delete(listener);
    const span = formatDuration(Math.round(durationMs));
    this.log.info(
      `${listener}: no client waits any more, after ${span}, ${formatCount(most)} at most`,
    );
  }
}
