import { formatCount, formatCounted, formatDuration } from "../base/quantity.ts";
import type { Logger } from "./log.ts";

/**
 * Waiting is over once no client has waited for this long: at a full upstream one soon waits again.
 */
const QUIET_MS = 2_000;

/** What is known about one listener's clients. */
export interface WaitingFigures {
  readonly listener: string;
  /** Clients that wait now, for room or for an upstream to come back. */
  readonly waiting: number;
}

/** A period in which clients of a listener waited. */
interface Wait {
  readonly since: number;
  /** When a client was last seen waiting. */
  seenAt: number;
  /** When the waiting ended; null while a client waits. */
  overAt: number | null;
  /** The most clients seen at once. */
  most: number;
}

/**
 * Logs when clients of a listener start to wait, and when none waits any more: how many, and how
 * long.
 */
export class WaitingLines {
  private readonly waits = new Map<string, Wait>();
  /**
   * When {@link look} was last called. A change between two looks is dated halfway between them.
   */
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
        this.log.warn(`${listener}: ${clients} ${verb} for room or for an upstream to come back`);
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
    const count = formatCount(most);
    this.log.info(`${listener}: no client waits any more, after ${span}, at most ${count} at once`);
  }
}
