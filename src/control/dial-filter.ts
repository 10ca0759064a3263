import type { Address } from "../base/address.ts";
import { ipKind } from "../base/ip.ts";
import { isLocalhost } from "../base/reach.ts";
import { type DnsNetwork, isAllowed } from "../config/dns-allow.ts";
import type { DialRefusal } from "../upstream/names/ask.ts";
import type { OwnAddresses } from "./own-addresses.ts";

/** Addresses after the filter. */
export interface Filtered {
  /** Those that may be dialled. */
  readonly dialled: readonly Address[];
  /** Why none may be dialled; null if some may, or none was found. */
  readonly refusal: DialRefusal | null;
}

/** Decides right before each dial or check whether ringway may dial an address. */
export class DialFilter {
  /**
   * @param own what this process listens on
   * @param networks the networks that DNS may answer with; empty for all
   */
  constructor(
    readonly own: OwnAddresses,
    private readonly networks: readonly DnsNetwork[],
  ) {}

  /**
   * @param asked the configured address, or a service's member
   * @param found its current addresses, as literals; empty if its name could not be resolved
   * @param isMember whether its port comes from DNS, too
   */
  filter(asked: Address, found: readonly Address[], isMember: boolean): Filtered {
    const foreign = found.filter((one) => !this.own.refuses(asked, one));
    const dialled = foreign.filter((one) => !this.denies(asked, one, isMember));
    if (dialled.length > 0 || found.length === 0) return { dialled, refusal: null };
    return { dialled, refusal: foreign.length === 0 ? "own_address" : "dns_denied" };
  }

  /**
   * Whether an address from DNS must not become a member of a service, as far as its text shows.
   */
  deniesMember(address: Address): boolean {
    if (address.kind === "unix" || this.networks.length === 0) return false;
    return !isAllowed(
      this.networks,
      ipKind(address.host) === 0 ? null : address.host,
      address.port,
    );
  }

  private denies(asked: Address, found: Address, isMember: boolean): boolean {
    if (this.networks.length === 0 || found.kind === "unix") return false;
    // DNS has no say in a configured literal, nor in names that always mean this machine.
    const isGiven = asked.kind === "unix" || ipKind(asked.host) !== 0 || isLocalhost(asked.host);
    return (
      (isMember || !isGiven) && !isAllowed(this.networks, found.host, isMember ? found.port : null)
    );
  }
}
