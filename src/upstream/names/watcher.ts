import { type LoopClock, systemClock } from "../../base/clock.ts";
import { type DnsTtl, dnsTtlDefaults } from "./dns-ttl.ts";
import { NameError } from "./name-error.ts";
import { type HostAddress, type Resolution, resolveName } from "./resolver.ts";

/** Resolves a name once. @throws NameError; anything else is a defect */
export type Resolve<Place = HostAddress> = (name: string) => Promise<Resolution<Place>>;

/** What a watcher tells. It may call anything here, and must not throw. */
export interface NameListener<Place = HostAddress> {
  /**
   * A name has other addresses than before; their order does not matter.
   *
   * @param addresses at least one
   * @param before none when it is the first answer
   * @param failures so many questions in a row had failed until then
   */
  onChange(
    name: string,
    addresses: readonly Place[],
    before: readonly Place[],
    failures: number,
  ): void;
  /** A name that has addresses could not be resolved: it keeps them. Told once, until it can again. */
  onFailing?(name: string, error: NameError): void;
}

/** What a watcher is made of; the defaults are what runs. */
export interface WatcherParts {
  readonly resolve?: Resolve;
  readonly clock?: LoopClock;
  /** 0…1, 1 excluded. */
  readonly random?: () => number;
  /** What an answer's TTL is taken for at least and at most. */
  readonly ttl?: DnsTtl;
}

/** Most questions that are under way at the same time; the others wait in line. */
export const ASKING_MAX = 16;

/** A name that has led nowhere is asked for again, but not more often than this. */
const REFRESH_MIN_MS = 1_000;
/** So much longer at most, at random: names that were learnt together are not asked for together. */
const NEXT_JITTER = 0.1;
/** After a failure it comes after a second, then after twice as long each time. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** So much earlier at most, at random. */
const RETRY_JITTER = 0.2;

/** A name and what is known of it. */
class Watched<Place> {
  /** The last good answer; empty before the first one. */
  addresses: readonly Place[] = [];
  /** Questions in a row that have failed. */
  failures = 0;
  /** What the last one failed with, and when; null when it did not. */
  error: NameError | null = null;
  failedAt = 0;
  /** When it was asked for last, and when it is to be again. */
  askedAt = Number.NEGATIVE_INFINITY;
  nextAt = Number.POSITIVE_INFINITY;
  /** What waits in line or is under way; null when nothing is. */
  question: PromiseWithResolvers<readonly Place[]> | null = null;
  cancelNext = () => {};

  constructor(readonly name: string) {}
}

/**
 * Keeps names resolved: asks again whenever an answer is too old, and keeps the last good one as long
 * as there is no other. Runs in the control plane.
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

  /** These are the names from now on. What is known of those that stay is kept. Not once stopped. */
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

  /** The last good answer for a name, in the system's order; empty when there is none yet. */
  addresses(name: string): readonly Place[] {
    return this.names.get(name)?.addresses ?? [];
  }

  /**
   * The last good answer, at once; for a name that is not known yet that of the question which is
   * under way, or of a new one. A name that could not be resolved is not asked for anew within the
   * same second, however many clients want to go there. One that is not watched is asked for once.
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
   * What is known of a name has led nowhere, so that it may be somewhere else by now: it is asked for
   * again, however long its answer was to hold, but not within a second of the last question. One
   * whose question has failed is asked for again anyway, with growing pauses.
   */
  refresh(name: string): void {
    const watched = this.names.get(name);
    if (watched === undefined || watched.question !== null || watched.error !== null) return;
    const at = Math.max(this.clock.now(), watched.askedAt + REFRESH_MIN_MS);
    if (this.isStopped || at >= watched.nextAt) return;
    watched.cancelNext();
    this.askLater(watched, at - this.clock.now());
  }

  /** Why the last question for a name that has no addresses yet has failed; null while none has. */
  trouble(name: string): string | null {
    const { addresses, error } = this.names.get(name) ?? {};
    return addresses?.length === 0 ? (error?.message ?? null) : null;
  }

  /** Why a name has no addresses or places, once that is known; null when it has some. */
  async problem(name: string): Promise<string | null> {
    try {
      await this.ask(name);
      return null;
    } catch (error) {
      if (error instanceof NameError) return error.code === "given_up" ? null : error.message;
      throw error;
    }
  }

  /** Asks no more. What is known can still be had; whoever waits for an answer hears `given_up`. */
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
    // Mostly nobody waits for it.
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
      // Anything else is a defect, which the program hears of.
      if (!(error instanceof NameError)) throw error;
      outcome = error;
    }
    this.asking--;
    const { question } = watched;
    watched.question = null;
    if (outcome instanceof NameError) question?.reject(outcome);
    else question?.resolve(outcome.addresses);
    if (this.isStopped) return;
    // It may have been taken away meanwhile, or taken away and added again.
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

/** A watcher of host names. */
export class NameWatcher extends Watcher<HostAddress> {
  constructor(listener: NameListener, parts: WatcherParts = {}) {
    super(listener, parts.resolve ?? resolveName, parts);
  }
}

/** The same for the same addresses, whatever their order. */
function keyOf(addresses: readonly unknown[]): string {
  return addresses
    .map((one) => JSON.stringify(one))
    .toSorted()
    .join(" ");
}
