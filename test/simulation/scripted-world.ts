import type { Address } from "../../src/base/address.ts";
import { Errno } from "../../src/system/linux.ts";
import { decodeSockaddr } from "../../src/system/sockaddr.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Connection } from "../kernel/connection.ts";
import type { End, Plan } from "../kernel/end.ts";
import type { Fate } from "../kernel/faults.ts";
import { type DialVerdict, type Listening, World } from "../kernel/world.ts";

/** Does nothing by itself. */
const still: Plan = {
  total: 0,
  ending: "stay",
  gapMs: 0,
  chunk: 1 << 20,
  readsFrom: 0,
  resetsAt: Infinity,
};

/** The far end of a connection, which does what a case says: a client, or an upstream's. */
export class Peer {
  /** What it does each time that it may have been sent something. */
  onStep: (self: Peer) => void = () => {};

  constructor(
    readonly connection: Connection,
    private readonly end: End,
  ) {}

  /** Writes so many bytes. */
  send(size: number): this {
    this.end.offer(size);
    return this;
  }

  /** FIN behind all that it has to write. */
  finish(): this {
    this.end.endsBy("fin");
    return this;
  }

  /** FIN when the other end's has come. */
  answersEnd(): this {
    this.end.endsBy("answer");
    return this;
  }

  reset(): this {
    this.connection.break(Errno.ECONNRESET);
    return this;
  }

  stall(isStalled = true): this {
    this.end.stall(isStalled);
    return this;
  }

  get receivedBytes(): number {
    return this.connection.read;
  }

  /** It has been told an orderly end, behind the last byte. */
  get finSeen(): boolean {
    const { finSent, isBroken, isClosed, read, sent, wasReset } = this.connection;
    return !isBroken && !wasReset && (finSent || isClosed) && read === sent;
  }

  get wasReset(): boolean {
    return this.connection.wasReset;
  }

  /** Whichever way it was let go. */
  get isLetGo(): boolean {
    return this.connection.isClosed;
  }
}

/** What an upstream does with a connection, said when it was opened. */
export type Behaviour = (peer: Peer) => void;

/** Reads what comes, and nothing more. */
export const sink: Behaviour = () => {};

/** Gives FIN for FIN, nothing else. */
export const polite: Behaviour = (peer) => void peer.answersEnd();

/** Sends back as much as comes, and FIN for FIN. */
export const echo: Behaviour = (peer) => {
  let answered = 0;
  peer.answersEnd();
  peer.onStep = ({ receivedBytes }) => {
    if (receivedBytes > answered) peer.send(receivedBytes - answered);
    answered = receivedBytes;
  };
};

/** How an upstream takes connections. */
export type Manner = "answers" | "refuses" | "silent";

/** An upstream under a case's control. */
export class ScriptedUpstream {
  /** Every connection that it has answered, oldest first. */
  readonly ends: Peer[] = [];

  constructor(
    readonly address: Address & { readonly kind: "tcp" },
    public manner: Manner,
    readonly behaviour: Behaviour,
  ) {}

  /** The connection of this number, from 0. @throws Error when it is not there: wait for it first */
  end(index: number): Peer {
    const end = this.ends[index];
    if (end === undefined) throw new Error(`the upstream has ${this.ends.length} connections`);
    return end;
  }
}

/** Clients and upstreams that do what a case says, at once. */
export class ScriptedWorld extends World {
  readonly peers: Peer[] = [];
  private readonly upstreams = new Map<number, ScriptedUpstream>();
  private readonly dialled = new Map<Connection, ScriptedUpstream>();
  private asked: ScriptedUpstream | null = null;

  constructor(clock: Clock, fate: Fate, mode: World["mode"]) {
    const manners = { totalMax: 0, spanMs: 0, endings: [], slowPercent: 0, resetPercent: 0 };
    super(clock, fate, { ...manners, endings: ["stay"] }, mode);
  }

  upstream(manner: Manner, behaviour: Behaviour): ScriptedUpstream {
    const port = 7_001 + this.upstreams.size;
    const address = { kind: "tcp", host: "10.9.9.9", port } as const;
    const upstream = new ScriptedUpstream(address, manner, behaviour);
    this.upstreams.set(port, upstream);
    return upstream;
  }

  /** @param begins what it writes first, of which `headerSize` bytes are no flow's */
  client(listening: Listening, begins: Uint8Array, headerSize: number): Peer {
    const connection = this.connectClient(listening, { ...still, total: begins.length });
    connection.begins = begins;
    connection.headerSize = headerSize;
    return this.peer(connection);
  }

  override dialVerdict(address: Uint8Array): DialVerdict {
    const to = decodeSockaddr(address);
    const upstream = to.kind === "tcp" ? this.upstreams.get(to.port) : undefined;
    if (upstream === undefined) throw new Error("a case dials an upstream that it has not made");
    this.asked = upstream;
    const results = { answers: 0, refuses: -Errno.ECONNREFUSED, silent: null };
    return { result: results[upstream.manner], withinMs: 0 };
  }

  override connectionToUpstream(): Connection {
    const connection = super.connectionToUpstream();
    this.dialled.set(connection, this.asked as ScriptedUpstream);
    return connection;
  }

  override answer(connection: Connection): void {
    super.answer(connection, still);
    const upstream = this.dialled.get(connection) as ScriptedUpstream;
    const peer = this.peer(connection);
    upstream.ends.push(peer);
    upstream.behaviour(peer);
  }

  override act(): boolean {
    for (const peer of this.peers) peer.onStep(peer);
    return super.act();
  }

  private peer(connection: Connection): Peer {
    const peer = new Peer(connection, this.ends.at(-1) as End);
    this.peers.push(peer);
    return peer;
  }
}
