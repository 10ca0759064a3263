import { Deadlines } from "../../base/deadlines.ts";
import { edgeDefaults } from "../../config/defaults.ts";
import type { ListenerOptions, ValkeyOptions } from "../../config/options.ts";
import { ValkeyCount } from "../../counts/figures.ts";
import type { ExchangeCarrier, ServiceHost, ValkeyListener } from "./carrier.ts";
import type { ClientHost, ServedClient } from "./client-host.ts";
import type { Command } from "./command-table.ts";
import { ListenerFigures } from "./figures/listener-figures.ts";
import type { Holdings } from "./holdings.ts";
import { type Identity, identityKey } from "./identity.ts";
import { Leases } from "./leases.ts";
import { Login, type LoginHost } from "./login.ts";
import type { ClientFacts } from "./own-answers.ts";
import { Policy } from "./policy.ts";
import type { UpstreamConnection } from "./upstream-connection.ts";
import { ValkeyClient } from "./valkey-client.ts";

/** So many identities that no client has keep their connections for a while. */
const SPARE_LOGINS_MAX = 16;

/**
 * One listener's clients of mode `valkey`, by the identity that they have.
 *
 * Owner: an {@link Exchange}.
 */
export class Service<L extends ValkeyListener> implements ClientHost, LoginHost {
  policy: Policy;
  readonly figures: ListenerFigures;
  private options: ValkeyOptions;
  private upstreams: L;
  private readonly logins = new Map<string, Login>();
  private readonly clients = new Set<ValkeyClient>();
  readonly leases = new Leases();
  private leaseWaits: Deadlines<ValkeyClient>;
  /** In which each of the clients waits that wait for a lease: a reload may change the time. */
  private readonly waits = new Map<ValkeyClient, Deadlines<ValkeyClient>>();
  /** Until then the upstream answers no writes, or nothing at all; 0 if it does. */
  private pausedUntil = 0;
  private pausesWritesOnly = false;

  constructor(
    private readonly host: ServiceHost,
    private readonly carrier: ExchangeCarrier<L>,
    private listener: L,
  ) {
    const { account } = listener;
    this.figures = new ListenerFigures(account.name, (page) => account.addPage(page));
    this.options = valkeyOf(listener);
    this.policy = policyOf(this.options);
    this.leases.max = this.options.leased;
    this.upstreams = carrier.insideListener(insideOptions(listener), null);
    this.leaseWaits = this.newLeaseWaits();
  }

  get isUnused(): boolean {
    return this.clients.size === 0 && this.logins.size === 0;
  }

  /** Clients that come from now on belong to this listener, which a reload may have changed. */
  update(listener: L): void {
    if (listener === this.listener) return;
    this.listener = listener;
    this.options = valkeyOf(listener);
    this.policy = policyOf(this.options);
    this.leases.max = this.options.leased;
    this.upstreams = this.carrier.insideListener(insideOptions(listener), this.upstreams);
    const { leaseWaits } = this;
    this.leaseWaits = this.newLeaseWaits();
    // Who waits has the new time from now on, and no longer the old one.
    for (let client = leaseWaits.first; client !== undefined; client = leaseWaits.first) {
      leaseWaits.delete(client);
      this.leaseWaits.add(client);
    }
    // Their upstreams may be other ones now.
    for (const login of Array.from(this.logins.values())) login.retire();
  }

  enter(facts: () => ClientFacts): ValkeyClient {
    const client = new ValkeyClient(this, facts);
    this.clients.add(client);
    this.figures.add(ValkeyCount.clients);
    return client;
  }

  gone(client: ValkeyClient): void {
    if (this.clients.delete(client)) this.figures.add(ValkeyCount.clients, -1);
    if (this.host.isStopping && this.clients.size === 0) this.sweep(Infinity);
  }

  sweep(since: number): void {
    for (const login of Array.from(this.logins.values())) {
      login.sweep(since);
      if (login.isUnused) this.unused(login);
    }
  }

  /** Closes what belongs to identities that no client has. */
  private sweepUnused(): void {
    for (const login of Array.from(this.logins.values()))
      if (login.clients === 0) login.sweep(Infinity);
  }

  // --- for clients ---

  get largeBytes(): number {
    return this.options.largeBytes;
  }

  get backlogBytes(): number {
    return this.options.backlogBytes;
  }

  get retriesReads(): boolean {
    return this.options.retry === "reads";
  }

  login(identity: Identity): Login {
    const key = identityKey(identity);
    let login = this.logins.get(key);
    if (login === undefined) {
      // A client may be anybody in turn, and each would have an upstream connection.
      if (this.logins.size >= this.clients.size + SPARE_LOGINS_MAX) this.sweepUnused();
      login = new Login(identity, key, this);
      this.logins.set(key, login);
    }
    return login;
  }

  mark(client: ServedClient): void {
    this.host.mark(client);
  }

  keep(bytes: Uint8Array, from: number, to: number): number {
    return this.host.keep(bytes, from, to);
  }

  kept(from: number, to: number): Uint8Array {
    return this.host.kept(from, to);
  }

  waitsForLease(client: ValkeyClient): void {
    if (this.options.leaseTimeoutMs === 0) {
      client.leaseLate();
      return;
    }
    this.leases.add(client);
    if (this.waits.has(client)) return;
    this.waits.set(client, this.leaseWaits);
    this.figures.waiting = this.waits.size;
    this.leaseWaits.add(client);
  }

  waitsNoMore(client: ValkeyClient): void {
    this.leases.delete(client);
    this.waits.get(client)?.delete(client);
    if (this.waits.delete(client)) this.figures.waiting = this.waits.size;
  }

  stuffed(client: ServedClient): void {
    this.host.stuffed(client);
  }

  stuffedNoMore(client: ServedClient): void {
    this.host.stuffedNoMore(client);
  }

  leaves(client: ServedClient): void {
    this.host.leaves(client);
  }

  get holdings(): Holdings {
    return this.host.holdings;
  }

  get mayReserve(): boolean {
    return this.leases.isAmple;
  }

  keepsBack({ isRead }: Command): boolean {
    if (this.pausedUntil === 0 || (isRead && this.pausesWritesOnly)) return false;
    if (this.now() < this.pausedUntil) return true;
    this.pausedUntil = 0;
    return false;
  }

  pauses([timeoutMs, mode]: readonly string[]): void {
    if (timeoutMs === undefined) {
      this.pausedUntil = 0;
      return;
    }
    const spanMs = Number(timeoutMs);
    // Of two pauses the longer one counts, and what either of them stops.
    const isPaused = this.pausedUntil > this.now();
    this.pausesWritesOnly = mode?.toUpperCase() === "WRITE" && (!isPaused || this.pausesWritesOnly);
    if (spanMs > 0) this.pausedUntil = Math.max(this.pausedUntil, this.now() + spanMs);
  }

  // --- for logins ---

  get connections(): number {
    return this.options.connections;
  }

  now(): number {
    return this.host.now;
  }

  markConnection(connection: UpstreamConnection): void {
    this.host.markConnection(connection);
  }

  hasAsked(): void {
    this.host.hasAsked();
  }

  open(connection: UpstreamConnection): void {
    connection.begin(this.carrier.dialInside(this.upstreams, connection));
  }

  shutOut(login: Login): void {
    for (const client of Array.from(this.clients)) {
      if (client.isOf(login)) client.end("access_denied");
    }
  }

  unused(login: Login): void {
    this.logins.delete(login.key);
  }

  private newLeaseWaits(): Deadlines<ValkeyClient> {
    const { leaseTimeoutMs } = this.options;
    return new Deadlines<ValkeyClient>(
      Math.max(1, leaseTimeoutMs),
      (client) => {
        this.waitsNoMore(client);
        client.leaseLate();
      },
      this.host.clock,
    );
  }
}

function valkeyOf({ options }: ValkeyListener): ValkeyOptions {
  return options.valkey as ValkeyOptions;
}

function policyOf({ deny, slow }: ValkeyOptions): Policy {
  return new Policy(deny, slow);
}

/**
 * The settings of relays that begin inside: those of the listener for its upstreams, and none of those for its clients.
 */
function insideOptions({ options, account }: ValkeyListener): ListenerOptions {
  return {
    ...options,
    name: `${account.name} (upstream)`,
    address: { kind: "unix", path: "" },
    mode: "bidirectional",
    edge: edgeDefaults,
    tls: null,
    route: null,
    routes: [],
    mirror: null,
    idleTimeoutMs: 0,
    clientIdleTimeoutMs: 0,
    upstreamIdleTimeoutMs: 0,
    lifetimeMs: 0,
  };
}
