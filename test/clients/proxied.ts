import { expect } from "bun:test";
import type { Address } from "../../src/base/address.ts";
import { defaults, listenerDefaults, uringDefaults } from "../../src/config/defaults.ts";
import { plainUpstream } from "../../src/config/listeners.ts";
import { RunningProxy } from "../../src/control/proxy.ts";
import type { EngineStats } from "../../src/relay/ledger/stats.ts";
import { Recorder } from "../fixtures/recorder.ts";
import { waitFor } from "../fixtures/wait.ts";

/** A proxy in this process, as the listeners of a program are. */
export class Proxied implements AsyncDisposable {
  private constructor(
    private readonly proxy: RunningProxy,
    readonly record: Recorder,
    readonly port: number,
  ) {}

  /** Starts it in front of an upstream; port 0 picks one. */
  static async start(upstream: Address, port = 0): Promise<Proxied> {
    const record = new Recorder();
    const listener = {
      ...listenerDefaults,
      address: { kind: "tcp", host: "127.0.0.1", port },
      upstreams: [plainUpstream(upstream)],
    } as const;
    const { segmentSize, segmentCount, drainTimeoutMs } = defaults;
    const memory = { segmentSize, segmentCount };
    const options = {
      listeners: [listener],
      workers: 1,
      totalRelays: 0,
      memory,
      uring: uringDefaults,
      drainTimeoutMs,
      dnsServers: [],
    } as const;
    const proxy = await RunningProxy.start(options, record);
    const address = proxy.listeners[0]?.address;
    if (address?.kind !== "tcp") throw new Error("the proxy was told to listen on TCP");
    return new Proxied(proxy, record, address.port);
  }

  get stats(): EngineStats {
    return this.proxy.engine.stats();
  }

  /** Stops it; relays get so many milliseconds. */
  async stop(drainTimeoutMs: number): Promise<void> {
    await this.proxy.stop(drainTimeoutMs);
  }

  /** Waits until every relay has ended of its own accord. */
  async untilIdle(): Promise<void> {
    await waitFor(
      () => this.stats.relays.running === 0,
      async () => `all relays have ended: ${JSON.stringify(await this.proxy.engine.relays())}`,
    );
  }

  /** Nothing may be left: no relay, no segment, and every byte is accounted for. */
  expectNothingLeft(): void {
    const { relays, memory, up, down } = this.stats;
    expect(relays).toMatchObject({ running: 0, ended: relays.accepted });
    expect(memory.segmentsLeased).toBe(0);
    for (const flow of [up, down]) {
      const { receivedBytes, sentBytes, discardedBytes, lostBytes } = flow;
      expect(sentBytes + discardedBytes + lostBytes).toBe(receivedBytes);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(0);
  }
}
