import { ipKind } from "../config/ip.ts";
import type { Address, ListenerOptions } from "../config/options.ts";
import type { UpstreamsObserver } from "../upstream/events.ts";
import { orderAddresses } from "../upstream/names/happy-eyeballs.ts";
import { NameError } from "../upstream/names/name-error.ts";
import type { HostAddress } from "../upstream/names/resolver.ts";
import { NameWatcher, type WatcherParts } from "../upstream/names/watcher.ts";

/** Addresses that one dial gets at most; those of a large service would take longer than anybody waits. */
const DIALLED_MAX = 16;

/**
 * The host names of all upstreams, kept resolved. What workers ask for is answered from what is known,
 * so that no relay waits for DNS but the first ones of a name.
 */
export class UpstreamNames {
  private readonly watcher: NameWatcher;
  /** Answers given for each name: every dial begins with another address. */
  private readonly turns = new Map<string, number>();

  constructor(observer: UpstreamsObserver, parts: WatcherParts = {}) {
    const listener = {
      onChange(
        name: string,
        addresses: readonly HostAddress[],
        before: readonly HostAddress[],
        failures: number,
      ) {
        const isNews = before.length > 0 || failures > 0;
        observer.nameChanged?.({ name, addresses: hostsOf(addresses), isNews });
      },
      onFailing: (name: string, error: NameError) => observer.nameFailing?.(name, error.message),
    };
    this.watcher = new NameWatcher(listener, parts);
  }

  /** Keeps these upstreams' names from now on; what is known of those that stay is kept. */
  set(upstreams: Iterable<Address>): void {
    const names = new Set<string>();
    for (const address of upstreams) if (isNamed(address)) names.add(address.host);
    this.watcher.set(names);
    for (const name of this.turns.keys()) if (!names.has(name)) this.turns.delete(name);
  }

  /**
   * For a worker that dials: the addresses of a name in the order in which to dial them, from what is
   * known at once. The system has sorted them by what can be reached from here, so the family that it
   * has first stays first.
   *
   * @returns 16 at most; none when the name cannot be resolved
   */
  async lookUp(host: string, port: number): Promise<Address[]> {
    try {
      const addresses = await this.watcher.ask(host);
      const turn = this.turns.get(host) ?? 0;
      this.turns.set(host, turn + 1);
      const ordered = orderAddresses(addresses, "given", turn).slice(0, DIALLED_MAX);
      return ordered.map((one) => ({ kind: "tcp", host: one.host, port }));
    } catch (error) {
      if (error instanceof NameError) return [];
      throw error;
    }
  }

  /** Why a name has no addresses, once that is known; null when it has some. */
  async problem(name: string): Promise<string | null> {
    try {
      await this.watcher.ask(name);
      return null;
    } catch (error) {
      if (error instanceof NameError) return error.code === "given_up" ? null : error.message;
      throw error;
    }
  }

  /** Asks no more. */
  stop(): void {
    this.watcher.stop();
  }
}

/** The upstreams of listeners that are host names, each name with the addresses that have it. */
export function namedUpstreams(listeners: readonly ListenerOptions[]): Map<string, Address[]> {
  const upstreams = listeners.flatMap((one) => one.upstreams.map(({ address }) => address));
  return Map.groupBy(upstreams.filter(isNamed), ({ host }) => host);
}

function isNamed(address: Address): address is Address & { kind: "tcp" } {
  return address.kind === "tcp" && ipKind(address.host) === 0;
}

function hostsOf(addresses: readonly HostAddress[]): string[] {
  return addresses.map(({ host }) => host);
}
