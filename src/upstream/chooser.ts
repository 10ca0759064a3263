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

/** Stands for no upstream where a number is expected. */
export const NO_UPSTREAM = -1;

/**
 * The current chooser of a listener. Listeners that replace each other share one, so that relays
 * which have no upstream yet get one of the current upstreams.
 */
export interface Choice {
  chooser: UpstreamChooser;
}

/**
 * Chooses an upstream for each relay of a listener, in one worker. The shared table says which
 * upstreams are open, and counts their relays.
 *
 * Backups get relays only if no other upstream is open that was not tried yet. If open ones are
 * full, the relay waits or is refused, unless the options let it use a backup.
 *
 * Owner: a listener.
 */
export class UpstreamChooser {
  private readonly primaries: Group;
  private readonly backups: Group;
  private readonly hashes: boolean;
  private readonly backupWhenFull: boolean;
  /** By number: 1 if the control plane must be asked before a dial. */
  private readonly asked: Uint8Array;

  /** @param before the chooser to replace and continue from */
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
    // Its table takes milliseconds: build it now, not for the first client.
    if (this.hashes) this.leave(this.enter(UNIX_CLIENT, NONE_TRIED));
  }

  /**
   * Chooses an upstream, and counts the relay there until {@link leave}.
   *
   * @param client only its address without the port counts
   * @param tried numbers of upstreams to leave out
   * @param wanted an upstream to try before all others, whatever its weight, backup or not
   * @param isStrict only the wanted one will do
   * @returns its number; {@link NO_UPSTREAM} if there is none now
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

  /**
   * @returns whether it is open and has room. Its weight may be 0: that only keeps other relays
   *   away.
   */
  private enterThis(index: number): boolean {
    const { slot, maxRelays } = this.upstreams[index] as UpstreamOptions;
    return this.table.isOpen(slot) && this.table.enter(slot, maxRelays);
  }

  /** Whether this one is open but has no room; false for {@link NO_UPSTREAM}. */
  isFullAt(index: number): boolean {
    const upstream = this.upstreams[index];
    if (upstream === undefined || upstream.maxRelays === 0) return false;
    const { slot, maxRelays } = upstream;
    return this.table.isOpen(slot) && this.table.running(slot) >= maxRelays;
  }

  /** What all of them are called, by their numbers. */
  get names(): readonly string[] {
    return this.primaries.names;
  }

  /** The current state of each upstream. */
  get states(): readonly UpstreamState[] {
    return statesOf(this.upstreams, this.table);
  }

  /** The number of the upstream with this address; {@link NO_UPSTREAM} if there is none. */
  numberOf(address: Address): number {
    const name = formatAddress(address);
    return this.upstreams.findIndex((one) => formatAddress(one.address) === name);
  }

  /** Whether to ask the control plane before dialling this upstream. */
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

  /** Whether some upstreams are open and none of them has room. */
  get isFull(): boolean {
    const { primaries, backups } = this;
    if (primaries.hasRoom) return false;
    if (primaries.isUsable && !this.backupWhenFull) return true;
    return !backups.hasRoom && (primaries.isUsable || backups.isUsable);
  }
}

/** The current state of each upstream. */
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
 * The primaries or the backups. What is asked of each upstream lies in arrays of numbers: it is
 * read for every relay, and a thousand objects would not stay in the cache.
 */
class Group implements Candidates {
  readonly count: number;
  private tried = NONE_TRIED;
  /** The upstream that another worker has just filled up. */
  private lost = NO_UPSTREAM;
  readonly names: readonly string[];
  private readonly isEmpty: boolean;
  /** By number: the table's row, the limit of relays, 1 if it belongs to this group. */
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

  /** Continues from the position of the group that it replaces. */
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

  /** Whether any of them is open. */
  get isUsable(): boolean {
    for (let index = 0; index < this.count; index++) if (this.mayBeUsed(index)) return true;
    return false;
  }

  /** Whether any open one has room. */
  get hasRoom(): boolean {
    for (let index = 0; index < this.count; index++) {
      if (this.mayBeUsed(index) && this.hasRoomAt(index)) return true;
    }
    return false;
  }

  /** Whether an open one that was not tried is full. */
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

/**
 * Hashes a client's host. Its port does not matter, nor whether IPv4 came as an IPv4-mapped
 * address.
 */
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
