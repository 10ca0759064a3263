import type { SecureContext } from "node:tls";
import { HostNameTable } from "../../base/host-name-table.ts";
import type { TlsServerOptions } from "./server-options.ts";
import { wireAlpn } from "./wire-alpn.ts";

/** Not imported: only who ends TLS has to wait until it is loaded, and not every start. */
const tls = () => process.getBuiltinModule("node:tls");

/** As Bun.listen wants versions. */
const VERSIONS = { "1.2": 0x0303, "1.3": 0x0304 } as const;

/** One of the certificates; without a context it is the first one. */
interface Choice {
  readonly context: SecureContext | null;
}

/** What Bun 1.4 takes for the handle of a context, which its type file does not list. */
interface WithHandle {
  readonly context: object;
}

/**
 * What a listener shows its clients, ready for use: texts are parsed once and not for each client. Owner: a listener
 * of one worker; another one takes its place when certificates change.
 */
export class TlsServerContext {
  /** What Bun.listen and upgradeTLS take: the first certificate, and whether clients have to show one. */
  readonly options: Readonly<Record<string, unknown>>;
  private readonly table: HostNameTable<Choice>;

  constructor(readonly wanted: TlsServerOptions) {
    const { alpn, ca, certificates, ciphers, minVersion, verify } = wanted;
    const [first] = certificates;
    const shared = {
      ...(ca === null ? {} : { ca }),
      ...(ciphers === "" ? {} : { ciphers }),
    };
    this.options = {
      cert: first?.cert,
      key: first?.key,
      ...shared,
      minVersion: VERSIONS[minVersion],
      requestCert: verify !== "none",
      // Who shows a wrong one is turned away here, where it is counted, and not by a runtime in silence.
      rejectUnauthorized: false,
      ...(alpn.length === 0 ? {} : { ALPNProtocols: wireAlpn(alpn) }),
    };
    const others = certificates.slice(1).map((pair) => {
      // With the authorities, too: BoringSSL verifies clients by the context that was chosen last.
      const { cert, key, names } = pair;
      const version = `TLSv${minVersion}` as const;
      const context = tls().createSecureContext({ cert, key, ...shared, minVersion: version });
      return { context, names };
    });
    const all = [{ context: null, names: first?.names ?? [] }, ...others];
    this.table = new HostNameTable<Choice>(
      all.flatMap((choice) => choice.names.map((name) => [name, choice] as const)),
      null,
      "one",
    );
  }

  /** The context for the name that a client asks for, as Bun takes it; undefined for the first certificate. */
  contextFor(name: string): object | undefined {
    const context = this.table.findNamed(name)?.context as WithHandle | null | undefined;
    return context?.context;
  }
}
