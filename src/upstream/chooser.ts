import { type Address, formatAddress } from "../base/address.ts";
import type { BalanceOptions, UpstreamOptions } from "../config/options.ts";
import {
  type ClientAddress,
  ClientKind,
  clientKind,
  ipv4Word,
  ipv6Word,
  UNIX_CLIENT,
} from "../entry/access/client-address.ts";
import type { UpstreamState } from "../entry/route/connection.ts";
import { type Balancer, type Candidates, newBalancer } from "./balance/balance.ts";
import { mix } from "./balance/hash.ts";
import { mustAsk } from "./names/ask.ts";
import type { UpstreamTable } from "./table.ts";

/** Instead of an upstream's number: there is none. */
export const NO_UPSTREAM = -1;

/**
 * Who chooses for a listener now. Listeners that take each other's place share one, so that relays
 * which have no upstream yet get one of those that there are now.
 */
export interface Choice {
  chooser: UpstreamChooser;
}

/**
 * Chooses an upstream for each relay of a listener, in one worker: what is open is read from the
 * table that all share, what an upstream has is counted there.
 *
 * Backups get relays only when no other upstream is open that was not tried. Those that are open and
 * full have relays wait, or turn them away, unless the options say that backups are for that, too.
 *
 * Owner: a listener.
 */
export class UpstreamChooser {
  private readonly primaries: Group;
  private readonly backups: Group;
  private readonly hashes: boolean;
  private readonly backupWhenFull: boolean;
  /** By number: 1 where the host is a name. */
  private readonly asked: Uint8Array;

  /** @param before whose place it takes, and from whose position it goes on */
  constructor(
    readonly upstreams: readonly UpstreamOptions[],
    { policy, boundedLoad, backupWhenFull }: BalanceOptions,
    private readonly table: UpstreamTable,
    before: UpstreamChooser | null = null,
  ) {
    const { begin } = table;
    const group = (isBackup: boolean) =>
      new Group(upstreams, isBackup, table, newBalancer(policy, { boundedLoad, begin }));
    this.primaries = group(false);
    this.backups = group(true);
    if (before !== null) {
      this.primaries.succeed(before.primaries);
      this.backups.succeed(before.backups);
    }
    this.hashes = policy === "hash";
    this.backupWhenFull = backupWhenFull;
    this.asked = Uint8Array.from(upstreams, ({ address }) => (mustAsk(address) ? 1 : 0));
    // Its table takes milliseconds: now, and not for the first client.
    if (this.hashes) this.leave(this.enter(UNIX_CLIENT, NONE_TRIED));
  }

  /**
   * Chooses one, and counts the relay there until {@link leave}.
   *
   * @param client of its address only the part without the port counts
   * @param tried upstreams that are left out, by their numbers
   * @param wanted comes before all others, whatever their weights are and whether it is a backup
   * @param isStrict nobody but the wanted one will do
   * @returns its number; {@link NO_UPSTREAM} when there is none now
   */
  enter(
    client: ClientAddress,
    tried: readonly number[],
    wanted: number = NO_UPSTREAM,
    isStrict = false,
  ): number {
    if (wanted !== NO_UPSTREAM && !tried.includes(wanted) && this.enterThis(wanted)) return wanted;
    if (isStrict) return NO_UPSTREAM;
    const hash = this.hashes ? hashOfHost(client) : 0;
    const primary = this.primaries.enter(hash, tried);
    if (primary !== NO_UPSTREAM) return primary;
    if (!this.backupWhenFull && this.primaries.isFullFor(tried)) return NO_UPSTREAM;
    return this.backups.enter(hash, tried);
  }

  /** @returns whether it is open and has room; a weight of 0 only says that nobody else goes there */
  private enterThis(index: number): boolean {
    const { slot, maxRelays } = this.upstreams[index] as UpstreamOptions;
    return this.table.isOpen(slot) && this.table.enter(slot, maxRelays);
  }

  /** Whether relays may go to this one, and it has no room; false for {@link NO_UPSTREAM}. */
  isFullAt(index: number): boolean {
    const upstream = this.upstreams[index];
    if (upstream === undefined || upstream.maxRelays === 0) return false;
    const { slot, maxRelays } = upstream;
    return this.table.isOpen(slot) && this.table.running(slot) >= maxRelays;
  }

  /** How all of them are now. */
  get states(): readonly UpstreamState[] {
    return statesOf(this.upstreams, this.table);
  }

  /** The number of the upstream with this address; {@link NO_UPSTREAM} when there is none. */
  numberOf(address: Address): number {
    const name = formatAddress(address);
    return this.upstreams.findIndex((one) => formatAddress(one.address) === name);
  }

  /** Whether the control plane has to be asked before an upstream is dialled. */
  mustAsk(index: number): boolean {
    return this.asked[index] === 1;
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
    if (primaries.hasRoom) return false;
    if (primaries.isUsable && !this.backupWhenFull) return true;
    return !backups.hasRoom && (primaries.isUsable || backups.isUsable);
  }
}

/** How upstreams are now. */
export function statesOf(
  upstreams: readonly UpstreamOptions[],
  table: UpstreamTable,
): readonly UpstreamState[] {
  return upstreams.map(({ address, slot, maxRelays }) => ({
    upstream: formatAddress(address),
    isOpen: table.isOpen(slot),
    running: table.running(slot),
    maxRelays,
  }));
}

const NONE_TRIED: readonly number[] = [];

/**
 * The upstreams that are chosen from at a time. What is asked of each lies in arrays of numbers, made
 * once: it is read for every relay, and a thousand objects would not stay in the cache.
 */
class Group implements Candidates {
  readonly count: number;
  private tried = NONE_TRIED;
  /** Filled up by another worker in this very moment. */
  private lost = NO_UPSTREAM;
  private readonly names: readonly string[];
  private readonly isEmpty: boolean;
  /** By number: the table's row, how many relays it may have, 1 when it belongs to this group. */
  private readonly rows: Int32Array;
  private readonly limits: Float64Array;
  private readonly belongs: Uint8Array;

  constructor(
    upstreams: readonly UpstreamOptions[],
    isBackup: boolean,
    private readonly table: UpstreamTable,
    private readonly balancer: Balancer,
  ) {
    this.count = upstreams.length;
    this.names = upstreams.map(({ address }) => formatAddress(address));
    this.rows = Int32Array.from(upstreams, ({ slot }) => slot);
    this.limits = Float64Array.from(upstreams, ({ maxRelays }) => maxRelays);
    this.belongs = Uint8Array.from(upstreams, (one) => (one.isBackup === isBackup ? 1 : 0));
    this.isEmpty = !this.belongs.includes(1);
  }

  /** Goes on where the group stands whose place it takes. */
  succeed(before: Group): void {
    const numbers = new Map(before.names.map((name, index) => [name, index]));
    const those = Int32Array.from(this.names, (name) => numbers.get(name) ?? NO_UPSTREAM);
    this.balancer.succeed?.(before.balancer, those);
  }

  get version(): number {
    return this.table.changes;
  }

  get isRetry(): boolean {
    return this.tried.length > 0;
  }

  /** Relays may go to some of them. */
  get isUsable(): boolean {
    for (let index = 0; index < this.count; index++) if (this.mayBeUsed(index)) return true;
    return false;
  }

  /** To some of them now. */
  get hasRoom(): boolean {
    for (let index = 0; index < this.count; index++) {
      if (this.mayBeUsed(index) && this.hasRoomAt(index)) return true;
    }
    return false;
  }

  /** Relays may go to one that was not tried, when it has room again. */
  isFullFor(tried: readonly number[]): boolean {
    for (let index = 0; index < this.count; index++) {
      if (!this.mayBeUsed(index) || this.hasRoomAt(index)) continue;
      if (!tried.includes(index)) return true;
    }
    return false;
  }

  enter(hash: number, tried: readonly number[]): number {
    if (this.isEmpty) return NO_UPSTREAM;
    this.tried = tried;
    this.lost = NO_UPSTREAM;
    for (let attempts = this.count; attempts > 0; attempts--) {
      const index = this.balancer.choose(this, hash);
      if (index === NO_UPSTREAM) return NO_UPSTREAM;
      if (this.table.enter(this.rows[index] as number, this.limits[index] as number)) return index;
      this.lost = index;
    }
    return NO_UPSTREAM;
  }

  weight(index: number): number {
    return this.belongs[index] === 1 ? this.table.weight(this.rows[index] as number) : 0;
  }

  fullWeight(index: number): number {
    return this.belongs[index] === 1 ? this.table.fullWeight(this.rows[index] as number) : 0;
  }

  running(index: number): number {
    return this.table.running(this.rows[index] as number);
  }

  isOpen(index: number): boolean {
    return this.belongs[index] === 1 && this.table.isOpen(this.rows[index] as number);
  }

  isFree(index: number): boolean {
    if (index === this.lost) return false;
    if (this.tried.length > 0 && this.tried.includes(index)) return false;
    return this.hasRoomAt(index);
  }

  name(index: number): string {
    return this.names[index] as string;
  }

  private mayBeUsed(index: number): boolean {
    return this.isOpen(index) && this.weight(index) > 0;
  }

  private hasRoomAt(index: number): boolean {
    const most = this.limits[index] as number;
    return most === 0 || this.running(index) < most;
  }
}

/** A client's host in numbers: its port must not matter, nor how an IPv4 address has come here. */
function hashOfHost(client: ClientAddress): number {
  switch (clientKind(client)) {
    case ClientKind.IPv4:
      return mix(ipv4Word(client));
    case ClientKind.IPv6: {
      let hash = 0;
      for (let index = 0; index < 4; index++) hash = mix(hash ^ ipv6Word(client, index));
      return hash;
    }
    case ClientKind.Unix:
      return 0;
  }
}
