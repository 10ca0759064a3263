import type { SocketHandler } from "bun";
import type { Address } from "../../base/address.ts";
import type { Backlog } from "../../memory/backlog.ts";
import { ANSWER_BYTES, type Copies } from "../../relay/mirror/copies.ts";
import { Copy, CopyPhase } from "../../relay/mirror/copy.ts";
import type { Descriptors } from "../../system/descriptors.ts";
import { unsentBytes } from "../../system/libc.ts";
import { SocketOption, setOption } from "../../system/linux.ts";
import { BunAttempt, connect } from "./attempt.ts";
import { type BunSocket, bunSocket, type OnDefect, recycle } from "./bun-socket.ts";
import type { DialWindow } from "./dial-window.ts";

/** One connection to a mirror, from the attempt to Bun's last callback. It may outlive its copy. */
class Link extends BunAttempt {
  socket: BunSocket<Link> | null = null;

  /** @param copy null once the copy has released the connection */
  constructor(public copy: SocketsCopy | null) {
    super();
  }

  get isWanted(): boolean {
    return this.copy !== null;
  }
}

/** The part of the engine that copies use. */
interface CopyHost {
  readonly descriptors: Descriptors;
  readonly handlers: SocketHandler<Link>;
  readonly window: DialWindow;
}

/** A copy on Bun's sockets. After a partial `write` it waits for `drain`. */
export class SocketsCopy extends Copy {
  private link: Link | null = null;

  constructor(
    copies: Copies,
    backlog: Backlog,
    private readonly host: CopyHost,
  ) {
    super(copies, backlog);
  }

  protected attempt(address: Address): void {
    const link = new Link(this);
    this.link = link;
    const { descriptors, handlers, window } = this.host;
    descriptors.opened(1);
    const { sourceAddresses = [] } = this.mirror.options;
    connect(link, address, handlers, window, sourceAddresses, STANDARD_ERROR);
  }

  /** Bun's `open`. */
  opened(descriptor: number): void {
    const isTcp = this.mirror.options.address.kind === "tcp";
    if (isTcp && process.platform === "linux") {
      setOption(descriptor, SocketOption.receiveLowWater, ANSWER_BYTES);
    }
    this.connected();
  }

  /** Bun's `connectError`. */
  refused(code: string): void {
    this.link = null;
    this.attemptFailed(code);
  }

  /** Bun's `drain`. */
  drained(): void {
    this.sendWaiting();
  }

  /** Bun's `end`: a FIN came. */
  ended(): void {
    this.sourceEnded();
  }

  /** Bun's `close` that the copy did not ask for. */
  closed(code: string): void {
    this.link = null;
    // After both FINs this is the regular end.
    if (this.phase === CopyPhase.Ended && code === "") this.sourceEnded();
    else this.gone(code);
  }

  protected write(bytes: Uint8Array): number {
    return this.link?.socket?.write(bytes) ?? -1;
  }

  protected sendWaiting(): void {
    const { backlog } = this;
    while (this.phase === CopyPhase.Open && backlog.size > 0) {
      const { first, firstSize, pool } = backlog;
      const start = pool.start[first] as number;
      const taken = this.write(pool.view(first).subarray(start, start + firstSize));
      if (taken < 0) this.gone("");
      else if (taken > 0) this.took(taken);
      if (taken < firstSize) return;
    }
  }

  protected sendFin(): void {
    this.link?.socket?.shutdown();
  }

  protected get unsent(): number {
    const socket = this.link?.socket;
    return socket ? unsentBytes(socket.fd) : 0;
  }

  protected close(isClean: boolean): void {
    const { link } = this;
    this.link = null;
    if (link !== null) {
      // Bun calls back before it returns; the copy must not hear of it.
      link.copy = null;
      if (link.socket === null) link.end();
      else if (isClean) link.socket.close();
      else link.socket.terminate();
    }
    this.released();
  }
}

/** An open descriptor, as {@link connect} needs one to find the next free number. */
const STANDARD_ERROR = 2;

/** Bun's handlers for connections to mirrors, whose answers are discarded. */
export function copyHandlers(descriptors: Descriptors, onDefect: OnDefect): SocketHandler<Link> {
  return {
    open: (socket) => {
      const { copy } = socket.data;
      if (copy === null) {
        socket.terminate();
        return;
      }
      const link = socket.data;
      if (link.metItself(socket)) {
        link.copy = null;
        copy.refused("ECONNREFUSED");
        socket.terminate();
        return;
      }
      link.socket = bunSocket(socket);
      copy.opened(link.socket.fd);
    },
    connectError: (socket, error) => {
      descriptors.closed(1);
      socket.data.copy?.refused(socket.data.codeOf(error));
    },
    data: (_socket, chunk) => recycle(chunk),
    drain: (socket) => {
      socket.data.copy?.drained();
    },
    end: (socket) => {
      socket.data.copy?.ended();
    },
    close: (socket, error) => {
      descriptors.closed(1);
      socket.data.copy?.closed((error as NodeJS.ErrnoException | undefined)?.code ?? "");
    },
    error: (_socket, error) => onDefect(error),
  };
}
