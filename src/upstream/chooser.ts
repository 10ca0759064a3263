import { formatAddress } from "../config/address.ts";
import type { BalanceOptions, UpstreamOptions } from "../config/options.ts";
import { ClientKind, clientKind, ipv4Word, ipv6Word } from "../edge/access/client-address.ts";
import { type Balancer, type Candidates, newBalancer } from "./balance/balance.ts";
import { mix } from "./balance/hash.ts";
import type { UpstreamTable } from "./table.ts";

/** Instead of an upstream's number: there is none. */
export const NO_UPSTREAM = -1;

/**
 * Chooses an upstream for each relay of a listener, in one worker: what is open is read from the
 * table that all share, what an upstream has is counted there.
 *
 * Backups get relays only when no other upstream can be chosen, be it that none is open, that all
 * were tried or that all are full.
 *
 * Owner: a listener.
 */
export class UpstreamChooser {
  private readonly primaries: Group;
  private readonly backups: Group;
  private readonly hashes: boolean;

  constructor(
    readonly upstreams: readonly UpstreamOptions[],
    { policy, boundedLoad }: BalanceOptions,
    private readonly table: UpstreamTable,
  ) {
    const group = (isBackup: boolean) =>
      new Group(upstreams, isBackup, table, newBalancer(policy, { boundedLoad }));
    this.primaries = group(false);
    this.backups = group(true);
    this.hashes = policy === "hash";
    // Its table takes milliseconds: now, and not for the first client.
    if (this.hashes) this.leave(this.enter(NOBODY, []));
  }

  /**
   * Chooses one, and counts the relay there until {@link leave}.
   *
   * @param client its address in the kernel's form; only the part without the port counts
   * @param tried upstreams that are left out, by their numbers
   * @param wanted comes before all others, whatever their weights are and whether it is a backup
   * @returns its number; {@link NO_UPSTREAM} when there is none now
   */
  enter(client: Uint8Array, tried: readonly number[], wanted: number = NO_UPSTREAM): number {
    if (wanted !== NO_UPSTREAM && !tried.includes(wanted) && this.enterThis(wanted)) return wanted;
    const hash = this.hashes ? hashOfHost(client) : 0;
    const primary = this.primaries.enter(hash, tried);
    return primary === NO_UPSTREAM ? this.backups.enter(hash, tried) : primary;
  }

  /** @returns whether it is open and has room; a weight of 0 only says that nobody else goes there */
  private enterThis(index: number): boolean {
    const { slot, maxRelays } = this.upstreams[index] as UpstreamOptions;
    return this.table.isOpen(slot) && this.table.enter(slot, maxRelays);
  }

  /** A relay has left, or its dial has failed. */
  leave(index: number): void {
    if (index === NO_UPSTREAM) return;
    this.table.leave((this.upstreams[index] as UpstreamOptions).slot);
  }

  /** A dial was answered. */
  dialed(index: number): void {
    this.table.dialed((this.upstreams[index] as UpstreamOptions).slot);
  }

  /** Whether there are upstreams that relays may go to, and none of them has room. */
  get isFull(): boolean {
    const { primaries, backups } = this;
    return !primaries.hasRoom && !backups.hasRoom && (primaries.isUsable || backups.isUsable);
  }
}

/** The upstreams that are chosen from at a time. */
class Group implements Candidates {
  private tried: readonly number[] = [];
  /** Filled up by another worker in this very moment. */
  private lost = NO_UPSTREAM;
  private readonly names: readonly string[];
  private readonly isEmpty: boolean;

  constructor(
    private readonly upstreams: readonly UpstreamOptions[],
    private readonly isBackup: boolean,
    private readonly table: UpstreamTable,
    private readonly balancer: Balancer,
  ) {
    this.names = upstreams.map(({ address }) => formatAddress(address));
    this.isEmpty = !upstreams.some((one) => one.isBackup === isBackup);
  }

  get count(): number {
    return this.upstreams.length;
  }

  /** Relays may go to some of them. */
  get isUsable(): boolean {
    return this.upstreams.some((_, index) => this.mayBeUsed(index));
  }

  /** To some of them now. */
  get hasRoom(): boolean {
    return this.upstreams.some((_, index) => this.mayBeUsed(index) && this.isFree(index));
  }

  enter(hash: number, tried: readonly number[]): number {
    if (this.isEmpty) return NO_UPSTREAM;
    this.tried = tried;
    this.lost = NO_UPSTREAM;
    for (let attempts = this.count; attempts > 0; attempts--) {
      const index = this.balancer.choose(this, hash);
      if (index === NO_UPSTREAM) return NO_UPSTREAM;
      const { slot, maxRelays } = this.upstreams[index] as UpstreamOptions;
      if (this.table.enter(slot, maxRelays)) return index;
      this.lost = index;
    }
    return NO_UPSTREAM;
  }

  weight(index: number): number {
    const { slot, isBackup } = this.upstreams[index] as UpstreamOptions;
    return isBackup === this.isBackup ? this.table.weight(slot) : 0;
  }

  fullWeight(index: number): number {
    const { slot, isBackup } = this.upstreams[index] as UpstreamOptions;
    return isBackup === this.isBackup ? this.table.fullWeight(slot) : 0;
  }

  running(index: number): number {
    return this.table.running((this.upstreams[index] as UpstreamOptions).slot);
  }

  isOpen(index: number): boolean {
    if (index === this.lost || this.tried.includes(index)) return false;
    return this.mayBeUsed(index) && this.isFree(index);
  }

  name(index: number): string {
    return this.names[index] as string;
  }

  private mayBeUsed(index: number): boolean {
    const { slot, isBackup } = this.upstreams[index] as UpstreamOptions;
    return isBackup === this.isBackup && this.table.isOpen(slot) && this.table.weight(slot) > 0;
  }

  private isFree(index: number): boolean {
    const { slot, maxRelays } = this.upstreams[index] as UpstreamOptions;
    return maxRelays === 0 || this.table.running(slot) < maxRelays;
  }
}

const NOBODY = new Uint8Array(0);

/** A client's host in numbers: its port must not matter, nor how an IPv4 address has come here. */
function hashOfHost(client: Uint8Array): number {
  switch (clientKind(client)) {
    case ClientKind.IPv4:
      return mix(ipv4Word(client));
    case ClientKind.IPv6: {
      let hash = 0;
      for (let index = 0; index < 4; index++) hash = mix(hash ^ ipv6Word(client, index));
      return hash;
    }
    default:
      return 0;
  }
}
