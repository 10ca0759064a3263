import { type Connection, type ConnectionOwner, openAll } from "./connection.ts";
import type { IdleSpec, Load, LoadResult } from "./load.ts";
import { RequestsLoad } from "./requests.ts";
import { Window } from "./window.ts";

/**
 * Connections that exist and say nothing. Connecting proves each with one PING, so that it stands
 * through the proxy to the upstream; a window in which one of them is lost fails.
 */
export class IdleLoad implements Load, ConnectionOwner {
  private connections: Connection[] = [];
  private readonly prover: RequestsLoad;
  private window: Window | null = null;

  constructor(private readonly spec: IdleSpec) {
    const { connections } = spec;
    this.prover = new RequestsLoad({
      kind: "requests",
      connections,
      request: "ping",
      valueBytes: 0,
      pipeline: 1,
    });
  }

  async connect(port: number): Promise<void> {
    this.connections = await openAll(this.spec.connections, port, this);
    await this.prover.prove(this.connections);
  }

  async run(ms: number): Promise<LoadResult> {
    const window = new Window(ms, () => "the idle window did not end");
    this.window = window;
    setTimeout(() => window.finish(), ms);
    const result = await window.result;
    const { operations, bytes, latency } = await this.prover.prove(this.connections);
    return { operations, bytes, latency, seconds: result.seconds };
  }

  close(): void {
    for (const connection of this.connections) connection.close();
    this.connections = [];
  }

  received(connection: Connection, chunk: Buffer): void {
    this.prover.received(connection, chunk);
  }

  lost(connection: Connection, why: string): void {
    this.window?.fail(`idle connection ${connection.index} was lost: ${why}`);
    this.prover.lost(connection, why);
  }
}
