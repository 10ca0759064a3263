import { connect as connectPlain, createServer as createPlainServer } from "node:net";
import { createServer, type TlsOptions as ServerOptions, type TLSSocket } from "node:tls";
import { authority, server as certificate } from "../../../test/fixtures/certificates.ts";
import type { TcpAddress } from "../../base/address.ts";
import type { TlsClientOptions } from "../../transport/tls/client-options.ts";

/** Options of a check that trusts the authority of {@link certificate}. */
export function tlsOptions(more: Partial<TlsClientOptions> = {}): TlsClientOptions {
  return {
    serverName: null,
    verify: true,
    ca: authority.cert,
    identity: null,
    alpn: [],
    startTls: "off",
    ...more,
  };
}

/** An upstream that speaks TLS, and records what it receives. */
export class TlsUpstream {
  /** What it received by TLS, from all connections. */
  received = "";
  /** The SNI of each connection; false if there was none. */
  readonly names: (string | false | null)[] = [];
  /** Connections that completed the handshake, and those that TLS closed properly. */
  shaken = 0;
  ended = 0;
  /** What went wrong with the others. */
  readonly errors: string[] = [];

  private constructor(
    readonly address: TcpAddress,
    private readonly server: { close(): void },
  ) {}

  /**
   * Listens on 127.0.0.1.
   *
   * @param behaviour what it does with a connection after the handshake
   * @param more options of node:tls
   */
  static async listen(
    behaviour: (socket: TLSSocket) => void,
    more: ServerOptions = {},
  ): Promise<TlsUpstream> {
    const server = createServer({ ...certificate, ...more });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", resolve);
    await promise;
    const { port } = server.address() as { port: number };
    const upstream = new TlsUpstream({ kind: "tcp", host: "127.0.0.1", port }, server);
    server.on("tlsClientError", (error) => void upstream.errors.push(String(error)));
    server.on("secureConnection", (socket) => {
      upstream.shaken++;
      upstream.names.push((socket as TLSSocket & { servername: string | false }).servername);
      socket.on("data", (data) => {
        upstream.received += data.toString("latin1");
      });
      socket.on("end", () => void upstream.ended++);
      socket.on("error", (error) => void upstream.errors.push(String(error)));
      behaviour(socket);
    });
    return upstream;
  }

  /** Answers everything with this. */
  static async saying(text: string | Uint8Array, more: ServerOptions = {}): Promise<TlsUpstream> {
    return await TlsUpstream.listen((socket) => {
      socket.on("data", () => socket.write(text));
    }, more);
  }

  close(): void {
    this.server.close();
  }
}

/**
 * The plaintext part of a Postgres in front of an upstream that speaks TLS: it reads the TLS
 * request of eight bytes, answers with one byte and passes on everything after that.
 */
export async function postgresDoor(behind: TlsUpstream) {
  const door = createPlainServer((client) => {
    client.on("error", () => {});
    client.once("data", () => {
      const upstream = connectPlain(behind.address.port, "127.0.0.1");
      upstream.on("error", () => client.destroy());
      upstream.once("connect", () => {
        client.write("S");
        client.pipe(upstream).pipe(client);
      });
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  door.listen(0, "127.0.0.1", resolve);
  await promise;
  const { port } = door.address() as { port: number };
  const address: TcpAddress = { kind: "tcp", host: "127.0.0.1", port };
  return { address, close: () => void door.close() };
}
