import { Limit, WINDOW_MS } from "../observe/limit.ts";
import type { Asker } from "./answer.ts";

/**
 * Milliseconds by which the first wrong token of an address is delayed; each further one doubles
 * it.
 */
const DELAY_MS = 250;
/** The longest delay, shorter than a connection may be idle. */
const DELAY_MAX_MS = 4_000;
/** An address is forgotten after this many milliseconds without a wrong token. */
const FORGET_MS = 60_000;
/** Most addresses to remember; the one that was quiet for longest is dropped. */
const ADDRESSES_MAX = 1_024;
/** Most delayed answers; further ones are sent at once, so that delays use up no resources. */
const WAITING_MAX = 256;

interface Guesses {
  count: number;
  lastAt: number;
}

/**
 * Wrong tokens: they are logged at most once a second, and answered later the more of them an
 * address has sent. Right tokens are never delayed, so an operator behind the same address as a
 * guesser gets in. Memory is bounded, however many addresses there are.
 */
export class WrongTokens {
  private readonly addresses = new Map<string, Guesses>();
  private readonly limit: Limit;
  private waiting = 0;

  /** @param tell logs a sentence */
  constructor(private readonly tell: (sentence: string) => void) {
    const rest = "more requests with a wrong token, or from others who may not ask";
    this.limit = new Limit((count) => tell(`admin API: ${count} ${rest}`), WINDOW_MS);
  }

  /** Notes a wrong token. @returns when it may be answered */
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

  /** Notes a client that may not ask at all. @param why as a sentence */
  refused(why: string): void {
    if (this.limit.take()) this.tell(`admin API: ${why}`);
  }

  /** How many addresses are remembered; for tests. */
  get size(): number {
    return this.addresses.size;
  }

  private delay(network: string, now: number): number {
    const before = this.addresses.get(network);
    const count = before === undefined || now - before.lastAt > FORGET_MS ? 0 : before.count;
    // Reinserted, so that the map is ordered by the last wrong token.
    this.addresses.delete(network);
    this.addresses.set(network, { count: count + 1, lastAt: now });
    const [oldest] = this.addresses.keys();
    if (this.addresses.size > ADDRESSES_MAX && oldest !== undefined) this.addresses.delete(oldest);
    return Math.min(DELAY_MAX_MS, DELAY_MS * 2 ** Math.min(count, 10));
  }
}

/**
 * Waits, unless the client leaves first: otherwise delays of clients that have left would pile up.
 */
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

/**
 * An IPv4 address itself, or the first half of an IPv6 address, as one client has all of the rest.
 */
function networkOf(address: string): string {
  if (!address.includes(":") || address.startsWith("::ffff:")) return address;
  const [front = ""] = address.split("::", 1);
  return front.split(":").slice(0, 4).join(":");
}
