import { type ClientAddress, ClientKind, clientKind } from "./client-address.ts";
import { type Network, NetworkSet, type NetworkTables } from "./networks.ts";

/** Who may come in at a listener. Plain data. */
export interface AccessRules {
  /** When there is any, nobody else may. */
  readonly allow: readonly Network[];
  readonly deny: readonly Network[];
}

/** A list as it can be sent to another thread, which then need not make it anew. */
export interface AccessTables {
  /** Whether each network's clients may come in. */
  readonly networks: NetworkTables<boolean>;
  /** Whether clients may that are in none. */
  readonly others: boolean;
}

/**
 * Decides who may come in, in the thread that accepts: once per connection, without allocating.
 *
 * | a client is in… | it may come in |
 * |---|---|
 * | several networks | as the most specific one says |
 * | the same network, allowed and denied | no |
 * | none | unless anybody is allowed by name |
 *
 * `allow` counts for both families: with an IPv4 network allowed, no IPv6 client comes in. Clients
 * behind unix sockets always may: they have no address, and who may open the socket is a matter of
 * the file's permissions. Of whom nothing is known nobody can ask.
 */
export class AccessList {
  readonly tables: AccessTables;
  private readonly networks: NetworkSet<boolean>;

  /** @param given rules, or another list's tables */
  constructor(given: AccessRules | AccessTables) {
    this.tables = "networks" in given ? given : tablesOf(given);
    this.networks = new NetworkSet(this.tables.networks);
  }

  /** Whether a client may come in. */
  allows(client: ClientAddress): boolean {
    if (clientKind(client) === ClientKind.Unix) return true;
    return this.networks.get(client) ?? this.tables.others;
  }
}

function* judged({ allow, deny }: AccessRules): Generator<readonly [Network, boolean]> {
  // Of the same networks the later one counts.
  for (const network of allow) yield [network, true];
  for (const network of deny) yield [network, false];
}

function tablesOf(rules: AccessRules): AccessTables {
  return { networks: new NetworkSet(judged(rules)).tables, others: rules.allow.length === 0 };
}
