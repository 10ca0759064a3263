import { describe, expect, test } from "bun:test";
import { type Address, formatAddress } from "../../src/base/address.ts";
import { uringDefaults } from "../../src/config/defaults.ts";
import type { EngineName } from "../../src/config/options.ts";
import { EngineChoices } from "../../src/control/engine-choices.ts";
import { Engines } from "../../src/control/engines.ts";
import { Fleet } from "../../src/control/fleet.ts";
import { choose } from "../../src/engine/select.ts";
import { ThreadEngine } from "../../src/engine/thread/thread-engine.ts";
import { probe } from "../../src/engine/uring/probe.ts";
import { hearing, together } from "../../src/relay/observer.ts";
import { UpstreamTable } from "../../src/upstream/table.ts";
import { End } from "../fixtures/end.ts";
import { noNames } from "../fixtures/engines.ts";
import { FATAL_BYTES, SILENT_BYTES } from "../fixtures/failing-worker.ts";
import { listener, plainMemory, rowed } from "../fixtures/options.ts";
import { Recorder } from "../fixtures/recorder.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// A worker of one of two engines is lost: the relays of the other engine never notice, and what the
// lost one had counted is taken back, no more and no less.

const hasBoth = process.platform === "linux" && choose("auto", probe()).name === "uring";
const url = new URL("../fixtures/failing-worker.ts", import.meta.url);
const anyPort: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };
const ENGINES = ["uring", "sockets"] as const;

/** Both engines with workers that go wrong when they are told to, in front of an echo. */
class Pair implements AsyncDisposable {
  readonly record = new Recorder();
  readonly upstream = Upstream.listen(anyPort, echo);
  readonly table: UpstreamTable;
  readonly engines: Engines;
  readonly clients: End[] = [];
  private readonly places = new Map<EngineName, Address>();

  constructor(readonly workers: number) {
    this.table = new UpstreamTable(2 * workers);
    this.table.openAll();
    this.engines = new Engines(
      {
        workers,
        newEngine: ({ name }, { workersBefore, firstRelay, sharing }, observer) =>
          new Fleet(
            {
              name,
              workers,
              workersBefore,
              firstRelay,
              newWorker: (share, shared, onFailed) => {
                const worker = workersBefore + ((share.first - 1) % workers);
                const place = { worker, workers: 2 * workers };
                const own = { ...share, place, sharing, upstreams: this.table.memory };
                const born = { memory: plainMemory, uring: uringDefaults, engine: name };
                const birth = { ...born, share: own };
                return new ThreadEngine({ name, url, birth, onFailed, resolve: noNames }, shared);
              },
            },
            observer,
          ),
      },
      new EngineChoices(uringDefaults),
      together([
        this.record,
        hearing({ workerFailed: ({ worker }) => this.table.forget(worker - 1) }),
      ]),
    );
  }

  async begin(): Promise<void> {
    for (const [row, engine] of ENGINES.entries()) {
      const upstreams = [rowed(this.upstream.address, row)];
      const listening = await this.engines.listen(listener({ engine, upstreams }));
      this.places.set(engine, listening.address);
    }
  }

  /** A client of a listener, who has got an echo. */
  async connect(engine: EngineName): Promise<End> {
    const end = await End.connect(this.places.get(engine) as Address);
    this.clients.push(end);
    await echoed(end);
    return end;
  }

  /** What stories call a listener. */
  nameOf(engine: EngineName): string {
    return formatAddress(this.places.get(engine) as Address);
  }

  /** Relays that are counted for the upstream of each listener. */
  get counted(): number[] {
    return ENGINES.map((_, row) => this.table.running(row));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.reset();
    await this.engines.stop(0);
    this.upstream.close();
  }
}

async function echoed(end: End): Promise<void> {
  const before = end.receivedBytes;
  end.offer({ seed: 1, total: 100 });
  await waitFor(() => end.receivedBytes === before + 100, "an echo");
}

describe.skipIf(!hasBoth).each([1, 2])("of two engines with %i worker(s) each", (workers) => {
  test.each([
    ["a defect", FATAL_BYTES],
    ["no word", SILENT_BYTES],
  ])(
    "one worker ends with %s",
    async (_, bytes) => {
      await using pair = new Pair(workers);
      await pair.begin();
      for (const [index, engine] of ENGINES.entries()) {
        const other = ENGINES[1 - index] as EngineName;
        const untouched = [await pair.connect(other), await pair.connect(other)];
        const ill = await pair.connect(engine);
        ill.offer({ seed: 2, total: bytes });
        await waitFor(() => pair.record.workersFailed.length === index + 1, "it is told");
        const [failed] = pair.record.workersFailed.slice(-1);
        const first = index * workers;
        expect(failed?.worker).toBeGreaterThan(first);
        expect(failed?.worker).toBeLessThanOrEqual(first + workers);
        for (const end of untouched) await echoed(end);
        // Whoever comes is served, on both.
        const next = [await pair.connect(engine), await pair.connect(other)];
        const lost = () => pair.engines.stats().relays.reasons.worker_failed;
        await waitFor(() => lost() === index + 1, "its relay is counted");
        const running = await pair.engines.relays();
        expect(new Set(running.map(({ id }) => id)).size).toBe(running.length);
        const byListener = ENGINES.map((one) => {
          return running.filter(({ listener: name }) => name === pair.nameOf(one)).length;
        });
        expect(pair.counted).toEqual(byListener);
        for (const end of [...untouched, ...next]) end.finish();
        await waitFor(() => pair.counted.every((count) => count === 0), "all are gone");
      }
      expect((await pair.engines.acceptance()).state).toBe("accepts");
    },
    30_000,
  );
});
