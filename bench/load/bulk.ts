import { type Connection, type ConnectionOwner, openAll } from "./connection.ts";
import type { BulkSpec, Load, LoadResult } from "./load.ts";
import { pattern } from "./resp.ts";
import { Window } from "./window.ts";

/** Bytes of one block; the sink acknowledges each with one byte once it was read and compared. */
export const BLOCK_BYTES = 4 * 1024 * 1024;
/** Blocks on the way at the same time: enough that a stream never waits for an acknowledgement. */
const BLOCKS_IN_FLIGHT = 3;
/** What the sink answers when a block was right, and when it was not. */
export const RIGHT = 0x2b;
export const WRONG = 0x2d;

/** The block, the same at both ends. Its bytes differ along its length, so a shift is noticed. */
export function block(): Buffer {
  // Repeated, as computing all of it takes longer than starting a process.
  const part = pattern(64 * 1024 - 1);
  const whole = Buffer.alloc(BLOCK_BYTES);
  for (let at = 0; at < BLOCK_BYTES; at += part.length) part.copy(whole, at);
  return whole;
}

/** Streams from client to upstream, as fast as the proxy takes them; an operation is a block. */
export class BulkLoad implements Load, ConnectionOwner {
  private readonly block = block();
  private connections: Connection[] = [];
  /** When each stream's unacknowledged blocks were given to it, oldest first. */
  private sent: number[][] = [];
  private window: Window | null = null;
  private inFlight = 0;

  constructor(private readonly spec: BulkSpec) {}

  async connect(port: number): Promise<void> {
    this.connections = await openAll(this.spec.streams, port, this);
    this.sent = this.connections.map(() => []);
    await this.run(0);
  }

  run(ms: number): Promise<LoadResult> {
    const window = new Window(ms, () => `${this.inFlight} blocks were not acknowledged`);
    this.window = window;
    for (const connection of this.connections) {
      for (let i = 0; i < BLOCKS_IN_FLIGHT; i++) this.push(connection);
    }
    return window.result;
  }

  close(): void {
    for (const connection of this.connections) connection.close();
    this.connections = [];
  }

  received(connection: Connection, chunk: Buffer): void {
    const { window } = this;
    if (window === null) return;
    for (const byte of chunk) {
      if (byte !== RIGHT) {
        window.fail(`stream ${connection.index} did not arrive as sent`);
        return;
      }
      const now = performance.now();
      window.count(this.sent[connection.index]?.shift() ?? now, now);
      window.bytes += BLOCK_BYTES;
      this.inFlight--;
      if (now < window.endsAt) this.push(connection);
      else if (this.inFlight === 0) window.finish();
    }
  }

  lost(connection: Connection, why: string): void {
    this.window?.fail(`stream ${connection.index} was lost: ${why}`);
  }

  private push(connection: Connection): void {
    this.sent[connection.index]?.push(performance.now());
    this.inFlight++;
    connection.send(this.block);
  }
}
