import type { Socket, SocketHandler } from "bun";
import { formatAddress } from "../../base/address.ts";
import { TlsClientContext } from "../../transport/tls/client-context.ts";
import type { TlsClientOptions } from "../../transport/tls/client-options.ts";
import { refusalOfTls, requestFor } from "../../transport/tls/start-tls.ts";
import { upstreamFailure } from "../../transport/tls/upstream-failure.ts";
import { upstreamName } from "../../transport/tls/upstream-name.ts";
import { bunSocket } from "./bun-socket.ts";
import { Securing } from "./securing.ts";
import type { Attempt, AttemptOwner } from "./upstream-attempt.ts";

/** A socket of Bun 1.4 that speaks TLS, with the members that its type file does not list. */
interface TlsSocket extends Socket<Attempt> {
  setSession(session: Buffer): void;
}

/** The handlers of Bun 1.4 that its type file does not list, beside those of plain sockets. */
interface TlsHandlers<T> extends SocketHandler<T> {
  session(socket: unknown, session: Buffer): void;
}

/** What becomes of attempts: their connector. */
interface Dials {
  /** The handlers of connections in plain. */
  readonly handlers: SocketHandler<Attempt>;
  /** It has connected. @returns false if nobody wants it, and then it is closed */
  opened(socket: Socket<Attempt>): boolean;
  answered(attempt: Attempt, socket: Socket<Attempt>): void;
  /** Its TLS has failed. @param detail in words */
  unsecured(attempt: Attempt, detail: string): void;
  /** A connection that no conduit has was closed. */
  released(): void;
}

/**
 * Begins TLS on connections to upstreams.
 *
 *     nothing comes before it:  Bun.connect with TLS ─► handshake ─► answered
 *     something does:           connect ─► header, request ─► (S) ─► upgradeTLS ─► handshake ─► answered
 *
 * A conduit hears of the connection only when the upstream is the right one: a failure is one of its
 * dial. Owner: a connector.
 */
export class UpstreamTls {
  /** Handlers of connections with TLS, and of those that are still without. */
  readonly secured: SocketHandler<Attempt>;
  readonly early: SocketHandler<Attempt | null>;
  private readonly contexts = new WeakMap<TlsClientOptions, TlsClientContext>();

  constructor(private readonly dials: Dials) {
    this.secured = this.securedHandlers();
    this.early = this.earlyHandlers();
  }

  /** How TLS begins with the upstream that a conduit dials; null: not at all. */
  securing(conduit: AttemptOwner): Securing | null {
    const { upstreamAddress: address, upstreamTls: options } = conduit;
    if (options === null || address === null) return null;
    let context = this.contexts.get(options);
    if (context === undefined) {
      context = new TlsClientContext(options);
      this.contexts.set(options, context);
    }
    const name = upstreamName(options, address);
    const key = `${name} ${formatAddress(address)}`;
    return new Securing(context, name, key, conduit.headerForUpstream(), options.startTls);
  }

  private securedHandlers(): TlsHandlers<Attempt> {
    const { dials } = this;
    const { handlers } = dials;
    return {
      ...handlers,
      open: (socket) => {
        const { data: attempt } = socket;
        // It was opened before, if something came before TLS.
        if (attempt.shaking === null && !dials.opened(socket)) return;
        attempt.shaking = bunSocket(socket);
        const session = attempt.securing?.session;
        if (session !== undefined) (socket as TlsSocket).setSession(session);
      },
      handshake: (socket, isDone, error) => this.shaken(socket, isDone, error),
      session: (socket, session) => {
        (socket as TlsSocket).data.securing?.learned(session);
      },
      data: (socket, chunk) => {
        if (socket.data.shaking === null) handlers.data?.(socket, chunk as never);
      },
      end: (socket) => {
        if (socket.data.shaking === null) handlers.end?.(socket);
      },
      close: (socket, error) => {
        const { data: attempt } = socket;
        if (attempt.shaking === null) handlers.close?.(socket, error);
        else this.lost(attempt, error);
      },
    };
  }

  private shaken(socket: Socket<Attempt>, isDone: boolean, error: Error | null): void {
    const { data: attempt } = socket;
    const { conduit, securing } = attempt;
    if (conduit === null || securing === null) return;
    const { takesAny } = securing.context;
    // Of a certificate for another name Bun says that the handshake is not done, though it is.
    const isOver =
      isDone ||
      (takesAny &&
        (error as NodeJS.ErrnoException | null)?.code === "ERR_TLS_CERT_ALTNAME_INVALID");
    if (isOver && (takesAny || socket.authorized)) {
      attempt.shaking = null;
      securing.trust();
      this.dials.answered(attempt, socket);
    } else {
      this.dials.unsecured(attempt, upstreamFailure(error, securing.name));
    }
  }

  /** The connection was closed before the handshake was over. */
  private lost(attempt: Attempt, error: Error | undefined): void {
    attempt.shaking = null;
    this.dials.released();
    const why = error ?? Object.assign(new Error(), { code: "ECONNRESET" });
    this.dials.unsecured(attempt, upstreamFailure(why, attempt.securing?.name ?? ""));
  }

  /** Of a socket whose place one with TLS has taken, which has its attempt no more, nothing is heard. */
  private earlyHandlers(): SocketHandler<Attempt | null> {
    const { dials } = this;
    const { connectError, error } = dials.handlers;
    return {
      open: (socket) => {
        if (!dials.opened(socket as Socket<Attempt>)) return;
        const attempt = socket.data as Attempt;
        const { header, startTls } = attempt.securing as Securing;
        attempt.shaking = bunSocket(socket);
        const first = Buffer.concat([header, requestFor(startTls)]);
        // A new connection has room for all of it, unless it is already gone.
        if (socket.write(first) !== first.length) dials.unsecured(attempt, GONE);
        else if (startTls === "off") this.upgrade(socket, attempt);
      },
      ...(connectError === undefined ? {} : { connectError: connectError as never }),
      data: (socket, chunk) => this.asked(socket, chunk),
      drain: () => {},
      end: ({ data: attempt }) => {
        if (attempt !== null) dials.unsecured(attempt, GONE);
      },
      close: ({ data: attempt }, error) => {
        if (attempt !== null) this.lost(attempt, error);
      },
      ...(error === undefined ? {} : { error: error as never }),
    };
  }

  /** The upstream has answered the request for TLS. */
  private asked(socket: Socket<Attempt | null>, answer: Uint8Array): void {
    const { data: attempt } = socket;
    if (attempt === null || attempt.conduit === null) return;
    const refusal = refusalOfTls(answer);
    if (refusal === null) this.upgrade(socket, attempt);
    else this.dials.unsecured(attempt, refusal);
  }

  private upgrade(socket: Socket<Attempt | null>, attempt: Attempt): void {
    const { context, name } = attempt.securing as Securing;
    const options = { tls: context.optionsFor(name), data: attempt, socket: this.secured };
    // What it calls back from now on is the other socket's.
    socket.data = null;
    try {
      const [before, secure] = socket.upgradeTLS<Attempt>(options as never);
      (before as Socket<unknown>).data = null;
      if (attempt.isWanted) attempt.shaking = bunSocket(secure);
    } catch {
      // It has gone at this very moment.
      socket.data = attempt;
      this.dials.unsecured(attempt, GONE);
    }
  }
}

const GONE = "it closed the connection";
