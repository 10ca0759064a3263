import type { Socket, SocketHandler } from "bun";
import { type Reason, Side } from "../../base/reason.ts";
import type { Descriptors } from "../../system/descriptors.ts";
import { dialReason, ownShortage } from "../../system/dial-reason.ts";
import { connect } from "./attempt.ts";
import { bunSocket, isTlsError, type OnDefect } from "./bun-socket.ts";
import type { DialWindow } from "./dial-window.ts";
import { Tls } from "./end.ts";
import type { Turn } from "./turn.ts";
import type { Attempt, SocketsDialer } from "./upstream-attempt.ts";
import { UpstreamTls } from "./upstream-tls.ts";

/** Connects to upstreams and passes the events of their sockets to the conduits. */
export class Connector {
  readonly handlers: SocketHandler<Attempt>;
  private readonly tls: UpstreamTls;

  constructor(
    private readonly descriptors: Descriptors,
    private readonly turn: Turn,
    private readonly onDefect: OnDefect,
    private readonly window: DialWindow,
    private readonly onStarved: () => void,
    private readonly dialer: SocketsDialer,
  ) {
    this.handlers = this.makeHandlers();
    this.tls = new UpstreamTls(this);
  }

  /** Begins an attempt, unless it was abandoned. */
  begin(attempt: Attempt): void {
    const { conduit } = attempt;
    if (conduit === null) return;
    this.descriptors.opened(1);
    const { sourceAddresses: sources } = conduit.listener.options;
    const anyOpen = conduit.clientSocket.socket?.fd ?? -1;
    const securing = this.tls.securing(conduit);
    attempt.securing = securing;
    const at = [this.window, sources, anyOpen] as const;
    if (securing === null) {
      connect(attempt, attempt.address, this.handlers, ...at);
    } else if (securing.isAtOnce) {
      const options = securing.context.optionsFor(securing.name);
      connect(attempt, attempt.address, this.tls.secured, ...at, options);
    } else {
      connect(attempt, attempt.address, this.tls.early as SocketHandler<Attempt>, ...at);
    }
  }

  opened(socket: Socket<Attempt>): boolean {
    this.turn.event();
    const { data: attempt } = socket;
    if (attempt.conduit === null) {
      socket.terminate();
      return false;
    }
    if (attempt.metItself(socket)) {
      this.failed(attempt, "ECONNREFUSED");
      socket.terminate();
      return false;
    }
    attempt.succeeded();
    return true;
  }

  answered(attempt: Attempt, socket: Socket<Attempt>): void {
    const { conduit, securing } = attempt;
    if (conduit === null) return;
    const tls = securing === null ? Tls.None : Tls.Spoken;
    const upstream = conduit.upstreamSocket.open(bunSocket(socket), tls);
    this.dialer.answered(conduit, attempt, upstream);
  }

  unsecured(attempt: Attempt, detail: string): void {
    this.turn.event();
    this.failed(attempt, detail, "upstream_tls_failed");
  }

  released(): void {
    this.descriptors.closed(1);
  }

  /** @param detail the code of its failure, or words */
  private failed(attempt: Attempt, detail: string, reason: Reason = dialReason(detail)): void {
    const { conduit } = attempt;
    attempt.conduit = null;
    attempt.hangUp();
    if (conduit !== null) this.dialer.attemptFailed(conduit, attempt, detail, reason);
  }

  private makeHandlers(): SocketHandler<Attempt> {
    const { turn, descriptors } = this;
    return {
      open: (socket) => {
        if (this.opened(socket)) this.answered(socket.data, socket);
      },
      connectError: (socket, error) => {
        turn.event();
        descriptors.closed(1);
        const code = socket.data.codeOf(error);
        if (ownShortage(code) === "descriptor_limit") this.onStarved();
        this.failed(socket.data, code);
      },
      data: (socket, chunk) => {
        socket.data.conduit?.upstreamSocket.data(chunk);
      },
      drain: (socket) => {
        socket.data.conduit?.upstreamSocket.drained();
      },
      end: (socket) => {
        turn.event();
        socket.data.conduit?.down.sourceEnded();
      },
      close: (socket, error) => {
        turn.event();
        const { conduit } = socket.data;
        if (conduit === null) descriptors.closed(1);
        else conduit.closed(Side.Upstream, error !== undefined);
      },
      error: ({ data: attempt }, error) => {
        if (!isTlsError(error)) this.onDefect(error);
        else attempt.conduit?.upstreamSocket.broke();
      },
    };
  }
}
