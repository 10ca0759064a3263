import type { TlsClientContext } from "../../transport/tls/client-context.ts";
import type { StartTls } from "../../transport/tls/client-options.ts";

/** How TLS begins on one connection to an upstream. Owner: an attempt. */
export class Securing {
  /** A session that came before its upstream was verified. */
  private early: Buffer | null = null;
  private isTrusted = false;

  /**
   * @param name that the certificate must be issued for
   * @param key of its upstream's sessions
   * @param header what is sent first, in plain; may be empty
   */
  constructor(
    readonly context: TlsClientContext,
    readonly name: string,
    private readonly key: string,
    readonly header: Uint8Array,
    readonly startTls: StartTls,
  ) {}

  /** Nothing precedes the handshake. */
  get isAtOnce(): boolean {
    return this.header.length === 0 && this.startTls === "off";
  }

  /** The session to resume, if there is one. */
  get session(): Buffer | undefined {
    return this.context.sessionOf(this.key);
  }

  /** The upstream has given a session. */
  learned(session: Buffer): void {
    if (this.isTrusted) this.context.keep(this.key, session);
    else this.early = session;
  }

  /** The handshake is over, and its upstream is the right one. */
  trust(): void {
    this.isTrusted = true;
    if (this.early !== null) this.context.keep(this.key, this.early);
    this.early = null;
  }
}
