import type { Address } from "../../base/address.ts";
import type { Side } from "../../base/reason.ts";
import type { DialAttempt, Dialer, Dialing } from "../../relay/dialer.ts";
import type { TlsClientOptions } from "../../transport/tls/client-options.ts";
import { BunAttempt } from "./attempt.ts";
import type { BunSocket } from "./bun-socket.ts";
import type { SocketsEnd } from "./end.ts";
import type { Securing } from "./securing.ts";

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
  /** How TLS begins with the upstream that is being dialled; null: not at all. */
  readonly upstreamTls: TlsClientOptions | null;
  /** The PROXY header for it; empty if it gets none. */
  headerForUpstream(): Uint8Array;
  closed(side: Side, isBroken: boolean): void;
}

/** The dialer of this engine's conduits. */
export type SocketsDialer = Dialer<SocketsEnd, Attempt, AttemptOwner>;

/**
 * One connection to an upstream, from the attempt to the last callback.
 *
 *     connecting ─► answered                                  in plain
 *     connecting ─► (header, request for TLS) ─► handshake ─► answered
 *
 * `Bun.connect` cannot be cancelled. When an attempt is no longer wanted (the client left, it timed
 * out, another attempt was faster), its conduit forgets it. The kernel ends it at once if its
 * descriptor is known. Otherwise it holds its descriptor, which {@link Descriptors} counts, until
 * the kernel gives up (about two minutes); if it connects, it is reset. One that has connected, and
 * whose handshake is not over, is reset at once.
 */
export class Attempt extends BunAttempt implements DialAttempt {
  /** How TLS begins; null: not at all. */
  securing: Securing | null = null;
  /** Its connection, as long as the handshake is not over. */
  shaking: BunSocket<unknown> | null = null;

  /** @param conduit its owner; null once the attempt was abandoned or has failed */
  constructor(
    private readonly connector: { begin(attempt: Attempt): void },
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
    this.hangUp();
  }

  /** Resets its connection if the handshake is not over. Bun calls `close` before this returns. */
  hangUp(): void {
    const { shaking } = this;
    this.shaking = null;
    shaking?.terminate();
  }
}
