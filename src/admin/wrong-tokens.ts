import { Limit, WINDOW_MS } from "../observe/limit.ts";
import type { Asker } from "./answer.ts";

/** Milliseconds that the first wrong token of an address costs; each further one doubles them. */
const DELAY_MS = 250;
/** Most of it, which is less than a connection may be idle. */
const DELAY_MAX_MS = 4_000;
/** An address that has shown no wrong one for so long begins anew. */
const FORGET_MS = 60_000;
/** Addresses that are remembered; the one that was quiet for the longest time makes room. */
const ADDRESSES_MAX = 1_024;
/** Answers that wait at a time; more are given at once, which costs nothing that anybody could use up. */
const WAITING_MAX = 256;

interface Guesses {
  count: number;
  lastAt: number;
}

/**
 * Wrong tokens: they are told of, once a second at most, and answered late, the later the more there
 * were from the same address. Right ones are never held up, whoever sends them: a person behind the
 * same address as somebody who guesses gets in. Memory is bounded, whoever asks.
 */
export class WrongTokens {
  private readonly addresses = new Map<string, Guesses>();
  private readonly limit: Limit;
  private waiting = 0;

  /** @param tell logs a sentence */
  constructor(private readonly tell: (sentence: string) => void) {
    this.limit = new Limit(
      (count) =>
        tell(
          `admin API: ${count} more requests with a wrong token, or from others who may not ask`,
        ),
      WINDOW_MS,
    );
  }

  /**
   * One more has come.
   *
   * @returns when it may be answered
   */
  async note(asker: Asker): Promise<void> {
    const { name, gone } = asker;
    asker.distrust();
    if (this.limit.take()) this.tell(`admin API: a wrong token from ${name}`);
    const delayMs = this.delay(networkOf(name), performance.now());
    if (this.waiting >= WAITING_MAX || gone.aborted) return;
    this.waiting++;
    await waited(delayMs, gone);
    this.waiting--;
  }

  /** Somebody may not even show one. @param why as a sentence */
  refused(why: string): void {
    if (this.limit.take()) this.tell(`admin API: ${why}`);
  }

  /** For tests: addresses that are remembered. */
  get size(): number {
    return this.addresses.size;
  }

  private delay(network: string, now: number): number {
    const before = this.addresses.get(network);
    const count = before === undefined || now - before.lastAt > FORGET_MS ? 0 : before.count;
    // The last one of a map is the one that was put there last.
    this.addresses.delete(network);
    this.addresses.set(network, { count: count + 1, lastAt: now });
    const [oldest] = this.addresses.keys();
    if (this.addresses.size > ADDRESSES_MAX && oldest !== undefined) this.addresses.delete(oldest);
    return Math.min(DELAY_MAX_MS, DELAY_MS * 2 ** Math.min(count, 10));
  }
}

/** Until a time is over, or nobody waits any more: what is kept for those who left would pile up. */
function waited(delayMs: number, gone: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, delayMs).unref();
  const leave = () => {
    clearTimeout(timer);
    resolve();
  };
  gone.addEventListener("abort", leave, { once: true });
  return promise.finally(() => gone.removeEventListener("abort", leave));
}

/** Of an IPv6 address its first half: whoever has one has all of them. */
function networkOf(address: string): string {
  if (!address.includes(":") || address.startsWith("::ffff:")) return address;
  const [front = ""] = address.split("::", 1);
  return front.split(":").slice(0, 4).join(":");
}
