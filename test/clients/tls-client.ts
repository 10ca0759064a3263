import { type Socket as NetSocket, connect as netConnect } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { authority } from "../fixtures/certificates.ts";

/** What a client shows and wants, beside what {@link TlsClient.open} knows. */
export interface TlsClientOptions extends ConnectionOptions {
  /** Sent before TLS. */
  readonly preamble?: string;
}

/** A client that speaks TLS, as programs on Node and Bun do. */
export class TlsClient {
  private received = "";
  private changed = Promise.withResolvers<void>();
  private isEnded = false;
  /** The newest session that the server has given. */
  session: Buffer | null = null;

  private constructor(
    readonly socket: TLSSocket,
    raw: NetSocket,
  ) {
    const notify = () => {
      this.changed.resolve();
      this.changed = Promise.withResolvers();
    };
    socket.on("data", (bytes: Buffer) => {
      this.received += bytes.toString("latin1");
      notify();
    });
    socket.on("session", (session: Buffer) => {
      this.session = session;
    });
    for (const end of [socket, raw]) {
      end.on("error", notify);
      end.on("close", () => {
        this.isEnded = true;
        notify();
      });
      end.on("end", () => {
        this.isEnded = true;
        notify();
      });
    }
  }

  /**
   * Connects and finishes the handshake as far as a client can.
   *
   * @throws Error when it fails, or the server's certificate is not the authority's for the name
   */
  static async open(port: number, options: TlsClientOptions = {}): Promise<TlsClient> {
    const { preamble, ...rest } = options;
    const raw = netConnect({ host: "127.0.0.1", port, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      raw.once("connect", resolve);
      raw.once("error", reject);
    });
    if (preamble !== undefined) raw.write(preamble);
    const socket = connect({
      socket: raw,
      ca: authority.cert,
      servername: "localhost",
      allowHalfOpen: true,
      ...rest,
    } as ConnectionOptions);
    const client = new TlsClient(socket, raw);
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("closed during the handshake")));
    });
    return client;
  }

  /** The common name of the certificate that the server has shown. */
  get shown(): string {
    const { CN } = this.socket.getPeerCertificate().subject;
    return typeof CN === "string" ? CN : "";
  }

  /** Sends a text and waits for as many characters. @throws Error when the connection ends before */
  async echo(text: string): Promise<string> {
    this.received = "";
    this.socket.write(text);
    while (this.received.length < text.length) {
      if (this.isEnded) throw new Error("the connection has ended");
      await this.changed.promise;
    }
    return this.received;
  }

  /** Waits until the server has ended the connection. */
  async ended(): Promise<void> {
    while (!this.isEnded) await this.changed.promise;
  }

  close(): void {
    this.socket.destroy();
  }
}
