import type { CheckOptions, EjectionOptions } from "./check-options.ts";

/** Whether the checks say that an upstream is well. */
export type HealthState = "up" | "down";

/** The same with what relays have found: one that is up may be ejected. */
export type HealthStatus = HealthState | "ejected";

/**
 * The same with what nobody knows: `unchecked` where nothing checks it, so that only dials can speak
 * against it, and `unknown` where nobody looks or nobody can have gone there.
 */
export type ShownHealth = HealthStatus | "unchecked" | "unknown";

/** Nothing that looks after an upstream speaks against it. */
export function isBelieved(health: ShownHealth): boolean {
  return health === "up" || health === "unchecked";
}

/** A change of an upstream's status. */
export interface HealthEvent {
  /** Milliseconds, of the same clock as the times that were given. */
  readonly at: number;
  readonly from: HealthStatus;
  readonly to: HealthStatus;
  /** A clause for the log, printable: `2 checks failed: connect: ECONNREFUSED`. */
  readonly why: string;
  /** Nothing has shown that it is up: it may be tried again, no more. */
  readonly isUntried?: true;
}

/** What of a check's outcome matters here. */
export interface CheckOutcome {
  readonly ok: boolean;
  /** It says nothing and changes nothing. */
  readonly inconclusive: boolean;
  readonly detail: string;
}

const NOTHING: readonly HealthEvent[] = [];

/**
 * What is believed of one upstream, or of one address of its name. Pure: it has no clock and starts nothing; times are given, in
 * milliseconds, and never go back. Each call returns what it changed, in order.
 *
 * *Checks* (active) move it between up and down. It begins up, because an upstream is believed until it
 * fails; but the first check of all, if it fails, makes it down at once, since nothing but hope spoke
 * for it (so does HAProxy). After a check that succeeded, `fall` failures in a row make it down, and
 * `rise` successes in a row make it up again.
 *
 * *Dials* of relays (passive) eject it: `failures` of them in a row within `withinMs` keep new relays
 * away for `baseMs`; for k times as long at the k-th time in a row, `mostMs` at most. An ejection
 * counts as in a row when it comes no later after the last one than that one was long. While it is
 * ejected or down, failed dials are not counted: they are late news. One that is answered ends an
 * ejection.
 *
 * Checks that go on succeeding do not end an ejection: they were succeeding while dials failed, so
 * they do not see what is wrong. But when checks have failed too and it comes up again, what both
 * saw is over, and the ejection with it.
 */
export class UpstreamHealth {
  private active: HealthState = "up";
  /** Outcomes in a row that speak against the state. */
  private contrary = 0;
  private hasSucceeded = false;
  /** Times of the last failed dials in a row, oldest first; at most `failures` of them. */
  private dialFailures: number[] = [];
  /** When the last ejection ends or ended, how long it was, and the how manieth in a row. */
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

  /** When the ejection is over, which {@link tick} has to be told; null when there is none. */
  get ejectedUntilMs(): number | null {
    return this.isEjected ? this.ejectedUntil : null;
  }

  /** It is up, and a check has said so. */
  get hasPassed(): boolean {
    return this.active === "up" && this.hasSucceeded;
  }

  /** No check has said anything of it yet. */
  get isAwaited(): boolean {
    return this.active === "up" && !this.hasSucceeded;
  }

  /** The next check should come soon: it is awaited, down, or on the way from up to down. */
  get isUnsettled(): boolean {
    return !this.hasPassed || this.contrary > 0;
  }

  /** What an onlooker sees: down goes before ejected. */
  status(now: number): HealthStatus {
    if (this.active === "down") return "down";
    return this.isEjected && now < this.ejectedUntil ? "ejected" : "up";
  }

  /** Whether new relays may go there. */
  isOpen(now: number): boolean {
    return this.status(now) === "up";
  }

  /** Other numbers hold from now on; what is believed stays. An ejection ends if there are none now. */
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
    return untried(this.change(now, end, "ejection is off now", events));
  }

  /** There are no checks any more: nothing speaks against it but its dials. */
  uncheck(now: number): readonly HealthEvent[] {
    const events = this.expired(now);
    const forget = () => {
      this.active = "up";
      this.contrary = 0;
      this.hasSucceeded = false;
    };
    return untried(this.change(now, forget, "it is not checked any more", events));
  }

  /** A check is over. */
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

  /** What the checks of all its addresses say together. */
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

  /** Relays have connected to it, the last one now. Where both are told, failures go first. */
  dialed(now: number): readonly HealthEvent[] {
    const events = this.expired(now);
    this.dialFailures = [];
    return this.change(now, () => this.endEjection(now), "a dial was answered", events);
  }

  /** So many dials (at least 1) of relays failed, one after the other and the last one now. */
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
    return this.change(
      now,
      eject,
      `${dials} failed; no new relays for ${this.ejectionMs / 1_000} s`,
      events,
    );
  }

  /** Time has passed: an ejection may be over. */
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

  /** Does something and tells of it, if the status is another one then. */
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

/** What became up by these events was tried by nobody. */
function untried(events: readonly HealthEvent[]): readonly HealthEvent[] {
  return events.map((event) => (event.to === "up" ? { ...event, isUntried: true } : event));
}
