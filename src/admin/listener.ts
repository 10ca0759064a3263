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

/** How often is looked whether the kernel would still accept. */
const LOOK_MS = 1_000;

/** So long nobody newer pushes a connection out, in milliseconds: a request comes with its connection. */
const GRACE_MS = 250;

/** A client has so long to take an answer, in milliseconds. */
const TAKE_MS = 60_000;

/** Requests of one connection that may wait for their answers. */
const UNDER_WAY_MAX = 16;

/** How much a connection is worth, when there are too many of them: the least goes first. */
enum Worth {
  /** What it has sent is wrong, and it has got or will get its answer: nothing good is to come of it. */
  Distrusted,
  /** It has not asked for anything yet. */
  Silent,
  /** It has got its answer, and may ask for more. */
  Answered,
  /** It waits for an answer, or takes it. */
  UnderWay,
}

/** One connection of the admin server: what it waits for, and for how long at most. */
export class AdminConnection implements Asker {
  readonly name: string;
  readonly refusal: string | null;
  private readonly leaving = new AbortController();
  private underWay = 0;
  private hasAsked = false;
  private isDistrusted = false;
  /** When it came, or got its last answer. */
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

  /** Somebody newer may have its place. */
  get mayGo(): boolean {
    return this.isDistrusted || performance.now() - this.since >= GRACE_MS;
  }

  /** The head of a request is here. @param isWhole it has no body, or that is here, too */
  asked(isWhole: boolean): void {
    this.hasAsked = true;
    if (++this.underWay > UNDER_WAY_MAX) this.end();
    else if (isWhole) this.whole();
  }

  /** A request is here with its body: what is missing now is the answer. */
  whole(): void {
    this.listener.silent.delete(this);
  }

  /** The answer is there to be taken. */
  answers(): void {
    this.listener.silent.delete(this);
    this.listener.taking.add(this);
  }

  /** The client has the answer. */
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

  /** The client sends nothing more. */
  ended(): void {
    if (this.underWay === 0) this.end();
  }

  end(): void {
    this.socket.destroy();
  }
}

/**
 * Where the admin server's clients come in. They have a number of descriptors of their own and never more:
 * when one comes beyond that, the oldest one without a request goes, so that strangers who
 * connect and say nothing keep nobody out, neither the operator here nor clients of relays. Who has just come has
 * a moment for his request, so that strangers who come in crowds do not push him out: when nobody may
 * go, clients wait in the kernel's queue. Nobody waits for ever: a request has its time to be there, an
 * answer has one to be taken.
 *
 * At the limit of descriptors Bun's listener would spin. It is closed then, as whenever clients have to wait:
 * the socket stays open.
 */
export class AdminListener {
  /** Connections on which a request is to come. */
  readonly silent: Deadlines<AdminConnection>;
  /** Connections on which an answer is to be taken. */
  readonly taking = new Deadlines<AdminConnection>(TAKE_MS, (connection) => connection.end());
  private readonly connections = new Set<AdminConnection>();
  private server: Server | null = null;
  /** The socket that is listened on, while there is one of our own. */
  private listening: ListeningSocket | null = null;
  private looks: ReturnType<typeof setInterval> | null = null;
  /** Runs while all places are taken, and nobody may go. */
  private rest: ReturnType<typeof setTimeout> | null = null;
  private isOpening = false;
  /** Judges clients of a unix socket; null where it is none. */
  private judgePeer: JudgePeer | null = null;

  /**
   * @param silentMs a request has so long to be there, from the connection or the answer before
   * @param onConnection somebody has come in
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
   * @param unix what a unix socket gets, before anybody can connect
   * @returns the address that it really has
   * @throws with the system's `code`
   */
  async open(address: Address, unix: FileAccess): Promise<Address> {
    this.judgePeer = address.kind === "unix" ? peerJudge(address, unix) : null;
    if (process.platform !== "linux") {
      // Nobody else has any part of its file meanwhile.
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

  /** Closes it, and ends everybody. */
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
    // When it does not work out there is another look.
    else if (this.rest === null) this.resume().catch(() => {});
  }

  /** Accepts nobody: who comes waits in the kernel's queue. */
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

  /** Who comes has to wait, until there is a place or somebody may go. */
  private waitForPlace(): void {
    // Without a socket of our own a listener that was closed would be gone.
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

  /** Who somebody is, and whether he may ask; null for who is nobody's client. */
  private judge(socket: Socket): Judged | null {
    if (this.judgePeer !== null) return this.judgePeer(descriptorOf(socket));
    return { name: socket.remoteAddress ?? "unknown", refusal: null };
  }

  /** The oldest one of those that are worth the least, if that may go. */
  private get least(): AdminConnection | null {
    let least: AdminConnection | null = null;
    for (const connection of this.connections)
      if (least === null || connection.worth < least.worth) least = connection;
    return least?.mayGo ? least : null;
  }

  /** Makes room for somebody. @returns whether there is some */
  private makeRoom(): boolean {
    const { least } = this;
    if (least === null) return false;
    this.connections.delete(least);
    least.end();
    return true;
  }
}

/** A socket of Bun 1.4 has its descriptor where Node's has it. @returns −1 when it has none any more */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } };
  return handle?.fd ?? -1;
}
