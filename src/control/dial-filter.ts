import type { Address } from "../base/address.ts";
import { ipKind } from "../base/ip.ts";
import { isLocalhost } from "../base/reach.ts";
import { type DnsNetwork, isAllowed } from "../config/dns-allow.ts";
import type { DialRefusal } from "../upstream/names/ask.ts";
import type { OwnAddresses } from "./own-addresses.ts";

/** Of the addresses that were found those that may be dialled. */
export interface Filtered {
  readonly dialled: readonly Address[];
  /** Why none may be; null when some may, or none was found. */
  readonly refusal: DialRefusal | null;
}

/** Decides of each address, right before it is dialled or checked, whether that may be. */
export class DialFilter {
  /**
   * @param own what this process listens on
   * @param networks which DNS may answer with; none for all
   */
  constructor(
    readonly own: OwnAddresses,
    private readonly networks: readonly DnsNetwork[],
  ) {}

  /**
   * @param asked what was configured, or is a service's
   * @param found where that is now, as literals; not looked at for a name that nobody knows
   * @param isMember its port is DNS's, too
   */
  filter(asked: Address, found: readonly Address[], isMember: boolean): Filtered {
    const foreign = found.filter((one) => !this.own.refuses(asked, one));
    const dialled = foreign.filter((one) => !this.denies(asked, one, isMember));
    if (dialled.length > 0 || found.length === 0) return { dialled, refusal: null };
    return { dialled, refusal: foreign.length === 0 ? "own_address" : "dns_denied" };
  }

  /** Whether a place that DNS names may not be a member of a service: what can be said before it is resolved. */
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
    // What was configured as it is, or always means this machine, is none of DNS's doing.
    const isGiven = asked.kind === "unix" || ipKind(asked.host) !== 0 || isLocalhost(asked.host);
    return (
      (isMember || !isGiven) && !isAllowed(this.networks, found.host, isMember ? found.port : null)
    );
  }
}
