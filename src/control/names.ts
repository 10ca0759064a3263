import type { Address, WantedListener } from "../config/options.ts";
import { isName, type ResolveName } from "../engine/names.ts";
import type { UpstreamsObserver } from "../upstream/events.ts";
import type { HostsOf } from "../upstream/health/lookup.ts";
import { orderAddresses } from "../upstream/names/happy-eyeballs.ts";
import { NameError } from "../upstream/names/name-error.ts";
import type { HostAddress } from "../upstream/names/resolver.ts";
import { NameWatcher, type WatcherParts } from "../upstream/names/watcher.ts";

/** Addresses that one dial gets at most; those of a large service would take longer than anybody waits. */
const DIALLED_MAX = 16;

/** What the names of upstreams are made of; the defaults are what runs. */
export interface NamesParts extends WatcherParts {
  /** Of a name's addresses those that may be dialled; all of them unless given. */
  readonly allowed?: (
    host: string,
    port: number,
    addresses: readonly Address[],
  ) => readonly Address[];
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

  constructor(
    observer: UpstreamsObserver,
    private readonly parts: NamesParts = {},
  ) {
    const listener = {
      onChange(
        name: string,
        addresses: readonly HostAddress[],
        before: readonly HostAddress[],
        failures: number,
      ) {
        const isNews = before.length > 0 || failures > 0;
        observer.nameChanged?.({ name, addresses: hostsIn(addresses), isNews });
        parts.onChange?.(name);
      },
      onFailing: (name: string, error: NameError) => observer.nameFailing?.(name, error.message),
    };
    this.watcher = new NameWatcher(listener, parts);
  }

  /** Keeps the names among these addresses from now on; what is known of those that stay is kept. */
  set(upstreams: Iterable<Address>): void {
    const names = new Set<string>();
    for (const address of upstreams) if (isName(address)) names.add(address.host);
    this.watcher.set(names);
    for (const name of this.turns.keys()) if (!names.has(name)) this.turns.delete(name);
  }

  /**
   * For an engine that dials: the addresses of a name in the order in which to dial them, 16 at most.
   * The system has sorted them by what can be reached from here, so the family that it has first stays
   * first. Where an upstream is checked they are those that are well.
   */
  readonly resolve: ResolveName = (host, port, slot, answer) => {
    const tell = (addresses: readonly HostAddress[]) => {
      if (slot === null || this.parts.wellOf === undefined || addresses.length === 0) {
        answer(this.inTurn(host, port, addresses));
        return;
      }
      this.parts.wellOf(slot, addresses, (well) => answer(this.inTurn(host, port, well)));
    };
    const known = this.watcher.addresses(host);
    if (known.length > 0) tell(known);
    else void this.resolveLater(host, tell);
  };

  /** The addresses of a name, as far as they are known, in the system's order. */
  known(name: string): readonly string[] {
    return hostsIn(this.watcher.addresses(name));
  }

  /** For a check: the last good answer for a name. */
  readonly hostsOf: HostsOf = async (name) => hostsIn(await this.watcher.ask(name));

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
    host: string,
    tell: (addresses: readonly HostAddress[]) => void,
  ): Promise<void> {
    const addresses = await this.watcher.ask(host).catch((error: unknown) => {
      if (error instanceof NameError) return [];
      throw error;
    });
    tell(addresses);
  }

  private inTurn(
    host: string,
    port: number,
    addresses: readonly HostAddress[],
  ): readonly Address[] {
    const turn = this.turns.get(host) ?? 0;
    if (addresses.length > 1) this.turns.set(host, turn + 1);
    const ordered = orderAddresses(addresses, turn).slice(0, DIALLED_MAX);
    const dialled = ordered.map((one): Address => ({ kind: "tcp", host: one.host, port }));
    if (dialled.length === 0) return dialled;
    return this.parts.allowed?.(host, port, dialled) ?? dialled;
  }
}

/** The upstreams of listeners that are host names, each name with the addresses that have it. */
export function namedUpstreams(listeners: readonly WantedListener[]): Map<string, Address[]> {
  const targets = listeners.flatMap(({ upstreams, mirror }) =>
    [...upstreams, ...(mirror === null ? [] : [mirror])].map(({ address }) => address),
  );
  return Map.groupBy(targets.filter(isName), ({ host }) => host);
}

function hostsIn(addresses: readonly HostAddress[]): string[] {
  return addresses.map(({ host }) => host);
}
