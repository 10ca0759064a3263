import type { Socket, SocketHandler } from "bun";

/** What a connection's owner wants to hear; the rest is done here. */
export interface ConnectionOwner {
  /** Bytes came. The chunk is the owner's to keep. */
  received(connection: Connection, chunk: Buffer): void;
  /** It ended although nobody here closed it. */
  lost(connection: Connection, why: string): void;
}

/** How a load speaks TLS. */
export interface LoadTls {
  /** The file of the certificate that is trusted. */
  readonly ca: string;
  /** Each connection resumes the session of an earlier one, if there is one. */
  readonly resumes: boolean;
}

/** What the connections of this process speak; a process is one load. */
let tls: { readonly ca: string; readonly resumes: boolean } | null = null;
/** The session that the server of each port has given first. */
const sessions = new Map<number, Buffer>();

/** From now on connections speak TLS. */
export async function speakTls({ ca, resumes }: LoadTls): Promise<void> {
  tls = { ca: await Bun.file(ca).text(), resumes };
}

/** A client's connection that sends all it is given and says so when it is lost. */
export class Connection {
  /** Bytes of the current answer that have come; the owner's. */
  offset = 0;
  /** When the current request was sent, in ms of `performance.now()`; the owner's. */
  sentAt = 0;
  private socket: Socket<Connection> | null = null;
  /** What the kernel did not take yet. */
  private rest: Buffer[] = [];
  private closing = false;
  private port = 0;
  /** It has shown the session of an earlier one. */
  private hasSession = false;
  /** Resolves when bytes may be sent. */
  private readonly ready = Promise.withResolvers<void>();

  constructor(
    /** Its number among the load's connections, from 0. */
    readonly index: number,
    private readonly owner: ConnectionOwner,
  ) {
    // Only who speaks TLS waits for it.
    this.ready.promise.catch(() => {});
  }

  /** Opens it to this port of 127.0.0.1. */
  async open(port: number): Promise<this> {
    this.port = port;
    await Bun.connect<Connection>({
      hostname: "127.0.0.1",
      port,
      data: this,
      socket: handlers,
      ...(tls === null ? {} : { tls: { ca: tls.ca, serverName: "localhost" } }),
    });
    if (tls !== null) await this.ready.promise;
    return this;
  }

  /** Sends all of it, now or as soon as the kernel takes it. The bytes must not change. */
  send(bytes: Buffer): void {
    if (this.rest.length > 0) this.rest.push(bytes);
    else this.write(bytes);
  }

  /** Bytes that the kernel has not taken. */
  get waiting(): number {
    return this.rest.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  /** Stops reading, or reads again. */
  setReading(isReading: boolean): void {
    if (isReading) this.socket?.resume();
    else this.socket?.pause();
  }

  /** Closes it in order; its owner hears nothing more. */
  close(): void {
    this.closing = true;
    this.socket?.end();
  }

  /** Cuts it with a RST; its owner hears nothing more. */
  reset(): void {
    this.closing = true;
    this.socket?.terminate();
  }

  /** Not for owners: what the socket reports. */
  opened(socket: Socket<Connection>): void {
    this.socket = socket;
    const session = sessions.get(this.port);
    if (tls?.resumes !== true || session === undefined) return;
    this.hasSession = true;
    tlsSocket(socket).setSession(session);
  }

  /** Not for owners: what the socket reports. */
  gotSession(session: Buffer): void {
    if (!sessions.has(this.port)) sessions.set(this.port, session);
  }

  /** Not for owners: what the socket reports. */
  secured(isResumed: boolean, why: string | null): void {
    if (why !== null) this.ready.reject(new Error(why));
    else if (this.hasSession && !isResumed) {
      this.ready.reject(new Error("its session was not resumed"));
    } else this.ready.resolve();
  }

  /** Not for owners: what the socket reports. */
  chunk(chunk: Buffer): void {
    if (!this.closing) this.owner.received(this, chunk);
  }

  /** Not for owners: what the socket reports. */
  drained(): void {
    const rest = this.rest;
    this.rest = [];
    for (const bytes of rest) this.send(bytes);
  }

  /** Not for owners: what the socket reports. */
  ended(why: string): void {
    this.ready.reject(new Error(why));
    if (this.closing) return;
    this.closing = true;
    this.owner.lost(this, why);
  }

  private write(bytes: Buffer): void {
    const written = this.socket?.write(bytes) ?? -1;
    if (written < 0) this.ended("it was closed while a request was being sent");
    else if (written < bytes.length) this.rest.push(bytes.subarray(written));
  }
}

/** What the type file of Bun 1.4 does not list. */
interface TlsSocket {
  setSession(session: Buffer): void;
  isSessionReused(): boolean;
}

function tlsSocket(socket: Socket<Connection>): TlsSocket {
  return socket as unknown as TlsSocket;
}

const handlers: SocketHandler<Connection, "buffer"> & {
  session(socket: Socket<Connection>, session: Buffer): void;
} = {
  handshake(socket, isDone, error) {
    const why = error?.message ?? "the handshake failed";
    const isRight = isDone && error === null;
    socket.data.secured(tlsSocket(socket).isSessionReused(), isRight ? null : why);
  },
  session(socket, session) {
    socket.data.gotSession(session);
  },
  open(socket) {
    socket.data.opened(socket);
  },
  data(socket, chunk) {
    socket.data.chunk(chunk);
  },
  drain(socket) {
    socket.data.drained();
  },
  end(socket) {
    socket.data.ended("the other end closed it");
    socket.end();
  },
  close(socket, error) {
    socket.data.ended(error?.message ?? "it was closed");
  },
  error(socket, error) {
    socket.data.ended(error.message);
  },
  connectError(socket, error) {
    socket.data.ended(error.message);
  },
};

/** Opens `count` connections, a few at a time so that no accept queue overflows. */
export async function openAll(
  count: number,
  port: number,
  owner: ConnectionOwner,
): Promise<Connection[]> {
  const connections: Connection[] = [];
  while (connections.length < count) {
    const size = Math.min(BATCH, count - connections.length);
    const first = connections.length;
    const batch = Array.from({ length: size }, (_, i) => new Connection(first + i, owner));
    connections.push(...batch);
    await Promise.all(batch.map((connection) => connection.open(port)));
  }
  return connections;
}

const BATCH = 100;
