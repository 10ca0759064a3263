import { renameSync } from "node:fs";
import type { SocketHandler, TCPSocketListener, UnixSocketListener } from "bun";
import { type Address, formatAddress } from "../../base/address.ts";
import { type FileAccess, madeForOwner, setSocketAccess } from "../../system/file-access.ts";
import { closeDescriptor, duplicate, setBacklog } from "../../system/libc.ts";
import { keepUrgentBytes, setBlocking } from "../../system/linux.ts";
import { removeSocketFile, removeStaleSocket } from "../../system/socket-file.ts";
import type { TlsServerContext } from "../../transport/tls/server-context.ts";
import type { Held } from "../held.ts";
import { ListenError } from "../listen-error.ts";
import type { GivenSockets, SocketSettings } from "../listening-socket.ts";
import type { SocketsConduit } from "./conduit.ts";
import { overTls } from "./tls.ts";

/** A listener of Bun 1.4 with the member that its type file does not list. */
type BunListener = (TCPSocketListener<SocketsConduit> | UnixSocketListener<SocketsConduit>) & {
  fd: number;
};

/** Where a thread notes the descriptors that Bun does not close with it. */
type Notes = Pick<Held, "took" | "closed">;

const noNotes: Notes = { took() {}, closed() {} };

/**
 * A listening socket.
 *
 * Accepting can pause without losing a client: while Bun's listener is stopped, a duplicate of its
 * descriptor keeps the socket open. The kernel goes on completing connections into the backlog, and
 * a new Bun listener accepts them later.
 */
export class Acceptor {
  private handle: BunListener | null = null;
  /**
   * A duplicate of the listening socket's descriptor; −1 if there is none. It is made at the
   * beginning, because descriptors may have run out when accepting has to pause.
   */
  private spare = -1;
  private bound: Address;
  /** Closing removes the unix socket's file, unless the socket was taken from another owner. */
  private ownsPath = false;
  private backlog: number;

  /**
   * @param tls what clients are shown that begin with TLS; null where they do not
   * @param held notes descriptors that outlive the thread; not needed on the main thread
   */
  constructor(
    private readonly wanted: Address,
    private readonly settings: SocketSettings,
    private readonly handlers: SocketHandler<SocketsConduit>,
    private tls: TlsServerContext | null,
    private readonly held: Notes = noNotes,
  ) {
    this.bound = wanted;
    this.backlog = settings.backlog;
  }

  /** The bound address, with the port that the system chose. */
  get address(): Address {
    return this.bound;
  }

  /** Accepts on a socket that already listens, and owns it from now on. */
  take({ sockets: [{ descriptor, address }], areOwn }: GivenSockets): void {
    this.bound = address;
    this.ownsPath = areOwn && isPath(address);
    setBlocking(descriptor, false);
    this.handle = this.listen({ fd: descriptor });
  }

  /** Binds and starts to accept. @throws ListenError */
  async open(): Promise<void> {
    const { wanted: address } = this;
    if (address.kind === "unix") await removeStaleSocket(address.path);
    try {
      this.handle =
        address.kind === "unix"
          ? this.listenAt(address.path, this.settings.unix)
          : this.listen({ hostname: address.host, port: address.port });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "ENOTFOUND";
      throw new ListenError(address, code, `cannot listen on ${formatAddress(address)}: ${code}`);
    }
    this.ownsPath = isPath(address);
    if (address.kind === "tcp") {
      this.bound = { ...address, port: (this.handle as TCPSocketListener<SocketsConduit>).port };
    }
  }

  /** Sets how many connections may wait in the kernel. */
  queueUpTo(backlog: number): void {
    if (backlog === this.backlog) return;
    this.backlog = backlog;
    const descriptor = this.handle?.fd ?? this.spare;
    if (descriptor !== -1) setBacklog(descriptor, backlog);
  }

  /** Stops accepting; clients wait in the kernel's backlog. @returns false if it cannot pause */
  pause(): boolean {
    if (this.handle === null) return this.spare !== -1;
    this.keepSpare(this.handle);
    if (this.spare === -1) return false;
    this.stopHandle(true);
    return true;
  }

  /** Accepts again, those first that have waited. */
  resume(): void {
    if (this.handle !== null || this.spare === -1) return;
    const descriptor = this.spare;
    this.spare = -1;
    // From now on Bun owns it.
    this.held.closed(descriptor);
    this.handle = this.listen({ fd: descriptor });
  }

  /** Clients that are accepted from now on are shown something else, or nothing. */
  show(tls: TlsServerContext | null): void {
    if (tls === this.tls) return;
    this.tls = tls;
    if (this.handle !== null && this.pause()) this.resume();
  }

  /**
   * Stops accepting, and gives the socket away with its path.
   *
   * @throws ListenError when there is no descriptor left for that; then it still accepts
   */
  handOver(): GivenSockets {
    const { bound: address, ownsPath } = this;
    if (!this.pause()) {
      const where = formatAddress(address);
      throw new ListenError(address, "EMFILE", `cannot hand over ${where}: EMFILE`);
    }
    const descriptor = this.spare;
    this.spare = -1;
    this.held.closed(descriptor);
    this.ownsPath = false;
    return { sockets: [{ descriptor, address }], areOwn: ownsPath };
  }

  /** Stops accepting for good. */
  close(): void {
    if (this.spare !== -1) {
      this.held.closed(this.spare);
      closeDescriptor(this.spare);
      this.spare = -1;
    }
    this.stopHandle(false);
    const { wanted: address } = this;
    if (this.ownsPath && address.kind === "unix") removeSocketFile(address.path);
    this.ownsPath = false;
  }

  private listenAt(path: string, access: FileAccess): BunListener {
    const handle = madeForOwner(() => this.listen({ unix: path }));
    try {
      setSocketAccess(path, access);
    } catch (error) {
      handle.stop(true);
      throw error;
    }
    return handle;
  }

  private listen(where: object): BunListener {
    const { handlers, tls } = this;
    const secured = tls === null ? {} : { tls: tls.options };
    const socket = tls === null ? handlers : overTls(handlers, tls);
    const options = { ...where, ...secured, socket, allowHalfOpen: true };
    const handle = Bun.listen<SocketsConduit>(options as never) as unknown as BunListener;
    // Bun sets 512; a given socket has whatever its owner set.
    setBacklog(handle.fd, this.backlog);
    if (process.platform === "linux") keepUrgentBytes(handle.fd);
    this.keepSpare(handle);
    return handle;
  }

  private keepSpare({ fd }: BunListener): void {
    if (this.spare !== -1) return;
    this.spare = duplicate(fd);
    if (this.spare !== -1) this.held.took(this.spare);
  }

  /** When a listener stops, Bun unlinks the path that it made; a paused acceptor must keep it. */
  private stopHandle(keepPath: boolean): void {
    const { handle, wanted: address } = this;
    this.handle = null;
    if (!keepPath || !this.ownsPath || address.kind !== "unix") {
      handle?.stop(false);
      return;
    }
    const aside = `${address.path}.${crypto.randomUUID()}`;
    const moved = renamed(address.path, aside);
    handle?.stop(false);
    if (moved) renamed(aside, address.path);
  }
}

/** Whether the socket has a file: abstract unix sockets have none. */
function isPath(address: Address): boolean {
  return address.kind === "unix" && !address.path.startsWith("\0");
}

/** Renames a file. @returns false if it cannot: the path is gone, or its folder is not writable */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    return false;
  }
}
