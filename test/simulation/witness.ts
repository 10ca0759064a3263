import { errnoName } from "../../src/system/linux.ts";
import type { Connection } from "../kernel/connection.ts";
import type { Asked, Greeting } from "./greeting.ts";

/** One of a relay's two ends. */
export type EndName = "client" | "upstream";

/** What really happened to a client and its upstream, whatever the relay layer makes of it. */
export class Sight {
  /** What it began with, where headers may come. */
  greeting: Greeting | null = null;
  /** What it asks for, where routes are; null where that is not clear. */
  asked: Asked | null = null;
  /** It asks for encryption before the first bytes of its flow. */
  asks = false;
  /** How the relay layer has to call it. */
  name = "";
  /** Where it has connected from; another one than `name` when a header names somebody. */
  peer = "";
  /** Ends whose FIN was received, and those that were seen to be reset; first ones first. */
  readonly ended: EndName[] = [];
  readonly lost: EndName[] = [];
  /** When the first one of each was; Infinity for never. */
  endedAt = Infinity;
  lostAt = Infinity;
  /** It had not ended yet when its header was given up. */
  isLate = false;
  /** An upstream was dialled for it. */
  isBegun = false;
  /** What attempts to connect for it have failed with. */
  readonly failures = new Set<string>();
  /** Its dials: which row of the table each has gone to. */
  readonly dialled: number[] = [];
  /** When bytes were last received or sent. */
  movedAt: number;
  /** When something was last received from each end. */
  readonly heardAt: Record<EndName, number>;

  constructor(readonly acceptedAt: number) {
    this.heardAt = { client: acceptedAt, upstream: acceptedAt };
    this.movedAt = acceptedAt;
  }
}

/** Sees what the network does to relays. */
export class Witness {
  private readonly sights = new Map<Connection, Sight>();
  private readonly hosts = new Map<string, { readonly at: number; readonly count: number }>();

  /** @param tell what happens, for whoever reads the story */
  constructor(
    private readonly now: () => number,
    private readonly tell: (what: string) => void,
  ) {}

  /** A relay of this host has begun. @returns how many have, since when */
  begun(host: string): { readonly count: number; readonly ageMs: number } {
    const { at, count } = this.hosts.get(host) ?? { at: this.now(), count: 0 };
    this.hosts.set(host, { at, count: count + 1 });
    return { count: count + 1, ageMs: this.now() - at };
  }

  accepted(client: Connection, sight: Sight): void {
    this.sights.set(client, sight);
    const { greeting } = sight;
    const begins = greeting === null ? "" : `, which begins with ${greeting.is}`;
    this.tell(`client ${client.name} (${sight.name}) is accepted${begins}`);
  }

  /** Of a relay's client; undefined for connections that are no relay's. */
  of(connection: Connection): Sight | undefined {
    return this.sights.get(connection.isClient ? connection : (connection.partner as Connection));
  }

  heard(connection: Connection): void {
    const sight = this.of(connection);
    if (sight === undefined) return;
    sight.heardAt[nameOf(connection)] = sight.movedAt = this.now();
  }

  sent(connection: Connection): void {
    const sight = this.of(connection);
    if (sight !== undefined) sight.movedAt = this.now();
  }

  ended(connection: Connection): void {
    const sight = this.of(connection);
    if (sight !== undefined) {
      sight.ended.push(nameOf(connection));
      sight.endedAt = Math.min(sight.endedAt, this.now());
    }
    this.tell(`${connection.name} has ended`);
  }

  lost(connection: Connection): void {
    const sight = this.of(connection);
    const name = nameOf(connection);
    if (sight === undefined || sight.lost.includes(name)) return;
    sight.lost.push(name);
    sight.lostAt = Math.min(sight.lostAt, this.now());
    this.tell(`${connection.name} is seen to be reset`);
  }

  /** @param verdict −errno or its name */
  failed(client: Connection | null, verdict: number | string): void {
    const code = typeof verdict === "string" ? verdict : errnoName(-verdict);
    if (client !== null) this.of(client)?.failures.add(code);
  }
}

function nameOf({ isClient }: Connection): EndName {
  return isClient ? "client" : "upstream";
}
