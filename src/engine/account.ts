import { formatAddress } from "../config/address.ts";
import type { Address, UpstreamOptions, WantedListener } from "../config/options.ts";
import type { Reason } from "../flow/reason.ts";
import type { ListenerStats, UpstreamStats } from "./engine.ts";
import type { Summary } from "./summary.ts";

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

/** What the relays of one listener with one upstream have come to. */
class UpstreamAccount {
  readonly reasons: Partial<Record<Reason, number>> = {};
  upBytes = 0;
  downBytes = 0;
  /** Bytes of those that run, as far as they were gathered for an answer. */
  runningUpBytes = 0;
  runningDownBytes = 0;

  /** @param name as it was configured; null for none */
  constructor(readonly name: string | null) {}

  stats(): UpstreamStats {
    return {
      upstream: this.name,
      ended: { ...this.reasons },
      upBytes: this.upBytes + this.runningUpBytes,
      downBytes: this.downBytes + this.runningDownBytes,
    };
  }
}

/**
 * What the relays of one listener have come to, upstream by upstream. Nothing that it counts ever falls;
 * but members of services come and go without end, so that of upstreams that have gone only the last
 * ones are known.
 *
 * Owner: a ledger. Listeners have theirs, and two with the same name the same one.
 */
export class ListenerAccount {
  accepted = 0;
  running = 0;
  private upstreams: UpstreamAccount[] = [];
  /** By the very object that stands for an upstream: no text is made for a relay. */
  private readonly byAddress = new Map<Address | null, UpstreamAccount>();

  constructor(readonly name: string) {}

  /** The listener has these upstreams from now on. */
  keep(upstreams: readonly UpstreamOptions[]): void {
    if (this.upstreams.length <= GONE_MAX) return;
    const names = new Set<string | null>(upstreams.map(({ address }) => formatAddress(address)));
    const gone = this.upstreams.filter(({ name }) => name !== null && !names.has(name));
    const forgotten = new Set(gone.slice(0, Math.max(0, gone.length - GONE_MAX)));
    if (forgotten.size === 0) return;
    this.upstreams = this.upstreams.filter((account) => !forgotten.has(account));
    this.byAddress.clear();
  }

  /** A relay is over. */
  ended({ upstreamAddress, reason, up, down }: Summary): void {
    const account = this.upstream(upstreamAddress);
    this.running--;
    account.upBytes += up.receivedBytes;
    account.downBytes += down.receivedBytes;
    const known = reason as Reason;
    account.reasons[known] = (account.reasons[known] ?? 0) + 1;
  }

  /** Forgets the bytes of relays that ran when it was asked before. */
  recount(): void {
    for (const account of this.upstreams) {
      account.runningUpBytes = 0;
      account.runningDownBytes = 0;
    }
  }

  /** Takes the bytes of a relay that runs into account for the next answer. */
  runs(upstream: Address | null, upBytes: number, downBytes: number): void {
    const account = this.upstream(upstream);
    account.runningUpBytes += upBytes;
    account.runningDownBytes += downBytes;
  }

  stats(): ListenerStats {
    return {
      listener: this.name,
      accepted: this.accepted,
      running: this.running,
      upstreams: this.upstreams.map((account) => account.stats()),
    };
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

  private open(name: string | null): UpstreamAccount {
    const account = new UpstreamAccount(name);
    this.upstreams.push(account);
    return account;
  }
}
