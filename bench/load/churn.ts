import { Connection, type ConnectionOwner } from "./connection.ts";
import type { ChurnSpec, Load, LoadResult } from "./load.ts";
import { type Exchange, exchange } from "./resp.ts";
import { Window } from "./window.ts";

/** Short lives: connect, one PING, its answer, close; each counts as one operation. */
export class ChurnLoad implements Load, ConnectionOwner {
  private readonly exchange: Exchange = exchange("ping", 0, 1);
  private port = 0;
  private window: Window | null = null;
  private active = 0;

  constructor(private readonly spec: ChurnSpec) {}

  async connect(port: number): Promise<void> {
    this.port = port;
    await this.run(0);
  }

  run(ms: number): Promise<LoadResult> {
    const window = new Window(ms, () => `${this.active} short connections did not finish`);
    this.window = window;
    this.active = this.spec.concurrency;
    for (let i = 0; i < this.spec.concurrency; i++) this.begin(i);
    return window.result;
  }

  close(): void {
    this.window = null;
  }

  received(connection: Connection, chunk: Buffer): void {
    const { answer, request } = this.exchange;
    const { window } = this;
    const to = connection.offset + chunk.length;
    if (to > answer.length || chunk.compare(answer, connection.offset, to) !== 0) {
      window?.fail("a short connection got a wrong answer");
      return;
    }
    connection.offset = to;
    if (to < answer.length || window === null) return;
    const now = performance.now();
    connection.close();
    window.count(connection.sentAt, now);
    window.bytes += request.length + answer.length;
    if (now < window.endsAt) this.begin(connection.index);
    else if (--this.active === 0) window.finish();
  }

  lost(_: Connection, why: string): void {
    this.window?.fail(`a short connection was lost: ${why}`);
  }

  private begin(index: number): void {
    const connection = new Connection(index, this);
    connection.sentAt = performance.now();
    connection.open(this.port).then(
      () => connection.send(this.exchange.request),
      (error: Error) => this.window?.fail(`a short connection was refused: ${error.message}`),
    );
  }
}
