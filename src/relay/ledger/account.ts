import { type Address, formatAddress } from "../../base/address.ts";
import { numberOfReason, type Reason } from "../../base/reason.ts";
import type { UpstreamOptions, WantedListener } from "../../config/options.ts";
import {
  ListenerCount,
  listenerFigures,
  UpstreamCount,
  upstreamFigures,
} from "../../counts/figures.ts";
import type { Relay } from "../../flow/relay.ts";
import {
  type FlowTotals,
  type Numbers,
  type Page,
  sharedNumbers,
  UPSTREAM_NUMBERS,
  type UpstreamPage,
} from "./page.ts";
import type { Pages } from "./pages.ts";

/** A listener's name in summaries and figures: its own, or its address. @param address as bound */
export function nameOfListener({ name }: Pick<WantedListener, "name">, address: Address): string {
  return name ?? formatAddress(address);
}

/** The most address objects that are cached. */
const KNOWN_MAX = 1_024;

/** The most former upstreams of a listener whose figures are kept. */
const GONE_MAX = 256;

/** Counts the relays of one listener with one upstream. */
class UpstreamAccount {
  running = 0;
  /** One number each, to which the flows add their bytes. */
  private readonly up: Numbers;
  private readonly down: Numbers;

  constructor(readonly page: UpstreamPage) {
    const { counts } = page;
    this.up = counts.subarray(UpstreamCount.upBytes, UpstreamCount.upBytes + 1);
    this.down = counts.subarray(UpstreamCount.downBytes, UpstreamCount.downBytes + 1);
  }

  get name(): string | null {
    return this.page.upstream;
  }

  takes({ up, down }: Relay): void {
    this.running++;
    (this.up[0] as number) += up.receivedBytes;
    (this.down[0] as number) += down.receivedBytes;
    up.account = this.up;
    down.account = this.down;
  }

  ended(reason: Reason): void {
    this.running--;
    (this.page.counts[upstreamFigures.size + numberOfReason(reason)] as number)++;
  }
}

/**
 * Counts the relays of one listener, per upstream. Counters never fall. Members of services may
 * come and go without end, so only the last {@link GONE_MAX} former upstreams without relays are
 * kept.
 *
 * Owner: a ledger. Listeners with the same name share one.
 */
export class ListenerAccount {
  private readonly counts = sharedNumbers(listenerFigures.size);
  private upstreams: UpstreamAccount[] = [];
  /** How many of its listeners have each upstream: those of one name may differ. */
  private readonly wanted = new Map<string, number>();
  /** Accounts by address object, so that no text is formatted per relay. */
  private readonly byAddress = new Map<Address | null, UpstreamAccount>();

  /** @param totals to which its relays' flows add */
  constructor(
    readonly name: string,
    readonly totals: FlowTotals,
    private readonly pages: Pages,
  ) {
    pages.add({ kind: "listener", listener: name, counts: this.counts });
  }

  /** One of its listeners has these upstreams from now on. */
  keep(upstreams: readonly UpstreamOptions[]): void {
    for (const { address } of upstreams) this.want(formatAddress(address), 1);
  }

  /** One of its listeners no longer has these upstreams. */
  leave(upstreams: readonly UpstreamOptions[]): void {
    for (const { address } of upstreams) this.want(formatAddress(address), -1);
    this.forget();
  }

  /** Removes the oldest former upstreams. */
  private forget(): void {
    if (this.upstreams.length <= GONE_MAX) return;
    const gone = this.upstreams.filter(
      ({ name, running }) => name !== null && running === 0 && !this.wanted.has(name),
    );
    const forgotten = new Set(gone.slice(0, Math.max(0, gone.length - GONE_MAX)));
    if (forgotten.size === 0) return;
    this.upstreams = this.upstreams.filter((account) => !forgotten.has(account));
    this.byAddress.clear();
    for (const { page } of forgotten) this.pages.remove(page);
  }

  private want(name: string, change: 1 | -1): void {
    const count = (this.wanted.get(name) ?? 0) + change;
    if (count > 0) this.wanted.set(name, count);
    else this.wanted.delete(name);
  }

  /** Adds a page of its kind's own figures. */
  addPage(page: Page): void {
    this.pages.add(page);
  }

  begins(): void {
    this.add(ListenerCount.accepted);
    this.add(ListenerCount.running);
  }

  /** One of its clients begins to wait (1), or no longer waits (−1). */
  waits(change: 1 | -1): void {
    this.add(ListenerCount.waiting, change);
  }

  /** Changes a figure. @param figure see {@link ListenerCount} */
  add(figure: number, change: 1 | -1 = 1): void {
    (this.counts[figure] as number) += change;
  }

  /** A relay's upstream is decided: counts its bytes, past and future, for that upstream. */
  takes(relay: Relay, upstream: Address | null): void {
    this.upstream(upstream).takes(relay);
  }

  /** A relay whose upstream was decided has ended. */
  ended(upstream: Address | null, reason: Reason): void {
    this.upstream(upstream).ended(reason);
    this.add(ListenerCount.running, -1);
  }

  private upstream(address: Address | null): UpstreamAccount {
    let account = this.byAddress.get(address);
    if (account === undefined) {
      // After a reload there are other objects for the same upstreams.
      if (this.byAddress.size === KNOWN_MAX) this.byAddress.clear();
      const name = address === null ? null : formatAddress(address);
      account = this.upstreams.find((one) => one.name === name) ?? this.open(name);
      this.byAddress.set(address, account);
    }
    return account;
  }

  private open(upstream: string | null): UpstreamAccount {
    const counts = sharedNumbers(UPSTREAM_NUMBERS);
    const page: UpstreamPage = { kind: "upstream", listener: this.name, upstream, counts };
    this.pages.add(page);
    const account = new UpstreamAccount(page);
    this.upstreams.push(account);
    return account;
  }
}
