import type { Address } from "../../src/base/address.ts";
import type { Mode } from "../../src/config/options.ts";
import { Errno } from "../../src/system/linux.ts";
import { decodeSockaddr, encodeSockaddr } from "../../src/system/sockaddr.ts";
import { sizesUpTo } from "../fixtures/random.ts";
import type { Clock } from "./clock.ts";
import { Connection } from "./connection.ts";
import { End, type Ending, type Plan } from "./end.ts";
import type { Fate } from "./faults.ts";

/** The port of each upstream says how it answers. */
export enum Port {
  Answers = 7001,
  Answers2 = 7002,
  Refuses = 7003,
  Unreachable = 7004,
  Silent = 7005,
  /** It answers, but takes its time. */
  Slow = 7006,
}

/** How connect(2) ends. */
export interface DialVerdict {
  /** 0, −errno, or null when nobody answers. */
  readonly result: number | null;
  /** Milliseconds in which it does at most. */
  readonly withinMs: number;
}

/** Milliseconds that a connect takes at most until it is answered, also by somebody who is slow. */
const ANSWER_MS = 20;
export const SLOW_ANSWER_MS = 2_000;

/** A listening socket: who has connected and was not accepted yet. */
export interface Listening {
  readonly name: string;
  readonly waiting: Connection[];
}

/** How the ends behave. */
export interface Manners {
  /** Most bytes that an end writes. */
  readonly totalMax: number;
  /** Milliseconds in which all clients come. */
  readonly spanMs: number;
  readonly endings: readonly Ending[];
  /** How many of a hundred ends read late, and how many reset at some time. */
  readonly slowPercent: number;
  readonly resetPercent: number;
  /** How many write as many bytes as they may; a fifth unless it is said. */
  readonly fullPercent?: number;
}

/** A client that is still to come. */
interface Arrival {
  readonly at: number;
  readonly listening: Listening;
}

/**
 * Everybody that ringway talks to: clients that come over time and upstreams that answer, refuse or
 * keep silent. All of it is drawn from one seed.
 */
export class World {
  readonly ends: End[] = [];
  readonly connections: Connection[] = [];
  /** Clients by their address as a person writes it. */
  readonly clients = new Map<string, Connection>();
  /** Has a client begin with something of its own, before its plan's bytes. */
  greet: (client: Connection) => Partial<Plan> = () => ({});
  private readonly arrivals: Arrival[] = [];
  private count = 0;
  private isCalm = false;

  constructor(
    private readonly clock: Clock,
    private readonly fate: Fate,
    private readonly manners: Manners,
    readonly mode: Mode,
  ) {}

  /** So many clients will come. */
  expect(clients: number, listening: Listening): void {
    for (let i = 0; i < clients; i++) {
      const at = this.clock.now + this.fate.random() * this.manners.spanMs;
      this.arrivals.push({ at, listening });
    }
    this.arrivals.sort((a, b) => a.at - b.at);
  }

  /** Clients that have not come yet. */
  get expected(): number {
    return this.arrivals.length;
  }

  /** From now on all ends are quick and orderly, and who is still to come is there at once. */
  calm(): void {
    this.isCalm = true;
    for (const end of this.ends) end.finish();
    for (const { listening } of this.arrivals.splice(0)) this.connectClient(listening);
  }

  /** Nobody else comes. */
  deter(): void {
    this.arrivals.length = 0;
  }

  /** Lets everybody do what they can do now. @returns whether anybody did anything */
  act(): boolean {
    const { now } = this.clock;
    let moved = false;
    while ((this.arrivals[0]?.at ?? Infinity) <= now) {
      this.connectClient((this.arrivals.shift() as Arrival).listening);
      moved = true;
    }
    for (const end of this.ends) {
      if (this.fate.strikes("breaks")) this.breakAny(end.connection);
      if (end.act(now)) moved = true;
    }
    for (const connection of this.connections) if (connection.carry()) moved = true;
    return moved;
  }

  /** When something happens by itself, if that is later than now. */
  get nextAt(): number {
    const { now } = this.clock;
    let next = this.arrivals[0]?.at ?? Infinity;
    for (const end of this.ends) next = Math.min(next, end.nextAt(now));
    return next;
  }

  /** A client connects. @returns its connection, which waits to be accepted */
  connectClient(listening: Listening, plan: Partial<Plan> = {}): Connection {
    const number = ++this.count;
    const name = `10.0.${number >>> 8}.${number & 255}:4000`;
    const connection = this.connect(name, true);
    this.clients.set(name, connection);
    listening.waiting.push(connection);
    this.addEnd(connection, { ...this.greet(connection), ...plan });
    return connection;
  }

  /** A socket that is to be connected to an upstream. */
  connectionToUpstream(): Connection {
    return this.connect(`10.9.9.9:${++this.count}`, false);
  }

  /** The upstream has answered: somebody stands behind the connection now. */
  answer(connection: Connection, plan: Partial<Plan> = {}): void {
    connection.isOpen = true;
    this.addEnd(connection, plan);
  }

  /** The address of a client, as the kernel writes it. */
  addressOf(connection: Connection): Uint8Array {
    const [host = "", port] = connection.name.split(":");
    return encodeSockaddr({ kind: "tcp", host, port: Number(port) });
  }

  /** How connect(2) to that address ends. */
  dialVerdict(address: Uint8Array): DialVerdict {
    const to: Address = decodeSockaddr(address);
    const isSlow = to.kind === "tcp" && to.port === Port.Slow;
    return { result: this.dialResult(to), withinMs: isSlow ? SLOW_ANSWER_MS : ANSWER_MS };
  }

  private dialResult(to: Address): number | null {
    if (to.kind === "unix") return -Errno.ENOENT;
    if (this.fate.strikes("silent")) return null;
    if (this.fate.strikes("connect")) {
      return -this.fate.pick([Errno.ECONNREFUSED, Errno.ETIMEDOUT, Errno.EHOSTUNREACH]);
    }
    switch (to.port) {
      case Port.Refuses:
        return -Errno.ECONNREFUSED;
      case Port.Unreachable:
        return -Errno.EHOSTUNREACH;
      case Port.Silent:
        return null;
    }
    return 0;
  }

  private connect(name: string, isClient: boolean): Connection {
    const { fate } = this;
    const buffer = () => fate.pick([100, 300, 3_000, 100_000]);
    const seed = this.count * 7 + (isClient ? 1 : 2);
    const connection = new Connection(
      name,
      seed,
      isClient,
      this.clock,
      buffer(),
      buffer(),
      buffer(),
    );
    this.connections.push(connection);
    return connection;
  }

  private addEnd(connection: Connection, plan: Partial<Plan>): void {
    const drawn = this.plan();
    const total = connection.begins.length + drawn.total;
    const end = new End(connection, this.fate, { ...drawn, total, ...plan }, this.clock.now);
    this.ends.push(end);
    if (this.isCalm) end.finish();
  }

  private plan(): Plan {
    const { fate, manners } = this;
    const { now } = this.clock;
    const percent = (of: number) => fate.random() * 100 < of;
    return {
      total: percent(manners.fullPercent ?? 20)
        ? manners.totalMax
        : sizesUpTo(manners.totalMax + 1, fate.random)() - 1,
      ending: fate.pick(manners.endings),
      gapMs: fate.pick([0.02, 0.5, 8]),
      chunk: fate.pick([1, 40, 1_000, 50_000]),
      readsFrom: percent(manners.slowPercent) ? this.late : 0,
      resetsAt: percent(manners.resetPercent) ? now + fate.random() * manners.spanMs : Infinity,
    };
  }

  /** When a slow end begins to read: some never do, until the test is to end. */
  private get late(): number {
    const { fate, manners } = this;
    return fate.random() < 0.5 ? Infinity : this.clock.now + fate.random() * manners.spanMs * 2;
  }

  private breakAny(connection: Connection): void {
    if (connection.isBroken || connection.isClosed || connection.hasEnded) return;
    connection.brokenByFault = true;
    connection.break(this.fate.pick([Errno.ECONNRESET, Errno.ETIMEDOUT]));
  }
}
