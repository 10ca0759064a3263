import type { CheckOptions, EjectionOptions } from "./check-options.ts";

/** What the checks say about an upstream. */
export type HealthState = "up" | "down";

/** The same, combined with what relays have found: an upstream that is up may be ejected. */
export type HealthStatus = HealthState | "ejected";

/**
 * The status as shown to people. `unchecked`: no checks, only failed dials count. `unknown`: it is
 * not monitored, or no relay can have gone there.
 */
export type ShownHealth = HealthStatus | "unchecked" | "unknown";

/** Whether nothing counts against an upstream. */
export function isBelieved(health: ShownHealth): boolean {
  return health === "up" || health === "unchecked";
}

/** A change of an upstream's status. */
export interface HealthEvent {
  /** Milliseconds of the clock that the given times are from. */
  readonly at: number;
  readonly from: HealthStatus;
  readonly to: HealthStatus;
  /** A clause for the log, printable: `2 checks failed: connect: ECONNREFUSED`. */
  readonly why: string;
  /** Nothing has confirmed that it is up; it merely may be tried again. */
  readonly isUntried?: true;
}

/** The part of a check's result that matters here. */
export interface CheckOutcome {
  readonly ok: boolean;
  /** The check says nothing about the upstream, and changes nothing. */
  readonly inconclusive: boolean;
  readonly detail: string;
}

const NOTHING: readonly HealthEvent[] = [];

/**
 * The health of one upstream, or of one address of its name. Pure: it has no clock and starts
 * nothing. Times are given in milliseconds, and never go back. Each call returns what it changed,
 * in order.
 *
 * *Checks* (active) move it between up and down. It begins up, because an upstream is trusted until
 * it fails. If its very first check fails it goes down at once, since nothing has confirmed it yet
 * (HAProxy does the same). Once a check has succeeded, `fall` failures in a row take it down, and
 * `rise` successes in a row bring it back up.
 *
 * *Dials* of relays (passive) eject it: `failures` of them in a row within `withinMs` keep new
 * relays away for `baseMs`. The k-th ejection in a row lasts k times as long, at most `mostMs`. An
 * ejection counts as in a row if the time since the last one is no longer than that one was. While
 * the upstream is ejected or down, failed dials are not counted: they are late news. An answered
 * dial ends an ejection.
 *
 * Successful checks do not end an ejection: they succeeded while dials failed, so they do not see
 * the problem. But if checks failed, too, and the upstream comes up again, the problem that both
 * saw is over, and so is the ejection.
 */
export class UpstreamHealth {
  private active: HealthState = "up";
  /** Results in a row that contradict the state. */
  private contrary = 0;
  private hasSucceeded = false;
  /** Times of the last failed dials in a row, oldest first; at most `failures` of them. */
  private dialFailures: number[] = [];
  /** When the last ejection ends or ended, how long it is, and how many there were in a row. */
  private ejectedUntil = Number.NEGATIVE_INFINITY;
  private ejectionMs = 0;
  private ejectionCount = 0;
  private isEjected = false;

  constructor(
    private options: Pick<CheckOptions, "rise" | "fall">,
    private ejection: EjectionOptions | null,
  ) {}

  /** What the checks say. */
  get state(): HealthState {
    return this.active;
  }

  /** When the ejection ends, at which time {@link tick} must be called; null if there is none. */
  get ejectedUntilMs(): number | null {
    return this.isEjected ? this.ejectedUntil : null;
  }

  /** It is up, and a check has confirmed it. */
  get hasPassed(): boolean {
    return this.active === "up" && this.hasSucceeded;
  }

  /** No check has finished yet. */
  get isAwaited(): boolean {
    return this.active === "up" && !this.hasSucceeded;
  }

  /** The next check should come soon: none has finished, it is down, or its last one failed. */
  get isUnsettled(): boolean {
    return !this.hasPassed || this.contrary > 0;
  }

  /** The status as seen from outside: down takes precedence over ejected. */
  status(now: number): HealthStatus {
    if (this.active === "down") return "down";
    return this.isEjected && now < this.ejectedUntil ? "ejected" : "up";
  }

  /** Whether new relays may go there. */
  isOpen(now: number): boolean {
    return this.status(now) === "up";
  }

  /** Applies other options; the state stays. Without ejection options, an ejection ends. */
  reconfigure(
    options: Pick<CheckOptions, "rise" | "fall">,
    ejection: EjectionOptions | null,
    now: number,
  ): readonly HealthEvent[] {
    this.options = options;
    this.ejection = ejection;
    const events = this.expired(now);
    if (ejection !== null) return events;
    this.dialFailures = [];
    const end = () => this.endEjection(now);
    return untried(this.change(now, end, "ejection is turned off", events));
  }

  /** Checks are turned off: only failed dials count from now on. */
  uncheck(now: number): readonly HealthEvent[] {
    const events = this.expired(now);
    const forget = () => {
      this.active = "up";
      this.contrary = 0;
      this.hasSucceeded = false;
    };
    return untried(this.change(now, forget, "it is no longer checked", events));
  }

  /** A check has finished. */
  checked({ ok, inconclusive, detail }: CheckOutcome, now: number): readonly HealthEvent[] {
    const events = this.expired(now);
    if (inconclusive) return events;
    const isFirst = !this.hasSucceeded;
    if (ok) this.hasSucceeded = true;
    if (ok === (this.active === "up")) {
      this.contrary = 0;
      return events;
    }
    this.contrary++;
    const needed = this.active === "down" ? this.options.rise : isFirst ? 1 : this.options.fall;
    if (this.contrary < needed) return events;
    const checks = this.contrary === 1 ? "a check" : `${this.contrary} checks`;
    const why = `${checks} ${ok ? "succeeded" : "failed"}: ${detail}`;
    return this.change(now, () => this.turn(ok, now), why, events);
  }

  /** Applies what the checks of all its addresses say together. */
  concluded(ok: boolean, why: string, now: number): readonly HealthEvent[] {
    const events = this.expired(now);
    if (ok) this.hasSucceeded = true;
    if (ok === (this.active === "up")) return events;
    return this.change(now, () => this.turn(ok, now), why, events);
  }

  private turn(ok: boolean, now: number): void {
    this.contrary = 0;
    this.dialFailures = [];
    this.active = ok ? "up" : "down";
    if (ok) this.endEjection(now);
  }

  /** A relay has connected to it just now. If there were failures, too, report them first. */
  dialed(now: number): readonly HealthEvent[] {
    const events = this.expired(now);
    this.dialFailures = [];
    return this.change(now, () => this.endEjection(now), "a dial was answered", events);
  }

  /** This many dials of relays (at least 1) have failed in a row, the last one just now. */
  dialFailed(now: number, count = 1): readonly HealthEvent[] {
    const events = this.expired(now);
    const { ejection, dialFailures } = this;
    if (ejection === null || this.status(now) !== "up") return events;
    for (let added = 0; added < Math.min(count, ejection.failures); added++) dialFailures.push(now);
    dialFailures.splice(0, Math.max(0, dialFailures.length - ejection.failures));
    const isFull = dialFailures.length === ejection.failures;
    if (!isFull || now - (dialFailures[0] as number) > ejection.withinMs) return events;
    const isInRow = now - this.ejectedUntil <= this.ejectionMs;
    this.ejectionCount = isInRow ? this.ejectionCount + 1 : 1;
    this.ejectionMs = Math.min(ejection.baseMs * this.ejectionCount, ejection.mostMs);
    const eject = () => {
      this.dialFailures = [];
      this.isEjected = true;
      this.ejectedUntil = now + this.ejectionMs;
    };
    const dials = ejection.failures === 1 ? "a dial" : `${ejection.failures} dials in a row`;
    const why = `${dials} failed; no new relays for ${this.ejectionMs / 1_000} s`;
    return this.change(now, eject, why, events);
  }

  /** Time has passed: an ejection may have ended. */
  tick(now: number): readonly HealthEvent[] {
    return this.expired(now);
  }

  private expired(now: number): readonly HealthEvent[] {
    if (!this.isEjected || now < this.ejectedUntil) return NOTHING;
    this.isEjected = false;
    if (this.active === "down") return NOTHING;
    return [{ at: now, from: "ejected", to: "up", why: "its ejection is over", isUntried: true }];
  }

  private endEjection(now: number): void {
    if (!this.isEjected) return;
    this.isEjected = false;
    this.ejectedUntil = now;
  }

  /** Performs an action, and adds an event if that changes the status. */
  private change(
    now: number,
    action: () => void,
    why: string,
    before: readonly HealthEvent[],
  ): readonly HealthEvent[] {
    const from = this.status(now);
    action();
    const to = this.status(now);
    return from === to ? before : [...before, { at: now, from, to, why }];
  }
}

/** Marks upstreams that came up without a check or dial that confirmed it. */
function untried(events: readonly HealthEvent[]): readonly HealthEvent[] {
  return events.map((event) => (event.to === "up" ? { ...event, isUntried: true } : event));
}
