import { type Connection, type ConnectionOwner, openAll } from "./connection.ts";
import type { Load, LoadResult, SlowSpec } from "./load.ts";
import { type Exchange, exchange } from "./resp.ts";
import { Window } from "./window.ts";

/** A slow reader reads one chunk, then nothing for this long. */
const REST_MS = 100;

/**
 * Clients that ask for far more than they read. What they have not read must wait somewhere; what a
 * good proxy does with it is nothing: it stops reading from the upstream.
 */
export class SlowLoad implements Load, ConnectionOwner {
  private readonly exchange: Exchange;
  private connections: Connection[] = [];
  private window: Window | null = null;
  /** The window's time is over. */
  private isLate = false;

  constructor(private readonly spec: SlowSpec) {
    this.exchange = exchange("get", spec.valueBytes, 1);
  }

  async connect(port: number): Promise<void> {
    this.connections = await openAll(this.spec.connections, port, this);
    const all = exchange("get", this.spec.valueBytes, this.spec.pipeline);
    for (const connection of this.connections) connection.send(all.request);
  }

  run(ms: number): Promise<LoadResult> {
    const window = new Window(ms, () => "the window of the slow readers did not end");
    this.window = window;
    this.isLate = false;
    setTimeout(() => {
      this.isLate = true;
      // On a busy machine a short window may end before anything was read.
      if (window.bytes > 0) window.finish();
    }, ms);
    return window.result;
  }

  close(): void {
    // With a RST: an orderly close would first have to read all that was asked for.
    for (const connection of this.connections) connection.reset();
    this.connections = [];
  }

  received(connection: Connection, chunk: Buffer): void {
    const { answer, request } = this.exchange;
    connection.setReading(false);
    setTimeout(() => connection.setReading(true), REST_MS);
    if (this.window !== null) this.window.bytes += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      const size = Math.min(chunk.length - at, answer.length - connection.offset);
      const to = connection.offset + size;
      if (chunk.compare(answer, connection.offset, to, at, at + size) !== 0) {
        this.window?.fail(`a slow reader got a wrong byte near ${connection.offset}`);
        return;
      }
      at += size;
      connection.offset = to % answer.length;
      if (connection.offset > 0) continue;
      if (this.window !== null) this.window.operations++;
      connection.send(request);
    }
    if (this.isLate) this.window?.finish();
  }

  lost(connection: Connection, why: string): void {
    this.window?.fail(`slow reader ${connection.index} was lost: ${why}`);
  }
}
