import { renameSync } from "node:fs";
import type { SocketHandler, TCPSocketListener, UnixSocketListener } from "bun";
import { type Address, formatAddress } from "../../base/address.ts";
import { type FileAccess, madeForOwner, setSocketAccess } from "../../system/file-access.ts";
import { closeDescriptor, duplicate, setBacklog } from "../../system/libc.ts";
import { keepUrgentBytes, setBlocking } from "../../system/linux.ts";
import { removeSocketFile, removeStaleSocket } from "../../system/socket-file.ts";
import type { Held } from "../held.ts";
import { ListenError } from "../listen-error.ts";
import type { GivenSockets, SocketSettings } from "../listening-socket.ts";
import type { SocketsConduit } from "./conduit.ts";

/** A listener of Bun 1.4 with the member that its type file does not list. */
type BunListener = (TCPSocketListener<SocketsConduit> | UnixSocketListener<SocketsConduit>) & {
  fd: number;
};

/** Where a thread notes the descriptors that Bun does not close with it. */
type Notes = Pick<Held, "took" | "closed">;

const noNotes: Notes = { took() {}, closed() {} };

/**
 * A socket that is accepted on.
 *
 * Accepting can pause without losing anybody: the listening socket stays open through a duplicate of
 * its descriptor while Bun's listener is stopped, so that the kernel keeps completing connections
 * into its backlog, and a new Bun listener on it accepts them later.
 */
export class Acceptor {
  private handle: BunListener | null = null;
  /**
   * The same listening socket by another number, −1 where there is none: had from the beginning, as
   * there may be no descriptor left for it when accepting has to pause.
   */
  private spare = -1;
  private bound: Address;
  /** The path of its unix socket goes with it. That of a socket that was taken is whose it was. */
  private ownsPath = false;
  private backlog: number;

  /** @param held where descriptors are noted that outlive the thread; nowhere, where it is the process's own */
  constructor(
    private readonly wanted: Address,
    private readonly settings: SocketSettings,
    private readonly handlers: SocketHandler<SocketsConduit>,
    private readonly held: Notes = noNotes,
  ) {
    this.bound = wanted;
    this.backlog = settings.backlog;
  }

  /** The address that is really accepted on. */
  get address(): Address {
    return this.bound;
  }

  /** Accepts on a socket that listens already, and owns it from now on. */
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

  /** So many connections may wait in the kernel from now on. */
  queueUpTo(backlog: number): void {
    if (backlog === this.backlog) return;
    this.backlog = backlog;
    const descriptor = this.handle?.fd ?? this.spare;
    if (descriptor !== -1) setBacklog(descriptor, backlog);
  }

  /** Stops accepting; connections wait in the kernel's backlog. @returns whether that worked */
  pause(): boolean {
    if (this.handle === null) return this.spare !== -1;
    this.keepSpare(this.handle);
    if (this.spare === -1) return false;
    this.stopHandle(true);
    return true;
  }

  /** Accepts again what has waited. */
  resume(): void {
    if (this.handle !== null || this.spare === -1) return;
    const descriptor = this.spare;
    this.spare = -1;
    // Bun's own from now on.
    this.held.closed(descriptor);
    this.handle = this.listen({ fd: descriptor });
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
    const options = { ...where, socket: this.handlers, allowHalfOpen: true };
    const handle = Bun.listen<SocketsConduit>(options as never) as unknown as BunListener;
    // Bun asks for 512, and others for what they like.
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

  /** Bun unlinks a path that its listener has made when that stops; a paused one must keep it. */
  private stopHandle(keepPath: boolean): void {
    const { wanted: address } = this;
    const { handle } = this;
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

/** Whether there is a file of it: an abstract unix socket has none. */
function isPath(address: Address): boolean {
  return address.kind === "unix" && !address.path.startsWith("\0");
}

/** Renames a file, if that is possible: the path may be gone, or its folder not ours to write to. */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    return false;
  }
}
