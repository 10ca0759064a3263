import { type ClientAddress, ClientKind, clientKind } from "./client-address.ts";
import { type Network, NetworkSet, type NetworkTables } from "./networks.ts";

/** The access rules of a listener. Plain data. */
export interface AccessRules {
  /** If this names any network, clients outside of all networks are denied. */
  readonly allow: readonly Network[];
  readonly deny: readonly Network[];
}

/** A list in a form that can be sent to another thread, which then need not build it. */
export interface AccessTables {
  /** Whether each network's clients are allowed. */
  readonly networks: NetworkTables<boolean>;
  /** Whether clients outside of all networks are allowed. */
  readonly others: boolean;
}

/**
 * Decides whether a client has access: once per connection, in the thread that accepts, and without
 * allocating memory.
 *
 * | a client is in… | it has access |
 * |---|---|
 * | several networks | if the most specific one is allowed |
 * | a network that is both allowed and denied | no |
 * | none | if no network is allowed |
 *
 * `allow` covers both families: if it names only IPv4 networks, IPv6 clients have no access.
 * Clients of unix sockets always have access: they have no address, and the file's permissions
 * decide who may connect.
 */
export class AccessList {
  readonly tables: AccessTables;
  private readonly networks: NetworkSet<boolean>;

  /** @param given rules, or another list's tables */
  constructor(given: AccessRules | AccessTables) {
    this.tables = "networks" in given ? given : tablesOf(given);
    this.networks = new NetworkSet(this.tables.networks);
  }

  /** Whether a client has access. */
  allows(client: ClientAddress): boolean {
    if (clientKind(client) === ClientKind.Unix) return true;
    return this.networks.get(client) ?? this.tables.others;
  }
}

function* judged({ allow, deny }: AccessRules): Generator<readonly [Network, boolean]> {
  // Of equal networks the later one counts.
  for (const network of allow) yield [network, true];
  for (const network of deny) yield [network, false];
}

function tablesOf(rules: AccessRules): AccessTables {
  return { networks: new NetworkSet(judged(rules)).tables, others: rules.allow.length === 0 };
}
