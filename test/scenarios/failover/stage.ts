import type { TcpAddress } from "../../../src/base/address.ts";
import { listenerDefaults, uringDefaults } from "../../../src/config/defaults.ts";
import { plainUpstream } from "../../../src/config/listeners.ts";
import type { EngineName, HealthOptions } from "../../../src/config/options.ts";
import { RunningProxy } from "../../../src/control/proxy.ts";
import type { UpstreamView } from "../../../src/control/upstream-view.ts";
import { History } from "../../../src/observe/history.ts";
import { LogObserver } from "../../../src/observe/log.ts";
import type { UpstreamEvent } from "../../../src/relay/events.ts";
import type { RelaySummary } from "../../../src/relay/ledger/stats.ts";
import { hearing, together } from "../../../src/relay/observer.ts";
import { checkOptions } from "../../../src/upstream/health/test-redis.ts";
import { listener, plainMemory } from "../../fixtures/options.ts";
import { inParallel, waitFor } from "../../fixtures/wait.ts";
import { Resident, type ShortConnections } from "./load.ts";
import { RedisProcess } from "./redis-process.ts";

const check = checkOptions({
  kind: "redis",
  intervalMs: 200,
  fastIntervalMs: 50,
  // More than a busy machine stands still: nobody else may be found down.
  timeoutMs: 1_000,
  jitter: 0.1,
  rise: 2,
  fall: 2,
});

/** Within this the checks have found out: an interval, and what so many checks may take. */
export const FALL_MS =
  check.intervalMs * (1 + check.jitter) + check.fall * (check.timeoutMs + check.fastIntervalMs);

const SLOW_START_MS = 400;

const health: HealthOptions = {
  ...listenerDefaults.health,
  check,
  ejection: { failures: 3, withinMs: 10_000, baseMs: 400, mostMs: 2_000 },
  slowStartMs: SLOW_START_MS,
};

/** What became of an upstream, and when that was told. */
export type TimedEvent = UpstreamEvent & { readonly at: number };

/** An upstream that is down, from then on until then; in milliseconds since 1970. */
export interface Closed {
  readonly upstream: string;
  readonly from: number;
  readonly until: number;
}

/** A proxy in front of three Redis, and clients that come and go, and some that stay. */
export class Stage implements AsyncDisposable {
  readonly events: TimedEvent[] = [];
  /** Lines of the log. */
  readonly lines: string[] = [];
  readonly workersFailed: string[] = [];
  /** Relays that have ended with an answer, by their upstream. */
  readonly served = new Map<string, number>();
  readonly redises: RedisProcess[] = [];
  readonly residents: Resident[] = [];
  load: ShortConnections | null = null;
  /** An upstream that nobody may be given to, and relays that were, as far as they have ended. */
  closed: Closed | null = null;
  readonly trespassers: RelaySummary[] = [];
  private proxy: RunningProxy | null = null;

  static async open(engine: EngineName, workers: number): Promise<Stage> {
    const stage = new Stage();
    try {
      await stage.begin(engine, workers);
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
    return stage;
  }

  private async begin(engine: EngineName, workers: number): Promise<void> {
    for (let count = 0; count < 3; count++) this.redises.push(await RedisProcess.start());
    const upstreams = this.redises.map(({ address }) => plainUpstream(address));
    const listeners = [listener({ name: "cache", engine, upstreams, health })];
    const memory = plainMemory;
    const options = { workers, totalRelays: 0, memory, uring: uringDefaults };
    const write = (line: string) => void this.lines.push(line);
    const logger = { level: 3, debug: write, info: write, warn: write, error: write };
    const log = new LogObserver(logger as never, new History(1));
    this.proxy = await RunningProxy.start(
      { ...options, listeners, drainTimeoutMs: 0, dnsServers: [] },
      together([
        log,
        hearing({
          upstreamChanged: (event) => this.events.push({ ...event, at: performance.now() }),
          relayEnded: ({ relay }) => this.count(relay),
          workerFailed: ({ error }) => this.workersFailed.push(error),
        }),
      ]),
    );
    await waitFor(() => this.views.every(({ lastCheck }) => lastCheck !== null), "all are checked");
  }

  get running(): RunningProxy {
    if (this.proxy === null) throw new Error("the proxy runs");
    return this.proxy;
  }

  get address(): TcpAddress {
    return this.running.listeners[0]?.address as TcpAddress;
  }

  get views(): readonly UpstreamView[] {
    return this.running.upstreams.views();
  }

  view({ name }: RedisProcess): UpstreamView {
    const found = this.views.find(({ upstream }) => upstream === name);
    if (found === undefined) throw new Error(`${name} is an upstream`);
    return found;
  }

  /** So many clients come to stay. */
  async settle(count: number): Promise<void> {
    await inParallel(count, count, async () => {
      this.residents.push(await Resident.connect(this.address));
    });
  }

  /** Which residents live at which upstream. */
  async homes(): Promise<Map<string, Resident[]>> {
    const upstreams = new Map(
      (await this.running.engine.relays()).map(({ client, upstream }) => [
        client,
        upstream ?? "none",
      ]),
    );
    const there = this.residents.filter(({ lostBecause }) => lostBecause === null);
    return Map.groupBy(there, ({ name }) => upstreams.get(name) ?? "unknown");
  }

  servedBy({ name }: RedisProcess): number {
    return this.served.get(name) ?? 0;
  }

  /** What was told of an upstream since some moment. */
  told({ name }: RedisProcess, since: number): TimedEvent[] {
    return this.events.filter(({ upstream, at }) => upstream === name && at >= since);
  }

  /** Whether a relay was given to an upstream that was told to be down before. */
  isTrespasser({ upstream, startedAt }: RelaySummary): boolean {
    const { closed } = this;
    if (closed === null || upstream !== closed.upstream) return false;
    return startedAt > closed.from && startedAt < closed.until;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.load?.stop();
    for (const resident of this.residents) resident.leave();
    await this.proxy?.stop(0);
    for (const redis of this.redises) await redis[Symbol.asyncDispose]();
  }

  private count(relay: RelaySummary): void {
    if (this.isTrespasser(relay)) this.trespassers.push(relay);
    const { upstream, down } = relay;
    if (upstream === null || down.sentBytes === 0) return;
    this.served.set(upstream, (this.served.get(upstream) ?? 0) + 1);
  }
}
