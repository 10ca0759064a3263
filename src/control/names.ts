import { assert } from "../assert.ts";
import { type Address, formatAddress, type TcpAddress } from "../base/address.ts";
import type { WantedListener } from "../config/options.ts";
import type { Observer } from "../relay/observer.ts";
import { type Literals, literals } from "../upstream/health/lookup.ts";
import { isName, type ResolveName } from "../upstream/names/ask.ts";
import { orderAddresses } from "../upstream/names/happy-eyeballs.ts";
import { NameError } from "../upstream/names/name-error.ts";
import type { HostAddress } from "../upstream/names/resolver.ts";
import { NameWatcher, type WatcherParts } from "../upstream/names/watcher.ts";
import type { Filtered } from "./dial-filter.ts";

/** Addresses that one dial gets at most; those of a large service would take longer than anybody waits. */
const DIALLED_MAX = 16;

/** What the names of upstreams are made of; the defaults are what runs. */
export interface NamesParts extends WatcherParts {
  /** Of the addresses that were found for one those that may be dialled; all of them unless given. */
  readonly filter?: (asked: Address, found: readonly Address[]) => Filtered;
  /** Tells which of a name's addresses an upstream's health lets be dialled, now or later. */
  readonly wellOf?: (
    slot: number,
    addresses: readonly HostAddress[],
    tell: (well: readonly HostAddress[]) => void,
  ) => void;
  /** What is known of a service has led nowhere. */
  readonly refreshService?: (name: string) => void;
  /** A name has other addresses now. */
  readonly onChange?: (name: string) => void;
}

/**
 * The host names of all upstreams and of their checks, kept resolved: the one place that dials and
 * checks have addresses from. What they ask for is answered from what is known, so that no relay waits
 * for DNS but the first ones of a name.
 */
export class UpstreamNames {
  private readonly watcher: NameWatcher;
  /** Answers given for each name: every dial begins with another address. */
  private readonly turns = new Map<string, number>();
  /** Of each name, addresses of which was told that they are left out, since it has changed last. */
  private readonly told = new Map<string, Set<string>>();

  constructor(
    private readonly observer: Observer,
    private readonly parts: NamesParts = {},
  ) {
    const { told } = this;
    const listener = {
      onChange(
        name: string,
        addresses: readonly HostAddress[],
        before: readonly HostAddress[],
        failures: number,
      ) {
        told.delete(name);
        const isNews = before.length > 0 || failures > 0;
        observer.on({ event: "nameChanged", name, addresses: hostsIn(addresses), isNews });
        parts.onChange?.(name);
      },
      onFailing: (name: string, { message: why }: NameError) =>
        observer.on({ event: "nameFailing", name, why }),
    };
    this.watcher = new NameWatcher(listener, parts);
  }

  /** Keeps the names among these addresses from now on; what is known of those that stay is kept. */
  set(upstreams: Iterable<Address>): void {
    const names = new Set<string>();
    for (const address of upstreams) if (isName(address)) names.add(address.host);
    this.watcher.set(names);
    for (const known of [this.turns, this.told]) {
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    }
  }

  /**
   * For an engine that dials: the addresses of a name in the order in which to dial them, 16 at most.
   * The system has sorted them by what can be reached from here, so the family that it has first stays
   * first. Where an upstream is checked they are those that are well. A literal address, if it may be
   * dialled now.
   */
  readonly resolve: ResolveName = (address, slot, answer) => {
    if (!isName(address)) {
      this.answer(address, [plain(address)], answer);
      return;
    }
    const known = this.watcher.addresses(address.host);
    if (known.length > 0) this.answerWell(address, slot, known, answer);
    else void this.resolveLater(address, slot, answer);
  };

  /** The addresses of a name, as far as they are known, in the system's order. */
  known(name: string): readonly string[] {
    return hostsIn(this.watcher.addresses(name));
  }

  /** For a check: the last good answer for a name, or a literal address, as far as they may be dialled. */
  readonly literals: Literals = async (address) => {
    const found = await literals(address, async (name) => hostsIn(await this.watcher.ask(name)));
    return this.checkable(address, found);
  };

  /** For a check of one address of a name: that one, if it may be dialled. */
  literalsAt(host: string): Literals {
    return async (address) => {
      assert(isName(address), "only a name has several addresses");
      return this.checkable(address, [{ ...address, host }]);
    };
  }

  /** This address has led nowhere: if it is a name, it may be somewhere else by now. */
  refresh(address: Address): void {
    if (isName(address)) this.watcher.refresh(address.host);
  }

  /** Why nobody knows where this address is, as far as has been found out; null when it is known. */
  trouble(address: Address): string | null {
    return isName(address) ? this.watcher.trouble(address.host) : null;
  }

  /** Why a name has no addresses, once that is known; null when it has some. */
  problem(name: string): Promise<string | null> {
    return this.watcher.problem(name);
  }

  /** Asks no more. */
  stop(): void {
    this.watcher.stop();
  }

  private async resolveLater(
    address: TcpAddress,
    slot: number | null,
    answer: Parameters<ResolveName>[2],
  ): Promise<void> {
    const addresses = await this.watcher.ask(address.host).catch((error: unknown) => {
      if (error instanceof NameError) return [];
      throw error;
    });
    this.answerWell(address, slot, addresses, answer);
  }

  /** Answers with those of a name's addresses that are well, as soon as that is known of any. */
  private answerWell(
    address: TcpAddress,
    slot: number | null,
    addresses: readonly HostAddress[],
    answer: Parameters<ResolveName>[2],
  ): void {
    const { wellOf } = this.parts;
    if (slot === null || wellOf === undefined || addresses.length === 0) {
      this.answer(address, this.inTurn(address, addresses), answer);
      return;
    }
    wellOf(slot, addresses, (well) => {
      if (well.length > 0) this.answer(address, this.inTurn(address, well), answer);
      // Checks may have failed of just that: none of them may be dialled.
      else answer([], this.filter(address, placesAt(address, addresses)).refusal);
    });
  }

  /** @throws NameError when none may be dialled */
  private checkable(asked: Address, found: readonly Address[]): readonly Address[] {
    const { dialled, refusal } = this.filter(asked, found.map(plain));
    if (refusal !== null) throw new NameError(refusal);
    return dialled;
  }

  private answer(
    asked: Address,
    found: readonly Address[],
    answer: Parameters<ResolveName>[2],
  ): void {
    const { dialled, refusal } = this.filter(asked, found);
    answer(dialled, refusal);
  }

  private filter(asked: Address, found: readonly Address[]): Filtered {
    const filtered = this.parts.filter?.(asked, found) ?? { dialled: found, refusal: null };
    // Where none is left the dial says so.
    const isPart = filtered.refusal === null && filtered.dialled.length < found.length;
    if (isPart && isName(asked)) this.tellLeftOut(asked.host, found, filtered.dialled);
    return filtered;
  }

  private tellLeftOut(name: string, found: readonly Address[], dialled: readonly Address[]): void {
    const told = this.told.get(name) ?? new Set();
    this.told.set(name, told);
    for (const one of found) {
      const place = formatAddress(one);
      if (dialled.includes(one) || told.has(place)) continue;
      told.add(place);
      const what = `${place} may not be dialled: left out`;
      this.observer.on({ event: "nameTrouble", name, what });
    }
  }

  private inTurn(address: TcpAddress, addresses: readonly HostAddress[]): readonly Address[] {
    const { host } = address;
    const turn = this.turns.get(host) ?? 0;
    if (addresses.length > 1) this.turns.set(host, turn + 1);
    return placesAt(address, orderAddresses(addresses, turn).slice(0, DIALLED_MAX));
  }
}

/** The upstreams of listeners that are host names, each name with the addresses that have it. */
export function namedUpstreams(listeners: readonly WantedListener[]): Map<string, Address[]> {
  const targets = listeners.flatMap(({ upstreams, mirror }) =>
    [...upstreams, ...(mirror === null ? [] : [mirror])].map(({ address }) => address),
  );
  return Map.groupBy(targets.filter(isName), ({ host }) => host);
}

/** The same without a wish to be asked for. */
function plain(address: Address): Address {
  const { asks: _, ...rest } = address;
  return rest;
}

/** Where a port is at each of these hosts. */
function placesAt({ port }: TcpAddress, hosts: readonly HostAddress[]): readonly Address[] {
  return hosts.map(({ host }): Address => ({ kind: "tcp", host, port }));
}

function hostsIn(addresses: readonly HostAddress[]): string[] {
  return addresses.map(({ host }) => host);
}
