import type { SecureContext } from "node:tls";
import type { TlsClientOptions } from "./client-options.ts";
import { wireAlpn } from "./wire-alpn.ts";

/** Not imported: only who begins TLS has to wait until it is loaded, and not every start. */
const tls = () => process.getBuiltinModule("node:tls");

/** More of them are for names that are no longer used. */
const SESSIONS_MAX = 1_000;

/** What Bun 1.4 takes for the handle of a context, which its type file does not list. */
interface WithHandle {
  readonly context: object;
}

/**
 * How TLS to some upstreams begins, ready for use: texts are parsed once and not for each dial. Owner: an engine
 * of one thread, as long as the options are in use.
 *
 * It keeps the newest session of each upstream and name, so that the next handshake costs less. A session is never
 * used for another upstream or name, nor with other options.
 */
export class TlsClientContext {
  private readonly handle: object;
  private readonly alpn: Buffer | null;
  private readonly sessions = new Map<string, Buffer>();

  constructor(private readonly wanted: TlsClientOptions) {
    const { alpn, ca, identity } = wanted;
    const context: SecureContext = tls().createSecureContext({
      ...(ca === null ? {} : { ca }),
      ...identity,
    });
    this.handle = (context as unknown as WithHandle).context;
    this.alpn = alpn.length === 0 ? null : wireAlpn(alpn);
  }

  /** What Bun.connect and upgradeTLS take. @param name that the certificate must be issued for */
  optionsFor(name: string): Readonly<Record<string, unknown>> {
    return {
      secureContext: this.handle,
      serverName: name,
      // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED=0 would override the default.
      rejectUnauthorized: this.wanted.verify,
      ...(this.alpn === null ? {} : { ALPNProtocols: this.alpn }),
    };
  }

  /** Whether an upstream that has shown a wrong certificate, or one for another name, is taken all the same. */
  get takesAny(): boolean {
    return !this.wanted.verify;
  }

  /** The newest session of an upstream. @param key its name and its address */
  sessionOf(key: string): Buffer | undefined {
    return this.sessions.get(key);
  }

  /** Its upstream was verified, and may resume this session. */
  keep(key: string, session: Buffer): void {
    this.sessions.delete(key);
    this.sessions.set(key, session);
    if (this.sessions.size <= SESSIONS_MAX) return;
    for (const oldest of this.sessions.keys()) {
      this.sessions.delete(oldest);
      return;
    }
  }
}
