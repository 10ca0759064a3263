import type { Clock } from "../../base/clock.ts";
import { Deadlines } from "../../base/deadlines.ts";
import type { ExchangeCarrier, ServiceHost, ValkeyListener } from "./carrier.ts";
import type { ServedClient } from "./client-host.ts";
import { Holdings } from "./holdings.ts";
import type { ClientFacts } from "./own-answers.ts";
import { Service } from "./service.ts";
import type { UpstreamConnection } from "./upstream-connection.ts";
import type { ValkeyClient } from "./valkey-client.ts";

/** How long a client may hold up a shared connection for one reply, in milliseconds. */
const STUFFED_MAX_MS = 1_000;
/** How long a client that is to be ended may take to receive its last words, in milliseconds. */
const LEAVING_MAX_MS = 1_000;
const LEAVING_LOOK_MS = 10;
/** How often idle connections are looked at; one that is idle at two looks is closed. */
const SWEEP_MS = 10_000;
/** After vain tries to collect requests at most so many batches are sent without one. */
const VAIN_MAX = 63;
/** So many requests are sent without waiting for more. */
const COLLECTED_MAX = 256;
/** Bytes that the place for the replies of a turn has at first. */
const KEPT_MIN = 64 * 1024;

/**
 * A worker's clients of mode `valkey`, and the connections that serve them.
 *
 *     client ─► requests ─┐                                  ┌─► replies ─► client
 *     client ─► requests ─┼─► one send per connection and turn, one receive ─┼─► replies ─► client
 *     client ─► requests ─┘                                  └─► replies ─► client
 *
 * What comes in one turn goes out at its end. There is no timer: with few clients nobody waits.
 *
 * Owner: an engine.
 */
export class Exchange<L extends ValkeyListener> implements ServiceHost {
  readonly holdings: Holdings;
  private readonly services = new Map<string, Service<L>>();
  private marked: ServedClient[] = [];
  /** The same list in turn with the other, so that none is made anew. */
  private spare: ServedClient[] = [];
  private markedConnections: UpstreamConnection[] = [];
  private isDue = false;
  /** See {@link now}; 0 if nobody has asked in this turn. */
  private turnAt = 0;
  /** Requests so far; at the last look whether to collect more, and when they were last sent. */
  private asked = 0;
  private collectedAsked = 0;
  private sentAsked = 0;
  /** Requests wait for those of this turn. */
  private isCollecting = false;
  /** Batches to send without collecting, and how many there are after each vain try. */
  private left = 0;
  private vain = 0;
  /** The replies of this turn, one behind the other. */
  private replies = new Uint8Array(KEPT_MIN);
  private repliesSize = 0;
  private readonly stuffedClients: Deadlines<ServedClient>;
  private readonly leaving = new Map<ServedClient, number>();
  private isLooking = false;
  private isSweeping = false;

  constructor(private readonly carrier: ExchangeCarrier<L>) {
    this.holdings = new Holdings(carrier.holdingsMax);
    this.stuffedClients = new Deadlines<ServedClient>(
      STUFFED_MAX_MS,
      (client) => client.end("client_slow"),
      carrier.clock,
    );
  }

  get clock(): Clock {
    return this.carrier.clock;
  }

  get now(): number {
    // Only a turn that will end with a flush is sure to be over soon.
    if (!this.isDue) return this.clock.now();
    if (this.turnAt === 0) this.turnAt = this.clock.now();
    return this.turnAt;
  }

  /** How many connections are leased, or were and wait for the next tenant. */
  get leased(): number {
    let count = 0;
    for (const { leases } of this.services.values()) count += leases.count;
    return count;
  }

  get isStopping(): boolean {
    return this.carrier.isStopping;
  }

  /** A client is admitted. @returns who takes what its relay sends */
  enter(listener: L, facts: () => ClientFacts): ValkeyClient {
    const { name } = listener.account;
    let service = this.services.get(name);
    if (service === undefined) {
      service = new Service<L>(this, this.carrier, listener);
      this.services.set(name, service);
    } else service.update(listener);
    this.sweepLater();
    return service.enter(facts);
  }

  /** A request is to be sent at the end of this turn. */
  hasAsked(): void {
    this.asked++;
  }

  markConnection(connection: UpstreamConnection): void {
    this.markedConnections.push(connection);
    this.isDueNow();
  }

  mark(client: ServedClient): void {
    this.marked.push(client);
    this.isDueNow();
  }

  keep(bytes: Uint8Array, from: number, to: number): number {
    const at = this.repliesSize;
    const size = to - from;
    const end = at + size;
    if (end > this.replies.length) this.grow(end);
    const { replies } = this;
    if (size < 64) for (let i = 0; i < size; i++) replies[at + i] = bytes[from + i] as number;
    else replies.set(bytes.subarray(from, to), at);
    this.repliesSize = end;
    return at;
  }

  kept(from: number, to: number): Uint8Array {
    return this.replies.subarray(from, to);
  }

  /** Requests that were not sent when {@link flush} was last called. */
  get unsent(): number {
    return this.asked - this.sentAsked;
  }

  /**
   * Whether requests of this turn should wait for those that come in the next one, which does not wait for anything.
   * A turn that brings none ends that. The more have brought none, the fewer are tried: a client alone waits for nobody.
   */
  collects(): boolean {
    const { asked, collectedAsked } = this;
    this.collectedAsked = asked;
    if (this.markedConnections.length === 0) {
      this.isCollecting = false;
      return false;
    }
    const isMore = asked > collectedAsked;
    if (this.isCollecting) this.vain = isMore ? 0 : Math.min(VAIN_MAX, 2 * this.vain + 1);
    else if (this.left > 0) {
      this.left--;
      return false;
    }
    this.isCollecting = isMore && this.unsent < COLLECTED_MAX;
    if (!this.isCollecting) this.left = this.vain;
    return this.isCollecting;
  }

  /** The turn is over: sends what has come together. @param sendsRequests false to send only replies */
  flush(sendsRequests = true): void {
    // What is given may bring more to give.
    for (;;) {
      const { marked, markedConnections } = this;
      if (marked.length > 0) {
        this.marked = this.spare;
        for (const client of marked) client.flush();
        marked.length = 0;
        this.spare = marked;
      } else if (sendsRequests && markedConnections.length > 0) {
        this.markedConnections = [];
        this.sentAsked = this.asked;
        // Of what is sent the time begins now.
        this.turnAt = 0;
        for (const connection of markedConnections) connection.flush();
      } else break;
    }
    this.repliesSize = 0;
    this.turnAt = 0;
    if (this.replies.length > KEPT_MAX) this.replies = new Uint8Array(KEPT_MIN);
    this.isDue = this.markedConnections.length > 0;
  }

  stuffed(client: ServedClient): void {
    this.stuffedClients.add(client);
  }

  stuffedNoMore(client: ServedClient): void {
    this.stuffedClients.delete(client);
  }

  leaves(client: ServedClient): void {
    this.leaving.set(client, this.clock.now() + LEAVING_MAX_MS);
    this.look();
  }

  /** Ends clients that have received their last words. */
  private look(): void {
    if (this.isLooking) return;
    this.isLooking = true;
    this.clock.alarm(LEAVING_LOOK_MS, () => {
      this.isLooking = false;
      const now = this.clock.now();
      for (const [client, until] of this.leaving) {
        if (client.isDelivered) client.retire();
        else if (now >= until) client.end(client.endsFor ?? "client_slow");
        else continue;
        this.leaving.delete(client);
      }
      if (this.leaving.size > 0) this.look();
    });
  }

  private sweepLater(): void {
    if (this.isSweeping) return;
    this.isSweeping = true;
    this.clock.alarm(SWEEP_MS, () => {
      this.isSweeping = false;
      const since = this.clock.now() - SWEEP_MS;
      let isUsed = false;
      for (const service of this.services.values()) {
        service.sweep(since);
        if (!service.isUnused) isUsed = true;
      }
      if (isUsed) this.sweepLater();
    });
  }

  private isDueNow(): void {
    if (this.isDue) return;
    this.isDue = true;
    this.carrier.atTurnEnd();
  }

  private grow(least: number): void {
    const larger = new Uint8Array(Math.max(least, this.replies.length * 2));
    larger.set(this.replies.subarray(0, this.repliesSize));
    this.replies = larger;
  }
}

/** A place for replies that has become larger than this is given back. */
const KEPT_MAX = 4 * 1024 * 1024;
