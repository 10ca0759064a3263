import { type Connection, type ConnectionOwner, openAll } from "./connection.ts";
import type { Load, LoadResult, RequestsSpec } from "./load.ts";
import { type Exchange, exchange } from "./resp.ts";
import { Window } from "./window.ts";

/**
 * A closed loop: each connection sends its requests, waits for their answers, and sends again.
 * Every byte of every answer is compared with the right one.
 */
export class RequestsLoad implements Load, ConnectionOwner {
  private readonly exchange: Exchange;
  private readonly sizePerBatch: number;
  private connections: Connection[] = [];
  private window: Window | null = null;
  /** Connections that wait for an answer. */
  private active = 0;

  constructor(private readonly spec: RequestsSpec) {
    this.exchange = exchange(spec.request, spec.valueBytes, spec.pipeline);
    this.sizePerBatch = this.exchange.request.length + this.exchange.answer.length;
  }

  async connect(port: number): Promise<void> {
    this.connections = await openAll(this.spec.connections, port, this);
    // One exchange each, so that every upstream connection stands before anything is measured.
    await this.run(0);
  }

  run(ms: number): Promise<LoadResult> {
    const window = new Window(ms, () => `${this.active} connections got no answer`);
    this.window = window;
    this.active = this.connections.length;
    for (const connection of this.connections) this.ask(connection, performance.now());
    return window.result;
  }

  /** One exchange on each of these connections, which another load owns. */
  prove(connections: readonly Connection[]): Promise<LoadResult> {
    this.connections = [...connections];
    return this.run(0);
  }

  close(): void {
    for (const connection of this.connections) connection.close();
    this.connections = [];
  }

  received(connection: Connection, chunk: Buffer): void {
    const { answer } = this.exchange;
    const from = connection.offset;
    const to = from + chunk.length;
    if (to > answer.length || chunk.compare(answer, from, to) !== 0) {
      this.window?.fail(`a wrong answer on connection ${connection.index} at byte ${from}`);
      return;
    }
    connection.offset = to;
    if (to === answer.length) this.answered(connection);
  }

  lost(connection: Connection, why: string): void {
    this.window?.fail(`connection ${connection.index} was lost: ${why}`);
  }

  private ask(connection: Connection, now: number): void {
    connection.offset = 0;
    connection.sentAt = now;
    connection.send(this.exchange.request);
  }

  private answered(connection: Connection): void {
    const { window } = this;
    if (window === null) return;
    const now = performance.now();
    for (let i = 0; i < this.spec.pipeline; i++) window.count(connection.sentAt, now);
    window.bytes += this.sizePerBatch;
    if (now < window.endsAt) this.ask(connection, now);
    else if (--this.active === 0) window.finish();
  }
}
