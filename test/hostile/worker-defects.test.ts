import { afterEach, describe, expect, test } from "bun:test";
import { type Address, type EngineName, uringDefaults } from "../../src/config/options.ts";
import { Fleet } from "../../src/control/fleet.ts";
import { ThreadEngine } from "../../src/engine/thread/thread-engine.ts";
import { together } from "../../src/observe/together.ts";
import { UpstreamTable } from "../../src/upstream/table.ts";
import { listener, plainMemory, rowed } from "../contract/scene.ts";
import { INJECTED, Injection, placesOf } from "../fixtures/defects.ts";
import { End } from "../fixtures/end.ts";
import { noNames } from "../fixtures/engines.ts";
import { closeWaiting, descriptorsSince, openDescriptors } from "../fixtures/proc.ts";
import { Recorder } from "../fixtures/recorder.ts";
import { Refusing } from "../fixtures/system.ts";
import { echo, sink, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onEveryStage } from "./stages.ts";

// A worker meets a defect, anywhere, also while it recovers from another one: its clients know at once,
// another worker's never do, whoever comes is served, and nothing is left behind.

const url = new URL("../fixtures/injected-worker.ts", import.meta.url);
const anyPort: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };
/** Clients that stay. */
const RESIDENTS = 12;
const FOR_EVER = 1 << 30;
/** All places, not every n-th only. */
const wanted = new RegExp(process.env["RINGWAY_DEFECTS"] ?? "");

/** A fleet whose workers go wrong where and when a test wants. */
class Stage implements AsyncDisposable {
  private readonly before = openDescriptors();
  readonly record = new Recorder();
  readonly upstream = Upstream.listen(anyPort, echo);
  readonly mirror = Upstream.listen(anyPort, sink);
  readonly words = new Int32Array(new SharedArrayBuffer(Injection.Size * 4));
  readonly fleet: Fleet;
  readonly table: UpstreamTable;
  /** Clients that stay, each with an echo of 10 bytes; and clients that come and go. */
  readonly residents: End[] = [];
  private readonly passers: End[] = [];
  address: Address = anyPort;
  nobody: Address = anyPort;

  private constructor(
    name: EngineName,
    readonly workers: number,
    private readonly refusing: Refusing,
  ) {
    this.table = new UpstreamTable(workers);
    this.table.openAll();
    const { memory: upstreams } = this.table;
    this.fleet = new Fleet(
      {
        name,
        workers,
        newWorker: (share, observer, onFailed) => {
          const injection = this.words.buffer;
          const own = { memory: plainMemory, uring: uringDefaults, engineOf: name, injection };
          const birth = { ...own, share: { ...share, upstreams } };
          return new ThreadEngine({ name, url, birth, onFailed, resolve: noNames }, observer);
        },
      },
      together([this.record, { workerFailed: (worker: number) => this.table.forget(worker - 1) }]),
    );
  }

  static async begin(engine: EngineName, workers: number): Promise<Stage> {
    const stage = new Stage(engine, workers, Refusing.open());
    const mirror = { address: stage.mirror.address, bufferSize: 4096, percent: 100 };
    const upstreams = [rowed(stage.upstream.address, 0)];
    stage.address = (await stage.fleet.listen(listener({ upstreams, mirror }))).address;
    const refusing = [rowed(stage.refusing.address, 1)];
    stage.nobody = (await stage.fleet.listen(listener({ upstreams: refusing }))).address;
    const residents = Array.from({ length: RESIDENTS }, () => stage.served());
    stage.residents.push(...(await Promise.all(residents)));
    return stage;
  }

  /** From now on so many calls of a place go wrong. @param worker 0 for any */
  inject(place: number, times: number, worker = 0): void {
    this.words[Injection.Place] = place;
    this.words[Injection.Worker] = worker;
    this.words[Injection.Done] = 0;
    Atomics.store(this.words, Injection.Left, times);
  }

  /** Nothing goes wrong any more. @returns how often it has */
  heal(): number {
    Atomics.store(this.words, Injection.Left, 0);
    return this.done;
  }

  get done(): number {
    return Atomics.load(this.words, Injection.Done);
  }

  /** A client that has got an echo. @throws Error when it gets none though it is not closed either */
  async served(): Promise<End> {
    for (let tries = 0; tries < 100; tries++) {
      const end = await End.connect(this.address).catch(() => null);
      if (end === null) continue;
      end.offer({ seed: 1, total: 10 });
      await waitFor(
        () => end.closed || end.receivedBytes >= 10,
        () => `a client is served or closed: ${end}`,
      );
      if (!end.closed) return end;
    }
    throw new Error("a hundred clients in a row are closed");
  }

  /** All that clients do, once. */
  async storm(): Promise<void> {
    const connect = (address: Address) =>
      End.connect(address, (end) => {
        this.passers.push(end);
      }).catch(() => null);
    const { address, nobody } = this;
    const [finishing, resetting, bulky] = await Promise.all(
      [address, address, address, nobody].map(connect),
    );
    finishing?.offer({ seed: 3, total: 10 }).finish();
    bulky?.offer({ seed: 4, total: 300_000 }).finish();
    resetting?.offer({ seed: 5, total: 10 });
    await Bun.sleep(1);
    resetting?.reset();
    void this.fleet.relays();
    void this.fleet.acceptance();
    await Bun.sleep(1);
  }

  /** Whoever stays is closed or served, and whoever was to leave has left. */
  async nobodyHangs(): Promise<void> {
    const before = new Map(this.residents.map((end) => [end, end.receivedBytes]));
    for (const end of this.residents) if (!end.closed) end.offer({ seed: 5, total: 1 });
    const hangs = (end: End) => !end.closed && end.receivedBytes === before.get(end);
    const left = () => [
      ...this.residents.filter(hangs),
      ...this.passers.filter((one) => !one.closed),
    ];
    await waitFor(
      () => left().length === 0,
      () => `nobody hangs: ${left().join("; ")}`,

    );
  }

  /** How many who stay are closed. */
  get lost(): number {
    return this.residents.filter(({ closed }) => closed).length;
  }

  /** How many of those that stay each worker has. */
  async spread(): Promise<number[]> {
    const counts = Array<number>(this.workers).fill(0);
    for (const { id } of await this.fleet.relays()) (counts[(id - 1) % this.workers] as number)++;
    return counts;
  }

  /** Everything goes; then nothing may be left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.heal();
    const { address } = this;
    for (const client of [...this.residents, ...this.passers]) client.reset();
    await this.fleet.stop(0);
    this.upstream.close();
    this.mirror.close();
    this.refusing.close();
    await waitFor(
      () => descriptorsSince(this.before) === "",
      () => `nothing is left open: ${descriptorsSince(this.before)}`,
    );
    if (address.kind === "tcp") expect(closeWaiting(address.port)).toBe(0);
  }
}

/** Telling is no reason for a worker to end. */
function isTelling(name: string): boolean {
  return /^(Records\.|Teller\.(relay|dial|pool|accept|route|mirror|flush|gather|send|untold|answer))/.test(
    name,
  );
}

onEveryStage("a defect anywhere", ({ engine, workers }) => {
  test("ends its worker at most: nobody hangs, others never notice, and nothing is left", async () => {
    const places = await placesOf(engine);
    const idle: string[] = [];
    const wrong: string[] = [];
    for (const [number, { name }] of places.entries()) {
      if (!wanted.test(name)) continue;
      try {
        if (!(await meetsDefect(engine, workers, number, name))) idle.push(name);
      } catch (error) {
        wrong.push(`${name}: ${(error as Error).message}`);
      }
    }
    expect(wrong).toEqual([]);
    console.log(engine, workers, places.length, "idle:", idle.join(" "));
  }, 600_000);
});

/** @returns whether the place was come to at all */
async function meetsDefect(
  engine: EngineName,
  workers: number,
  place: number,
  name: string,
): Promise<boolean> {
  await using stage = await Stage.begin(engine, workers);
  const [mine = 0] = await stage.spread();
  stage.inject(place, 1, 1);
  for (let tries = 0; stage.done === 0 && tries < 40; tries++) await stage.storm();
  if (stage.heal() === 0) return false;
  await stage.nobodyHangs();
  const { workersFailed } = stage.record;
  // Clients know before it is told.
  if (stage.lost > 1) await waitFor(() => workersFailed.length > 0, "the defect is told");
  expect(workersFailed.length).toBeLessThanOrEqual(isTelling(name) ? 0 : 1);
  if (workersFailed.length > 0) expect(stage.lost).toBe(mine);
  else expect(stage.lost).toBeLessThanOrEqual(1);
  await Promise.all(Array.from({ length: 8 }, () => stage.served()));
  return true;
}
