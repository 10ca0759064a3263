import { type LoopClock, systemClock } from "../../base/clock.ts";
import { type DnsTtl, dnsTtlDefaults } from "./dns-ttl.ts";
import { NameError } from "./name-error.ts";
import { type HostAddress, type Resolution, resolveName } from "./resolver.ts";

/** Resolves a name once. @throws NameError; anything else is a defect */
export type Resolve<Place = HostAddress> = (name: string) => Promise<Resolution<Place>>;

/** Receives what a watcher learns. It may call anything here, and must not throw. */
export interface NameListener<Place = HostAddress> {
  /**
   * The addresses of a name have changed; their order does not count.
   *
   * @param addresses at least one
   * @param before empty for the first answer
   * @param failures how many questions in a row had failed before
   */
  onChange(
    name: string,
    addresses: readonly Place[],
    before: readonly Place[],
    failures: number,
  ): void;
  /**
   * A name that has addresses could not be resolved; it keeps them. Called once per series of
   * failures.
   */
  onFailing?(name: string, error: NameError): void;
}

/** What a watcher uses; the defaults are for production. */
export interface WatcherParts {
  readonly resolve?: Resolve;
  readonly clock?: LoopClock;
  /** Returns 0…1, 1 excluded. */
  readonly random?: () => number;
  /** Bounds of an answer's TTL. */
  readonly ttl?: DnsTtl;
}

/** Most questions under way at the same time; the rest wait in line. */
export const ASKING_MAX = 16;

/** A name whose addresses failed is looked up again at most this often, in milliseconds. */
const REFRESH_MIN_MS = 1_000;
/** An answer is kept up to this fraction longer, at random, so that names spread out over time. */
const NEXT_JITTER = 0.1;
/** After a failure the next question comes after a second, then after twice as long each time. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** A retry comes up to this fraction earlier, at random. */
const RETRY_JITTER = 0.2;

/** A name and what is known about it. */
class Watched<Place> {
  /** The last good answer; empty before the first one. */
  addresses: readonly Place[] = [];
  /** How many questions in a row have failed. */
  failures = 0;
  /** Why and when the last question failed; null if it succeeded. */
  error: NameError | null = null;
  failedAt = 0;
  /** When it was last asked for, and when it will be next. */
  askedAt = Number.NEGATIVE_INFINITY;
  nextAt = Number.POSITIVE_INFINITY;
  /** The question in line or under way; null if there is none. */
  question: PromiseWithResolvers<readonly Place[]> | null = null;
  cancelNext = () => {};

  constructor(readonly name: string) {}
}

/**
 * Keeps names resolved: asks again when an answer is too old, and keeps the last good one until
 * there is another. Runs in the control plane.
 */
export class Watcher<Place> {
  private readonly names = new Map<string, Watched<Place>>();
  private readonly line = new Set<Watched<Place>>();
  private asking = 0;
  private isStopped = false;
  private readonly clock: LoopClock;
  private readonly random: () => number;
  private readonly ttl: DnsTtl;

  constructor(
    private readonly listener: NameListener<Place>,
    private readonly resolve: Resolve<Place>,
    parts: Pick<WatcherParts, "clock" | "random" | "ttl"> = {},
  ) {
    this.ttl = parts.ttl ?? dnsTtlDefaults;
    this.clock = parts.clock ?? systemClock;
    this.random = parts.random ?? Math.random;
  }

  /**
   * Replaces the set of names. Those that stay keep what is known about them. Ignored once stopped.
   */
  set(names: Iterable<string>): void {
    if (this.isStopped) return;
    const wanted = new Set(names);
    for (const [name, watched] of this.names) if (!wanted.has(name)) this.forget(watched);
    for (const name of wanted) {
      if (this.names.has(name)) continue;
      const watched = new Watched<Place>(name);
      this.names.set(name, watched);
      void this.enqueue(watched);
    }
  }

  /** The last good answer for a name, in the system's order; empty if there is none yet. */
  addresses(name: string): readonly Place[] {
    return this.names.get(name)?.addresses ?? [];
  }

  /**
   * Returns the last good answer at once, if there is one; otherwise waits for the question under
   * way, or asks. A name that could not be resolved is not asked for again within a second, however
   * many clients want it. A name that is not watched is asked for once.
   *
   * @returns at least one address
   * @throws NameError
   */
  async ask(name: string): Promise<readonly Place[]> {
    const watched = this.names.get(name) ?? new Watched<Place>(name);
    const { addresses, question, error, failedAt } = watched;
    if (addresses.length > 0) return addresses;
    if (this.isStopped) throw new NameError("given_up");
    if (question !== null) return await question.promise;
    if (error !== null && this.clock.now() - failedAt < RETRY_MIN_MS) throw error;
    return await this.enqueue(watched);
  }

  /**
   * The known addresses of a name do not answer, so it may have moved: asks again, whatever the
   * TTL, but at most once a second. A name whose last question has failed is retried anyway, with
   * growing pauses.
   */
  refresh(name: string): void {
    const watched = this.names.get(name);
    if (watched === undefined || watched.question !== null || watched.error !== null) return;
    const at = Math.max(this.clock.now(), watched.askedAt + REFRESH_MIN_MS);
    if (this.isStopped || at >= watched.nextAt) return;
    watched.cancelNext();
    this.askLater(watched, at - this.clock.now());
  }

  /**
   * Why the last question for a name without addresses failed; null if it has some or none failed.
   */
  trouble(name: string): string | null {
    const { addresses, error } = this.names.get(name) ?? {};
    return addresses?.length === 0 ? (error?.message ?? null) : null;
  }

  /** Waits until it is known why a name has no addresses or places; null if it has some. */
  async problem(name: string): Promise<string | null> {
    try {
      await this.ask(name);
      return null;
    } catch (error) {
      if (error instanceof NameError) return error.code === "given_up" ? null : error.message;
      throw error;
    }
  }

  /** Asks no more. What is known stays available; pending questions fail with `given_up`. */
  stop(): void {
    this.isStopped = true;
    for (const watched of this.names.values()) watched.cancelNext();
    for (const watched of [...this.names.values(), ...this.line]) this.giveUp(watched);
    this.line.clear();
  }

  private forget(watched: Watched<Place>): void {
    this.names.delete(watched.name);
    watched.cancelNext();
    if (this.line.delete(watched)) this.giveUp(watched);
  }

  private giveUp({ question }: Watched<Place>): void {
    question?.reject(new NameError("given_up"));
  }

  private enqueue(watched: Watched<Place>): Promise<readonly Place[]> {
    watched.cancelNext();
    const question = Promise.withResolvers<readonly Place[]>();
    // Usually nothing awaits it.
    question.promise.catch(() => {});
    watched.question = question;
    this.line.add(watched);
    this.askNext();
    return question.promise;
  }

  private askNext(): void {
    for (const watched of this.line) {
      if (this.asking >= ASKING_MAX) return;
      this.line.delete(watched);
      this.asking++;
      void this.resolveNow(watched);
    }
  }

  private async resolveNow(watched: Watched<Place>): Promise<void> {
    watched.askedAt = this.clock.now();
    watched.nextAt = Number.POSITIVE_INFINITY;
    let outcome: Resolution<Place> | NameError;
    try {
      outcome = await this.resolve(watched.name);
    } catch (error) {
      // Anything else is a defect, and must surface.
      if (!(error instanceof NameError)) throw error;
      outcome = error;
    }
    this.asking--;
    const { question } = watched;
    watched.question = null;
    if (outcome instanceof NameError) question?.reject(outcome);
    else question?.resolve(outcome.addresses);
    if (this.isStopped) return;
    // It may have been removed meanwhile, or removed and added again.
    if (this.names.get(watched.name) === watched) this.learn(watched, outcome);
    this.askNext();
  }

  private learn(watched: Watched<Place>, outcome: Resolution<Place> | NameError): void {
    const { name, addresses: before, failures } = watched;
    if (outcome instanceof NameError) {
      watched.failures++;
      watched.error = outcome;
      watched.failedAt = this.clock.now();
      this.askLater(watched, this.retryAfter(watched.failures));
      if (failures === 0 && before.length > 0) this.listener.onFailing?.(name, outcome);
      return;
    }
    const { addresses, ttlMs } = outcome;
    watched.addresses = addresses;
    watched.failures = 0;
    watched.error = null;
    this.askLater(watched, this.nextAfter(ttlMs));
    if (keyOf(addresses) !== keyOf(before)) {
      this.listener.onChange(name, addresses, before, failures);
    }
  }

  private askLater(watched: Watched<Place>, delayMs: number): void {
    watched.nextAt = this.clock.now() + delayMs;
    watched.cancelNext = this.clock.after(delayMs, () => void this.enqueue(watched));
  }

  private nextAfter(ttlMs: number): number {
    const spread = 1 + NEXT_JITTER * this.random();
    const { minMs, maxMs } = this.ttl;
    return Math.min(maxMs, Math.max(minMs, ttlMs) * spread);
  }

  private retryAfter(failures: number): number {
    const backOff = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** (failures - 1));
    return Math.max(RETRY_MIN_MS, backOff * (1 - RETRY_JITTER * this.random()));
  }
}

/** Watches host names. */
export class NameWatcher extends Watcher<HostAddress> {
  constructor(listener: NameListener, parts: WatcherParts = {}) {
    super(listener, parts.resolve ?? resolveName, parts);
  }
}

/** The same key for the same addresses in any order. */
function keyOf(addresses: readonly unknown[]): string {
  return addresses
    .map((one) => JSON.stringify(one))
    .toSorted()
    .join(" ");
}
