import { ValkeyCount } from "../../counts/figures.ts";
import { notReached } from "./errors.ts";
import type { ListenerFigures } from "./figures/listener-figures.ts";
import { greetingOf, type Identity } from "./identity.ts";
import type { Leases } from "./leases.ts";
import {
  type ConnectionHost,
  type Tenant,
  UpstreamConnection,
  type Waiting,
} from "./upstream-connection.ts";

/** At most so often a connection is given up because its upstream is not the right one, in milliseconds. */
const DOUBT_MS = 100;
/** A connection that owes replies to clients that are all gone is closed after so long without one, in milliseconds. */
const STILL_MS = 10_000;
/** So many connections may be passed by at a time: a server that stands still would get ever more of them. */
const RETIRED_MAX = 4;

/** Opens connections for logins. */
export interface LoginHost {
  /** Connections that many clients share, for each login. */
  readonly connections: number;
  readonly leases: Leases;
  readonly figures: ListenerFigures;
  now(): number;
  /** Begins the relay of a new connection. */
  open(connection: UpstreamConnection): void;
  /** See {@link ConnectionHost.mark}. */
  markConnection(connection: UpstreamConnection): void;
  /** A request is to be sent at the end of this turn. */
  hasAsked(): void;
  /** The upstream no longer lets this login in. */
  shutOut(login: Login, errorText: string): void;
  /** Nobody uses it any more. */
  unused(login: Login): void;
}

/** A client of a login. */
export interface LoginClient extends Waiting {
  /** The connection that it waits for could not be opened. @param errorText what to answer */
  unserved(errorText: string): void;
}

/**
 * The clients of one identity at one listener, and the connections that serve them: shared ones, those leased by one
 * client each, and idle ones that wait for the next tenant.
 *
 * Owner: a {@link Service}.
 */
export class Login implements ConnectionHost {
  /** Clients that have it, or are about to. */
  clients = 0;
  private readonly shared: UpstreamConnection[] = [];
  private readonly idle: UpstreamConnection[] = [];
  private readonly leased = new Set<UpstreamConnection>();
  private next = 0;
  /** When an upstream last said that it is not the right one. */
  private doubtedAt = -Infinity;
  /** Connections that were shared and still owe replies. */
  private retired = 0;

  constructor(
    readonly identity: Identity,
    readonly key: string,
    private readonly host: LoginHost,
  ) {}

  get figures(): ListenerFigures {
    return this.host.figures;
  }

  get isUnused(): boolean {
    const { clients, idle, leased, retired, shared } = this;
    return clients === 0 && idle.length + leased.size + shared.length + retired === 0;
  }

  /** The shared connection for a client that is owed nothing; it may not take requests yet. */
  sharedFor(): UpstreamConnection {
    const { connections } = this.host;
    this.next = (this.next + 1) % connections;
    for (const connection of this.shared.slice()) {
      if (connection.isStalled && this.retired < RETIRED_MAX) this.retireOne(connection);
    }
    const known = this.shared[this.next] ?? this.shared[0];
    if (
      known !== undefined &&
      (this.shared.length >= connections || this.next < this.shared.length)
    )
      return known;
    const connection = this.newConnection();
    this.shared.push(connection);
    this.figures.add(ValkeyCount.sharedConnections);
    this.host.open(connection);
    return connection;
  }

  /**
   * Leases a connection to a client, to which {@link lend} gives it: at once, or once there is one. It may not take
   * requests yet.
   *
   * @returns null if all are leased
   */
  lease(tenant: Tenant): UpstreamConnection | null {
    const { host, idle, leased } = this;
    const known = idle.pop();
    if (known !== undefined) host.leases.restsNoMore(known);
    if (known === undefined && !host.leases.take()) return null;
    const connection = known ?? this.newConnection();
    leased.add(connection);
    this.figures.add(ValkeyCount.leasedConnections);
    if (known !== undefined) this.figures.add(ValkeyCount.idleConnections, -1);
    if (known === undefined) host.open(connection);
    // The dial may have failed already.
    if (!connection.isOver) connection.tenant = tenant;
    return connection;
  }

  /** A tenant gives its connection back, which has no state of it. */
  release(connection: UpstreamConnection): void {
    const { idle, host, leased } = this;
    if (connection.isOver) return;
    if (connection.isRetired || host.leases.isAwaited) {
      this.discard(connection);
      return;
    }
    connection.tenant = null;
    leased.delete(connection);
    this.figures.add(ValkeyCount.leasedConnections, -1);
    this.figures.add(ValkeyCount.idleConnections);
    connection.idleSince = host.now();
    idle.push(connection);
    host.leases.rests(connection);
  }

  /** A connection that may have state of a tenant is closed. */
  discard(connection: UpstreamConnection): void {
    connection.tenant = null;
    connection.close();
  }

  /** Closes what was idle at `since` and still is; everything that is idle if no client is left. */
  sweep(since: number): void {
    for (const connection of this.idle.slice()) {
      if (this.clients === 0 || connection.idleSince <= since) connection.close();
    }
    if (this.clients > 0) return;
    const stillSince = this.now() - STILL_MS;
    for (const connection of this.shared.slice()) {
      const { isReady, movedAt, owed } = connection;
      if (owed === 0 || !isReady || movedAt <= stillSince) connection.close();
    }
  }

  /** Gives up all connections that are nobody's in particular, because the listener has other settings. */
  retire(): void {
    for (const connection of this.idle.slice()) connection.close();
    for (const connection of this.shared.slice()) this.retireOne(connection);
  }

  mark(connection: UpstreamConnection): void {
    this.host.markConnection(connection);
  }

  now(): number {
    return this.host.now();
  }

  hasAsked(): void {
    this.host.hasAsked();
  }

  over(connection: UpstreamConnection, refusal: string | null): void {
    const { leases } = this.host;
    leases.restsNoMore(connection);
    const kind = this.takeOut(connection);
    this.figures.add(kind, -1);
    if (kind !== ValkeyCount.sharedConnections) leases.give();
    if (refusal !== null || !connection.isReady) {
      const errorText = refusal ?? notReached(connection.reason);
      const all = Array.from(connection.waiting) as LoginClient[];
      connection.waiting.clear();
      for (const one of all) one.unserved(errorText);
    }
    if (refusal?.startsWith("WRONGPASS") === true) this.host.shutOut(this, refusal);
    if (this.isUnused) this.host.unused(this);
  }

  doubted(connection: UpstreamConnection): void {
    // A client may write to a replica without end, and each error would cost a connection.
    const now = this.now();
    if (now - this.doubtedAt < DOUBT_MS) return;
    this.doubtedAt = now;
    // Its upstream may be the right one again soon; only new requests look for another.
    if (this.shared.includes(connection)) this.retireOne(connection);
    else connection.isRetired = true;
  }

  /** It is none of its connections any more. @returns the figure of those that it was one of */
  private takeOut(connection: UpstreamConnection): number {
    if (remove(this.idle, connection)) return ValkeyCount.idleConnections;
    if (this.leased.delete(connection)) return ValkeyCount.leasedConnections;
    if (!remove(this.shared, connection)) this.retired--;
    return ValkeyCount.sharedConnections;
  }

  private retireOne(connection: UpstreamConnection): void {
    connection.isRetired = true;
    remove(this.shared, connection);
    this.retired++;
    if (connection.owed === 0) connection.close();
  }

  private newConnection(): UpstreamConnection {
    return new UpstreamConnection(this, greetingOf(this.identity));
  }
}

function remove<T>(from: T[], item: T): boolean {
  const at = from.indexOf(item);
  if (at >= 0) from.splice(at, 1);
  return at >= 0;
}
