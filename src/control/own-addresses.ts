import { ipKind, parseIPv6 } from "../config/ip.ts";
import { isListener } from "../config/loops.ts";
import type { Address } from "../config/options.ts";

/** Where a proxy's own listeners can be reached from this machine. */
export class OwnAddresses {
  private constructor(
    private readonly listeners: readonly Address[],
    /** Of this machine's interfaces. */
    private readonly hosts: ReadonlySet<string>,
  ) {}

  /** @param listeners where they accept */
  static async of(listeners: readonly Address[]): Promise<OwnAddresses> {
    // Loaded only where there are services.
    const { default: os } = await import("node:os");
    return new OwnAddresses(listeners, new Set(hostsOf(os)));
  }

  /** Whether who dials this address comes to one of the listeners; a name is nowhere, but `localhost`. */
  has(address: Address): boolean {
    const plain = address.kind === "tcp" ? { ...address, host: unmapped(address.host) } : address;
    return this.listeners.some((one) => isListener(plain, one) || this.isBehind(plain, one));
  }

  /** It is an interface of this machine, on all of which that one accepts. */
  private isBehind(address: Address, listener: Address): boolean {
    if (address.kind === "unix" || listener.kind === "unix") return false;
    if (address.port !== listener.port || !this.hosts.has(address.host)) return false;
    return listener.host === "::" || listener.host === "0.0.0.0";
  }
}

/**
 * The addresses of this machine's interfaces. None where the system does not say: that takes a netlink
 * socket, which a sandbox may refuse, or a descriptor. Loopback addresses are known without.
 */
function hostsOf({
  networkInterfaces,
}: Pick<typeof import("node:os"), "networkInterfaces">): string[] {
  try {
    const all = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
    return all.map(({ address }) => address);
  } catch {
    return [];
  }
}

/** An IPv4 address that is written as an IPv6 one is dialled as what it is. */
function unmapped(host: string): string {
  const groups = ipKind(host) === 6 ? parseIPv6(host) : null;
  if (groups === null || groups.slice(0, 5).some((group) => group !== 0)) return host;
  const [prefix, high = 0, low = 0] = groups.slice(5);
  if (prefix !== 0xffff) return host;
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
}
