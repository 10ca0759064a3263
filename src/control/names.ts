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

/** The most addresses of one dial; trying all of a large service would take too long. */
const DIALLED_MAX = 16;

/** The parts of {@link UpstreamNames}, for tests to replace. */
export interface NamesParts extends WatcherParts {
  /** Returns the addresses that may be dialled; by default, all. */
  readonly filter?: (asked: Address, found: readonly Address[]) => Filtered;
  /** Calls `tell`, now or later, with the addresses of an upstream that are healthy. */
  readonly wellOf?: (
    slot: number,
    addresses: readonly HostAddress[],
    tell: (well: readonly HostAddress[]) => void,
  ) => void;
  /** Looks a service up again, because a member could not be reached. */
  readonly refreshService?: (name: string) => void;
  /** Called when the addresses of a name have changed. */
  readonly onChange?: (name: string) => void;
}

/**
 * Keeps the host names of all upstreams and checks resolved. All dials and checks get their
 * addresses here, from memory: only the first relays of a name wait for DNS.
 */
export class UpstreamNames {
  private readonly watcher: NameWatcher;
  /** The number of answers for each name: every dial begins with another address. */
  private readonly turns = new Map<string, number>();
  /** The addresses of each name that were reported as left out, since its last change. */
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

  /** Keeps the names among these addresses resolved, and forgets all others. */
  set(upstreams: Iterable<Address>): void {
    const names = new Set<string>();
    for (const address of upstreams) if (isName(address)) names.add(address.host);
    this.watcher.set(names);
    for (const known of [this.turns, this.told]) {
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    }
  }

  /**
   * For engines: answers with the addresses of a name in the order in which to dial them, at most
   * 16. The system sorts them by reachability, so its first family stays first. Unhealthy addresses
   * of a checked upstream are left out. A literal address is its own answer, if it may be dialled.
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

  /** The known addresses of a name, in the system's order. */
  known(name: string): readonly string[] {
    return hostsIn(this.watcher.addresses(name));
  }

  /** For a check: the last good answer for a name, or a literal address, if they may be dialled. */
  readonly literals: Literals = async (address) => {
    const found = await literals(address, async (name) => hostsIn(await this.watcher.ask(name)));
    return this.checkable(address, found);
  };

  /** For a check of one address of a name: that address, if it may be dialled. */
  literalsAt(host: string): Literals {
    return async (address) => {
      assert(isName(address), "only a name has several addresses");
      return this.checkable(address, [{ ...address, host }]);
    };
  }

  /** Looks up the name of an address that could not be reached: it may have moved. */
  refresh(address: Address): void {
    if (isName(address)) this.watcher.refresh(address.host);
  }

  /** Why the name of an address has not been resolved, if known so far; null if it has. */
  trouble(address: Address): string | null {
    return isName(address) ? this.watcher.trouble(address.host) : null;
  }

  /** Resolves with why a name has no addresses, once that is known; null if it has some. */
  problem(name: string): Promise<string | null> {
    return this.watcher.problem(name);
  }

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

  /** Answers with the healthy addresses of a name, as soon as any health is known. */
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
      // Checks may have failed because none of the addresses may be dialled: then say so.
      else answer([], this.filter(address, placesAt(address, addresses)).refusal);
    });
  }

  /** @throws NameError if none may be dialled */
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
    // If none is left, the failed dial reports it.
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

/** The host names of upstreams and mirrors, each with the addresses that have it. */
export function namedUpstreams(listeners: readonly WantedListener[]): Map<string, Address[]> {
  const targets = listeners.flatMap(({ upstreams, mirror }) =>
    [...upstreams, ...(mirror === null ? [] : [mirror])].map(({ address }) => address),
  );
  return Map.groupBy(targets.filter(isName), ({ host }) => host);
}

/** An address without its wish to be resolved before each dial. */
function plain(address: Address): Address {
  const { asks: _, ...rest } = address;
  return rest;
}

/** The addresses of a port on these hosts. */
function placesAt({ port }: TcpAddress, hosts: readonly HostAddress[]): readonly Address[] {
  return hosts.map(({ host }): Address => ({ kind: "tcp", host, port }));
}

function hostsIn(addresses: readonly HostAddress[]): string[] {
  return addresses.map(({ host }) => host);
}
