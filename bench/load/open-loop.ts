import { type Connection, type ConnectionOwner, openAll } from "./connection.ts";
import type { Load, LoadResult, OpenLoopSpec } from "./load.ts";
import { exchange } from "./resp.ts";
import { Window } from "./window.ts";

/** Requests leave in one group per tick, as many as the rate asks for. */
const TICK_MS = 0.25;

/**
 * An open loop: requests are due at fixed times, whether or not earlier ones were answered, and an
 * answer's time counts from when its request was due. Thus a stall of the proxy is seen by all the
 * requests that fell into it, and a late generator is counted too instead of being hidden.
 */
export class OpenLoopLoad implements Load, ConnectionOwner {
  private readonly exchange = exchange("ping", 0, 1);
  private connections: Connection[] = [];
  /** When each connection's unanswered requests were due, oldest first. */
  private due: number[][] = [];
  private window: Window | null = null;
  private sent = 0;
  /** Requests of the whole window. */
  private total = 0;
  private next = 0;

  constructor(private readonly spec: OpenLoopSpec) {}

  async connect(port: number): Promise<void> {
    this.connections = await openAll(this.spec.connections, port, this);
    this.due = this.connections.map(() => []);
    this.sent = 0;
    this.total = this.spec.connections;
    const window = new Window(0, () => "the first requests got no answer");
    this.window = window;
    while (this.sent < this.total) this.ask(performance.now());
    await window.result;
  }

  run(ms: number): Promise<LoadResult> {
    const window = new Window(ms, () => `${this.sent - window.operations} answers did not come`);
    this.window = window;
    this.sent = 0;
    this.total = Math.max(1, Math.floor((ms / 1_000) * this.spec.perSecond));
    this.tick(window, 0);
    return window.result;
  }

  close(): void {
    for (const connection of this.connections) connection.close();
    this.connections = [];
  }

  received(connection: Connection, chunk: Buffer): void {
    const { answer } = this.exchange;
    const { window } = this;
    const due = this.due[connection.index];
    if (window === null || due === undefined) return;
    const now = performance.now();
    for (const byte of chunk) {
      if (byte !== answer[connection.offset]) {
        window.fail(`a wrong answer on connection ${connection.index}`);
        return;
      }
      connection.offset++;
      if (connection.offset < answer.length) continue;
      connection.offset = 0;
      window.count(due.shift() ?? now, now);
      window.bytes += answer.length + this.exchange.request.length;
    }
    if (window.operations === this.total) window.finish();
  }

  lost(connection: Connection, why: string): void {
    this.window?.fail(`connection ${connection.index} was lost: ${why}`);
  }

  /** Sends what is due by now, and asks to be called again when more is. */
  private tick(window: Window, first: number): void {
    const now = performance.now();
    let tick = first;
    for (; window.startedAt + tick * TICK_MS <= now; tick++) {
      const dueAt = window.startedAt + tick * TICK_MS;
      const count = Math.ceil(((tick + 1) * TICK_MS * this.spec.perSecond) / 1_000);
      while (this.sent < Math.min(count, this.total)) this.ask(dueAt);
    }
    if (this.sent >= this.total) return;
    // A timer would be up to a millisecond late, which is more than what is measured here: this
    // process asks for the time again and again instead, at the price of a whole core.
    setImmediate(() => this.tick(window, tick));
  }

  private ask(dueAt: number): void {
    const connection = this.connections[this.next];
    this.next = (this.next + 1) % this.connections.length;
    if (connection === undefined) return;
    this.due[connection.index]?.push(dueAt);
    this.sent++;
    connection.send(this.exchange.request);
  }
}
