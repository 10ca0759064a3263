import { createServer, type Server, type Socket } from "node:net";
import type { Address } from "../base/address.ts";
import { Deadlines } from "../base/deadlines.ts";
import { listenerDefaults } from "../config/defaults.ts";
import { type ListeningSocket, openListening } from "../engine/listening-socket.ts";
import { descriptorBudget } from "../system/descriptors.ts";
import { type FileAccess, madeForOwner, setSocketAccess } from "../system/file-access.ts";
import { canOpenSocket, closeDescriptor, duplicate } from "../system/libc.ts";
import { setBlocking } from "../system/linux.ts";
import type { Asker } from "./answer.ts";
import { type Judged, type JudgePeer, peerJudge } from "./peers.ts";

/** How often to check whether the kernel would still accept, in milliseconds. */
const LOOK_MS = 1_000;

/**
 * A new connection keeps its place for this many milliseconds, in which its request should come.
 */
const GRACE_MS = 250;

/** Milliseconds that a client has to take an answer. */
const TAKE_MS = 60_000;

/** Most unanswered requests of one connection. */
const UNDER_WAY_MAX = 16;

/**
 * The worth of a connection: if there are too many, those with the least worth are closed first.
 */
enum Worth {
  /** Its request was invalid. It has its answer, or will get it. */
  Distrusted,
  /** It has not sent a request yet. */
  Silent,
  /** It has got its answer, and may send more requests. */
  Answered,
  /** It waits for an answer, or takes one. */
  UnderWay,
}

/** One connection of the admin server, and its deadlines. */
export class AdminConnection implements Asker {
  readonly name: string;
  readonly refusal: string | null;
  private readonly leaving = new AbortController();
  private underWay = 0;
  private hasAsked = false;
  private isDistrusted = false;
  /** When it was accepted, or got its last answer. */
  private since = performance.now();

  constructor(
    readonly socket: Socket,
    private readonly listener: AdminListener,
    { name, refusal }: Judged,
  ) {
    this.name = name;
    this.refusal = refusal;
    listener.silent.add(this);
  }

  get gone(): AbortSignal {
    return this.leaving.signal;
  }

  get worth(): Worth {
    if (this.isDistrusted) return Worth.Distrusted;
    if (this.underWay > 0) return Worth.UnderWay;
    return this.hasAsked ? Worth.Answered : Worth.Silent;
  }

  /** A newer connection may take its place. */
  get mayGo(): boolean {
    return this.isDistrusted || performance.now() - this.since >= GRACE_MS;
  }

  /** The head of a request has arrived. @param isWhole the body has, too, or there is none */
  asked(isWhole: boolean): void {
    this.hasAsked = true;
    if (++this.underWay > UNDER_WAY_MAX) this.end();
    else if (isWhole) this.whole();
  }

  /** A whole request has arrived, and waits for its answer. */
  whole(): void {
    this.listener.silent.delete(this);
  }

  /** The answer is ready to be taken. */
  answers(): void {
    this.listener.silent.delete(this);
    this.listener.taking.add(this);
  }

  /** The client has taken the answer. */
  answered(): void {
    this.underWay--;
    this.since = performance.now();
    this.listener.taking.delete(this);
    if (!this.socket.destroyed) this.listener.silent.add(this);
  }

  distrust(): void {
    this.isDistrusted = true;
  }

  /** The connection is closed. */
  closed(): void {
    this.listener.silent.delete(this);
    this.listener.taking.delete(this);
    this.leaving.abort();
  }

  /** The client has ended its side. */
  ended(): void {
    if (this.underWay === 0) this.end();
  }

  end(): void {
    this.socket.destroy();
  }
}

/**
 * Accepts the admin server's connections, which have a fixed share of the descriptors. When one
 * more comes, the least useful one is closed, so that strangers who connect and stay silent keep
 * out neither the operator nor clients of relays. A new connection is safe for a moment, so that a
 * crowd of strangers cannot displace it; if none may be closed, clients wait in the kernel's queue.
 * Each request has a deadline to arrive, and each answer one to be taken.
 *
 * At the limit of descriptors Bun's listener would spin. So it is closed whenever clients have to
 * wait, while the socket stays open.
 */
export class AdminListener {
  /** Connections that should send a request. */
  readonly silent: Deadlines<AdminConnection>;
  /** Connections that should take an answer. */
  readonly taking = new Deadlines<AdminConnection>(TAKE_MS, (connection) => connection.end());
  private readonly connections = new Set<AdminConnection>();
  private server: Server | null = null;
  /** The listening socket, if it is our own (Linux). */
  private listening: ListeningSocket | null = null;
  private looks: ReturnType<typeof setInterval> | null = null;
  /** Runs while all places are taken and none may be freed. */
  private rest: ReturnType<typeof setTimeout> | null = null;
  private isOpening = false;
  /** Judges clients of a unix socket; null for TCP. */
  private judgePeer: JudgePeer | null = null;

  /**
   * @param silentMs milliseconds that a request has to arrive, from the connection or the last
   *   answer on
   * @param onConnection called with each accepted connection
   */
  constructor(
    silentMs: number,
    private readonly onConnection: (connection: AdminConnection) => void,
  ) {
    this.silent = new Deadlines<AdminConnection>(silentMs, (connection) => connection.end());
  }

  /**
   * Listens.
   *
   * @param unix access to the file of a unix socket, set before any client can connect
   * @returns the bound address
   * @throws an error with the system's `code`
   */
  async open(address: Address, unix: FileAccess): Promise<Address> {
    this.judgePeer = address.kind === "unix" ? peerJudge(address, unix) : null;
    if (process.platform !== "linux") {
      // Until the access is set below, the file belongs to its owner alone.
      this.server = await madeForOwner(() =>
        this.listen(
          address.kind === "unix"
            ? { path: address.path }
            : { host: address.host, port: address.port },
        ),
      );
      if (address.kind === "unix") setSocketAccess(address.path, unix);
      const bound = this.server.address();
      const port = typeof bound === "object" ? bound?.port : undefined;
      return address.kind === "tcp" ? { ...address, port: port ?? address.port } : address;
    }
    this.listening = await openListening(address, "none", undefined, { ...listenerDefaults, unix });
    setBlocking(this.listening.descriptor, false);
    await this.resume();
    this.looks = setInterval(() => this.look(), LOOK_MS).unref();
    return this.listening.address;
  }

  /** Stops listening, and closes all connections. */
  close(): void {
    if (this.looks !== null) clearInterval(this.looks);
    if (this.rest !== null) clearTimeout(this.rest);
    this.pause();
    if (this.listening !== null) closeDescriptor(this.listening.descriptor);
    this.listening = null;
    for (const connection of [...this.connections]) connection.end();
  }

  private look(): void {
    const mayAccept = canOpenSocket();
    if (!mayAccept) this.pause();
    // If that fails, the next look tries again.
    else if (this.rest === null) this.resume().catch(() => {});
  }

  /** Accepts no connections: they wait in the kernel's queue. */
  private pause(): void {
    this.server?.close();
    this.server = null;
  }

  private async resume(): Promise<void> {
    if (this.server !== null || this.isOpening) return;
    const fd = duplicate(this.listening?.descriptor ?? -1);
    if (fd === -1) return;
    this.isOpening = true;
    try {
      const server = await this.listen({ fd });
      // It may have been closed meanwhile.
      if (this.listening === null || this.rest !== null) server.close();
      else this.server = server;
    } finally {
      this.isOpening = false;
    }
  }

  private get isFull(): boolean {
    return this.connections.size >= descriptorBudget().admin;
  }

  /** Lets new connections wait until there is a place, or one may be freed. */
  private waitForPlace(): void {
    // Without a socket of our own, closing the listener would close the socket.
    if (this.listening === null || this.rest !== null) return;
    this.pause();
    this.rest = setTimeout(() => this.goOn(), GRACE_MS);
  }

  private goOn(): void {
    if (this.rest === null) return;
    clearTimeout(this.rest);
    this.rest = null;
    this.resume().catch(() => {});
  }

  private listen(where: object): Promise<Server> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.come(socket));
    const { promise, resolve, reject } = Promise.withResolvers<Server>();
    server.on("error", reject);
    server.listen(where, () => resolve(server));
    return promise;
  }

  private come(socket: Socket): void {
    const judged = this.judge(socket);
    if (judged === null) {
      socket.destroy();
      return;
    }
    if (this.isFull && !this.makeRoom()) {
      // It was accepted together with the one before.
      socket.destroy();
      return;
    }
    const connection = new AdminConnection(socket, this, judged);
    this.connections.add(connection);
    socket.on("error", () => connection.end());
    socket.on("end", () => connection.ended());
    socket.on("close", () => {
      this.connections.delete(connection);
      connection.closed();
      if (!this.isFull) this.goOn();
    });
    this.onConnection(connection);
    if (this.isFull && this.least === null) this.waitForPlace();
  }

  /** Identifies a client and decides whether it may ask; null: close the connection at once. */
  private judge(socket: Socket): Judged | null {
    if (this.judgePeer !== null) return this.judgePeer(descriptorOf(socket));
    return { name: socket.remoteAddress ?? "unknown", refusal: null };
  }

  /** The oldest of the least worthy connections, if it may go. */
  private get least(): AdminConnection | null {
    let least: AdminConnection | null = null;
    for (const connection of this.connections)
      if (least === null || connection.worth < least.worth) least = connection;
    return least?.mayGo ? least : null;
  }

  /** Frees a place. @returns whether there is one */
  private makeRoom(): boolean {
    const { least } = this;
    if (least === null) return false;
    this.connections.delete(least);
    least.end();
    return true;
  }
}

/** Finds a socket's descriptor where Bun 1.4 and Node keep it. @returns −1 if it is closed */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } };
  return handle?.fd ?? -1;
}
