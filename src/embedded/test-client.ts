import type { Socket } from "bun";
import type { EmbeddedUpstreamAddress } from "./server.ts";

/** A raw client for tests: sends bytes, counts and keeps what arrives, waits for conditions. */
export class TestClient implements Disposable {
  /** What has arrived, as latin1 text; kept until `keepsText` is turned off. */
  received = "";
  receivedBytes = 0;
  keepsText = true;
  /** The upstream's FIN came. */
  ended = false;
  closed = false;
  private socket: Socket | undefined;
  private unsent: Buffer = Buffer.alloc(0);
  private waiting: (() => void)[] = [];

  static async connect(address: EmbeddedUpstreamAddress, paused = false): Promise<TestClient> {
    const client = new TestClient();
    const socket = {
      open: (opened: Socket) => {
        if (paused) opened.pause();
      },
      data: (_: Socket, chunk: Buffer) => client.take(chunk),
      drain: () => client.flush(),
      end: () => client.note(() => (client.ended = true)),
      close: () => client.note(() => (client.closed = true)),
      error: () => {},
    };
    client.socket = await ("unix" in address
      ? Bun.connect({ unix: address.unix, allowHalfOpen: true, socket })
      : Bun.connect({ ...address, allowHalfOpen: true, socket }));
    return client;
  }

  /** Sends text (one byte per character) or bytes, all of it, in order. */
  send(data: string | Buffer): void {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    this.unsent = Buffer.concat([this.unsent, bytes]);
    this.flush();
  }

  /** Bytes that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.unsent.length;
  }

  resume(): void {
    this.socket?.resume();
  }

  /** Sends FIN. */
  shutdown(): void {
    this.socket?.shutdown();
  }

  /** Sends RST. */
  reset(): void {
    this.socket?.terminate();
  }

  /** Resolves once `condition` holds, which is tested after every event of this client. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.waiting.push(resolve);
      await promise;
    }
  }

  /** Sends `data` and resolves once `reply` has arrived, and nothing else. */
  async ask(data: string, reply: string): Promise<void> {
    this.received = "";
    this.send(data);
    await this.until(() => this.received.length >= reply.length || this.closed);
    if (this.received !== reply) throw new Error(`got ${JSON.stringify(this.received)}`);
  }

  [Symbol.dispose](): void {
    this.socket?.terminate();
  }

  private take(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    if (this.keepsText) this.received += chunk.toString("latin1");
    this.note(() => {});
  }

  private flush(): void {
    const taken = this.socket?.write(this.unsent) ?? 0;
    if (taken > 0) this.unsent = this.unsent.subarray(taken);
    this.note(() => {});
  }

  private note(change: () => void): void {
    change();
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
