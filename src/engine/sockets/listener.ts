import { renameSync } from "node:fs";
import type { SocketHandler, TCPSocketListener, UnixSocketListener } from "bun";
import { formatAddress } from "../../config/address.ts";
import { ipKind } from "../../config/ip.ts";
import type { Address, ListenerOptions } from "../../config/options.ts";
import { Deadlines } from "../deadlines.ts";
import { ListenError } from "../engine.ts";
import { closeDescriptor, duplicate, setBacklog } from "../libc.ts";
import { BACKLOG } from "../policy.ts";
import { RelayTimeouts } from "../relay-timeouts.ts";
import { removeSocketFile, removeStaleSocket } from "../socket-file.ts";
import type { Conduit } from "./conduit.ts";

/** A listener of Bun 1.4 with the member that its type file does not list. */
type BunListener = (TCPSocketListener<Conduit> | UnixSocketListener<Conduit>) & { fd: number };

/** Milliseconds after which a relay is worth the system calls that turn keep-alive on. */
const YOUNG_MS = 20_000;

/**
 * One address that is accepted on, with the timeouts of its relays.
 *
 * Accepting can pause without losing anybody: the listening socket stays open through a duplicate of
 * its descriptor while Bun's listener is stopped, so that the kernel keeps completing connections
 * into its backlog, and a new Bun listener on that descriptor accepts them later.
 */
export class Listener extends RelayTimeouts<Conduit> {
  /**
   * Relays too young for keep-alive, which does nothing before a minute of silence: eight system
   * calls less for each relay that is over by then.
   */
  readonly young: Deadlines<Conduit>;
  /** The upstreams whose host is an IP address. */
  readonly literals: ReadonlySet<Address>;
  private handle: BunListener | null = null;
  /** The listening descriptor while accepting is paused, else −1. */
  private held = -1;
  private bound: Address;

  constructor(
    options: ListenerOptions,
    private readonly handlers: SocketHandler<Conduit>,
    onDialTimeout: (conduit: Conduit) => void,
  ) {
    super(options, onDialTimeout);
    this.bound = options.address;
    this.literals = new Set(options.upstreams.filter(isLiteral));
    this.young = new Deadlines(YOUNG_MS, (conduit) => conduit.keepAlive());
  }

  /** The address that is really accepted on. */
  get address(): Address {
    return this.bound;
  }

  override forget(conduit: Conduit): void {
    super.forget(conduit);
    this.young.delete(conduit);
  }

  /** Binds and starts to accept. @throws ListenError */
  async open(): Promise<void> {
    const { address } = this.options;
    if (address.kind === "unix") await removeStaleSocket(address.path);
    try {
      this.handle = this.listen(
        address.kind === "unix"
          ? { unix: address.path }
          : { hostname: address.host, port: address.port },
      );
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "ENOTFOUND";
      throw new ListenError(address, code, `cannot listen on ${formatAddress(address)}: ${code}`);
    }
    if (address.kind === "tcp") {
      this.bound = { ...address, port: (this.handle as TCPSocketListener<Conduit>).port };
    }
  }

  /** Stops accepting; connections wait in the kernel's backlog. @returns whether that worked */
  pause(): boolean {
    if (this.handle === null) return this.held !== -1;
    const held = duplicate(this.handle.fd);
    if (held === -1) return false;
    this.held = held;
    this.stopHandle(true);
    return true;
  }

  /** Accepts again what has waited. */
  resume(): void {
    if (this.held === -1) return;
    this.handle = this.listen({ fd: this.held });
    this.held = -1;
  }

  /** Stops accepting for good. */
  close(): void {
    // What was never opened here may be the path of somebody else.
    const opened = this.handle !== null || this.held !== -1;
    if (this.held !== -1) {
      closeDescriptor(this.held);
      this.held = -1;
    }
    this.stopHandle(false);
    const { address } = this.options;
    if (opened && address.kind === "unix") removeSocketFile(address.path);
  }

  private listen(where: object): BunListener {
    const options = { ...where, socket: this.handlers, allowHalfOpen: true };
    const handle = Bun.listen<Conduit>(options as never) as unknown as BunListener;
    // Bun asks for 512.
    setBacklog(handle.fd, BACKLOG);
    return handle;
  }

  /** Bun unlinks a unix socket's path when its listener stops; a paused one must keep it. */
  private stopHandle(keepPath: boolean): void {
    const { address } = this.options;
    const { handle } = this;
    this.handle = null;
    if (!keepPath || !isPath(address)) {
      handle?.stop(false);
      return;
    }
    const aside = `${address.path}.${crypto.randomUUID()}`;
    const moved = renamed(address.path, aside);
    handle?.stop(false);
    if (moved) renamed(aside, address.path);
  }
}

function isLiteral(address: Address): boolean {
  return address.kind === "tcp" && ipKind(address.host) !== 0;
}

function isPath(address: Address): address is Address & { kind: "unix" } {
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
