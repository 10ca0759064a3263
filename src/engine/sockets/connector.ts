import type { SocketHandler } from "bun";
import type { Address } from "../../base/address.ts";
import { Side } from "../../base/reason.ts";
import type { DialAttempt, Dialer, Dialing } from "../../relay/dialer.ts";
import type { Descriptors } from "../../system/descriptors.ts";
import { ownShortage } from "../../system/dial-reason.ts";
import { BunAttempt, connect } from "./attempt.ts";
import { bunSocket, type OnDefect } from "./bun-socket.ts";
import type { DialWindow } from "./dial-window.ts";
import type { SocketsEnd } from "./end.ts";
import type { Turn } from "./turn.ts";

/** The part of a conduit that its attempts and connection use. */
export interface AttemptOwner extends Dialing<SocketsEnd> {
  readonly listener: Dialing<SocketsEnd>["listener"] & {
    readonly options: { readonly sourceAddresses: readonly string[] };
  };
  readonly clientSocket: SocketsEnd;
  readonly upstreamSocket: SocketsEnd;
  readonly down: {
    /** The upstream has sent FIN. */
    sourceEnded(): void;
  };
  closed(side: Side, isBroken: boolean): void;
}

/** The dialer of this engine's conduits. */
export type SocketsDialer = Dialer<SocketsEnd, Attempt, AttemptOwner>;

/**
 * One connection to an upstream, from the attempt to the last callback.
 *
 * `Bun.connect` cannot be cancelled. When an attempt is no longer wanted (the client left, it timed
 * out, another attempt was faster), its conduit forgets it. The kernel ends it at once if its
 * descriptor is known. Otherwise it holds its descriptor, which {@link Descriptors} counts, until
 * the kernel gives up (about two minutes); if it connects, it is reset.
 */
export class Attempt extends BunAttempt implements DialAttempt {
  /** @param conduit its owner; null once the attempt was abandoned or has failed */
  constructor(
    private readonly connector: Connector,
    public conduit: AttemptOwner | null,
    readonly address: Address,
  ) {
    super();
  }

  get isWanted(): boolean {
    return this.conduit !== null;
  }

  begin(): void {
    this.connector.begin(this);
  }

  abandon(): void {
    this.conduit = null;
    this.end();
  }
}

/** Connects to upstreams and passes the events of their sockets to the conduits. */
export class Connector {
  private readonly handlers: SocketHandler<Attempt>;

  constructor(
    private readonly descriptors: Descriptors,
    private readonly turn: Turn,
    private readonly onDefect: OnDefect,
    private readonly window: DialWindow,
    private readonly onStarved: () => void,
    private readonly dialer: SocketsDialer,
  ) {
    this.handlers = this.makeHandlers();
  }

  /** Begins an attempt, unless it was abandoned. */
  begin(attempt: Attempt): void {
    const { conduit } = attempt;
    if (conduit === null) return;
    this.descriptors.opened(1);
    const { sourceAddresses } = conduit.listener.options;
    const anyOpen = conduit.clientSocket.socket?.fd ?? -1;
    connect(attempt, attempt.address, this.handlers, this.window, sourceAddresses, anyOpen);
  }

  private failed(attempt: Attempt, code: string): void {
    const { conduit } = attempt;
    attempt.conduit = null;
    if (conduit !== null) this.dialer.attemptFailed(conduit, attempt, code);
  }

  private makeHandlers(): SocketHandler<Attempt> {
    const { turn, descriptors } = this;
    return {
      open: (socket) => {
        turn.event();
        const { data: attempt } = socket;
        const { conduit } = attempt;
        if (conduit === null) {
          socket.terminate();
          return;
        }
        if (attempt.metItself(socket)) {
          this.failed(attempt, "ECONNREFUSED");
          socket.terminate();
          return;
        }
        attempt.succeeded();
        this.dialer.answered(conduit, attempt, conduit.upstreamSocket.open(bunSocket(socket)));
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
      error: (_socket, error) => this.onDefect(error),
    };
  }
}
