import { type Clock, systemClock } from "../base/clock.ts";
import type { FullReason, Reason } from "../base/reason.ts";
import type { AdmissionTables, EdgeOptions } from "../config/options.ts";
import { encodeSockaddr } from "../system/sockaddr.ts";
import type { UpstreamTable } from "../upstream/table.ts";
import { type ClientAddress, ipClient } from "./access/client-address.ts";
import { AccessList } from "./access/rules.ts";
import { ClientCounts } from "./limits/client-counts.ts";
import { type ClientPrefixes, NETWORK_PREFIXES } from "./limits/client-hash.ts";
import { TokenBuckets, type TokenBucketsOptions } from "./limits/token-buckets.ts";

/** All clients as one: any address does. */
const ALL = ipClient(encodeSockaddr({ kind: "tcp", host: "127.0.0.1", port: 0 })) as ClientAddress;
/** The least that a table has. */
export const HANDSHAKES_CAPACITY = 7;

/** A rate with a burst of one second, at least one handshake. @param rate 0 for any, where there is no table */
export function handshakeRate(rate: number): { readonly rate: number; readonly burst: number } {
  return { rate, burst: Math.max(1, Math.ceil(rate)) };
}

/**
 * Decides which clients a listener admits, in one worker: by access rules, limits of relays, and
 * limits of clients and of their networks. It decides once per connection, about the address in the
 * PROXY header if there is one.
 *
 * Owner: a listener. Those of other workers share its memory.
 */
export class Admission {
  private readonly tables: AdmissionTables;
  private readonly access: AccessList | null;
  private readonly rates: TokenBuckets | null;
  private readonly counts: ClientCounts | null;
  private readonly networkRates: TokenBuckets | null;
  private readonly networkCounts: ClientCounts | null;
  private readonly handshakes: TokenBuckets | null;
  private readonly clientHandshakes: TokenBuckets | null;

  private constructor(
    edge: EdgeOptions,
    tables: AdmissionTables,
    private readonly table: UpstreamTable,
    worker: number,
    private readonly clock: Pick<Clock, "wall">,
  ) {
    const { access } = tables;
    const { workers } = table;
    this.tables = tables;
    this.access = access === null ? null : new AccessList(access);
    const rated = (
      memory: SharedArrayBuffer | null,
      options: Omit<TokenBucketsOptions, "memory">,
    ) => (memory === null ? null : new TokenBuckets({ ...options, memory }));
    const counted = (memory: SharedArrayBuffer | null, max: number, prefixes: ClientPrefixes) =>
      memory === null ? null : new ClientCounts({ max, workers, worker, memory, ...prefixes });
    const { clientRate, clientBurst, networkRate, networkBurst } = edge;
    this.rates = rated(tables.rates, { rate: clientRate, burst: clientBurst });
    this.counts = counted(tables.counts, edge.maxRelaysPerClient, {});
    const network = { rate: networkRate, burst: networkBurst, ...NETWORK_PREFIXES };
    this.networkRates = rated(tables.networkRates, network);
    this.networkCounts = counted(tables.networkCounts, edge.maxRelaysPerNetwork, NETWORK_PREFIXES);
    this.handshakes = rated(tables.handshakes, {
      ...handshakeRate(edge.tlsHandshakeRate),
      capacity: HANDSHAKES_CAPACITY,
    });
    this.clientHandshakes = rated(
      tables.clientHandshakes,
      handshakeRate(edge.tlsClientHandshakeRate),
    );
  }

  /** The admission of a listener; null if it admits every client. */
  static of(
    edge: EdgeOptions,
    table: UpstreamTable,
    worker: number,
    clock: Pick<Clock, "wall"> = systemClock,
  ): Admission | null {
    const { tables } = edge;
    return tables === undefined ? null : new Admission(edge, tables, table, worker, clock);
  }

  /**
   * Admits a client and counts it until {@link leave}.
   *
   * @param lacking what earlier clients already wait for, so that this one must wait, too
   * @returns why the client is refused; null if it was admitted
   */
  admit(client: ClientAddress, lacking: FullReason | null = null): Reason | null {
    if (this.access !== null && !this.access.allows(client)) return "access_denied";
    const full = lacking ?? this.enterRows();
    if (full !== null) return full;
    if (this.counts !== null && !this.counts.tryEnter(client)) {
      this.leaveRows();
      return "client_full";
    }
    if (this.networkCounts !== null && !this.networkCounts.tryEnter(client)) {
      this.counts?.leave(client);
      this.leaveRows();
      return "network_full";
    }
    // Rates come last: a client refused for another reason takes no token, and one refused for its
    // own rate takes none of its network's.
    if (this.rates !== null && !this.rates.take(client, this.clock.wall())) {
      this.leave(client);
      return "client_rate";
    }
    if (this.networkRates !== null && !this.networkRates.take(client, this.clock.wall())) {
      this.leave(client);
      return "network_rate";
    }
    const refused = this.mayShake(client);
    if (refused !== null) this.leave(client);
    return refused;
  }

  /** Whether there may be another TLS handshake. It comes next, so that no key is used for who is refused. */
  private mayShake(client: ClientAddress): Reason | null {
    const { clientHandshakes, clock, handshakes } = this;
    if (clientHandshakes !== null && !clientHandshakes.take(client, clock.wall())) {
      return "tls_client_handshake_rate";
    }
    if (handshakes !== null && !handshakes.take(ALL, clock.wall())) return "tls_handshake_rate";
    return null;
  }

  /** An admitted client has left. */
  leave(client: ClientAddress): void {
    this.networkCounts?.leave(client);
    this.counts?.leave(client);
    this.leaveRows();
  }

  /** Counts a client in all rows, or in none. @returns the limit that is reached, if any */
  private enterRows(): FullReason | null {
    let entered = 0;
    for (const { slot, most, full } of this.tables.rows) {
      if (!this.table.enter(slot, most)) {
        this.leaveRows(entered);
        return full;
      }
      entered++;
    }
    return null;
  }

  /** @param left number of rows that have counted the client, from the first one on */
  private leaveRows(left = this.tables.rows.length): void {
    for (const { slot } of this.tables.rows) {
      if (left-- === 0) return;
      this.table.leave(slot);
    }
  }
}
