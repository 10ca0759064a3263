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
  sharedNumbers,
  UPSTREAM_NUMBERS,
  type UpstreamPage,
} from "./page.ts";
import type { Pages } from "./pages.ts";

/**
 * What stories and figures call a listener: its name, or else the address that it accepts on.
 *
 * @param address the real one, with the port that the system picked
 */
export function nameOfListener({ name }: Pick<WantedListener, "name">, address: Address): string {
  return name ?? formatAddress(address);
}

/** Objects that stand for an upstream and are known, at most. */
const KNOWN_MAX = 1_024;

/** Upstreams that the listener has no more, of which figures are kept, at most. */
const GONE_MAX = 256;

/** Where the relays of one listener with one upstream are counted. */
class UpstreamAccount {
  /** Relays that were taken and have not ended. */
  running = 0;
  /** The bytes of each direction, for flows to add to. */
  private readonly up: Numbers;
  private readonly down: Numbers;

  constructor(readonly page: UpstreamPage) {
    const { counts } = page;
    this.up = counts.subarray(UpstreamCount.upBytes, UpstreamCount.upBytes + 1);
    this.down = counts.subarray(UpstreamCount.downBytes, UpstreamCount.downBytes + 1);
  }

  /** As it was configured; null for none. */
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
 * Where the relays of one listener are counted, upstream by upstream. Nothing that it counts ever falls;
 * but members of services come and go without end, so that of upstreams that have gone, and have no
 * relay left, only the last ones are known.
 *
 * Owner: a ledger. Listeners have theirs, and two with the same name the same one.
 */
export class ListenerAccount {
  private readonly counts = sharedNumbers(listenerFigures.size);
  private upstreams: UpstreamAccount[] = [];
  /** How many of its listeners have an upstream: ports of one name may have different ones. */
  private readonly wanted = new Map<string, number>();
  /** By the very object that stands for an upstream: no text is made for a relay. */
  private readonly byAddress = new Map<Address | null, UpstreamAccount>();

  /**
   * @param totals where its relays' flows are added up
   * @param pages gets its own
   */
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

  /** One of its listeners has no more what it was to {@link keep}. */
  leave(upstreams: readonly UpstreamOptions[]): void {
    for (const { address } of upstreams) this.want(formatAddress(address), -1);
    this.forget();
  }

  /** Of what has gone only the last are known. */
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

  /** A client was accepted. */
  begins(): void {
    this.add(ListenerCount.accepted);
    this.add(ListenerCount.running);
  }

  /** One of its clients begins to wait for an upstream (1), or waits no more (−1). */
  waits(change: 1 | -1): void {
    this.add(ListenerCount.waiting, change);
  }

  /** Something has happened once more, or a state is over (−1). @param figure its place, see {@link ListenerCount} */
  add(figure: number, change: 1 | -1 = 1): void {
    (this.counts[figure] as number) += change;
  }

  /** It is decided whose a relay is: its bytes count for that upstream, those to come as they do. */
  takes(relay: Relay, upstream: Address | null): void {
    this.upstream(upstream).takes(relay);
  }

  /** A relay is over that was taken. */
  ended(upstream: Address | null, reason: Reason): void {
    this.upstream(upstream).ended(reason);
    this.add(ListenerCount.running, -1);
  }

  private upstream(address: Address | null): UpstreamAccount {
    let account = this.byAddress.get(address);
    if (account === undefined) {
      // After a reload other objects stand for the same upstreams.
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
