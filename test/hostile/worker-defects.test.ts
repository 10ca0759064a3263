import { afterAll, expect, test } from "bun:test";
import type { Address } from "../../src/base/address.ts";
import { type ProcessClock, systemClock } from "../../src/base/clock.ts";
import { uringDefaults } from "../../src/config/defaults.ts";
import type { EngineName } from "../../src/config/options.ts";
import { Fleet } from "../../src/control/fleet.ts";
import { ThreadEngine } from "../../src/engine/thread/thread-engine.ts";
import { hearing, together } from "../../src/relay/observer.ts";
import { UpstreamTable } from "../../src/upstream/table.ts";
import { compiledWorker } from "../fixtures/compiled-worker.ts";
import { Death, Injection, placesOf } from "../fixtures/defects.ts";
import { End } from "../fixtures/end.ts";
import { noNames } from "../fixtures/engines.ts";
import { listener, plainMemory, rowed } from "../fixtures/options.ts";
import { closeWaiting, descriptorsSince, openDescriptors } from "../fixtures/proc.ts";
import { Recorder } from "../fixtures/recorder.ts";
import { Refusing } from "../fixtures/system.ts";
import { echo, sink, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onBothEngines, onEveryStage } from "./stages.ts";

// A worker meets a defect, anywhere, also while it recovers from another one: its clients know at once,
// another worker's never do, whoever comes is served, and nothing is left behind.

const url = await compiledWorker(new URL("../fixtures/injected-worker.ts", import.meta.url));
const anyPort: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };
/** Clients that stay. */
const RESIDENTS = 12;
const FOR_EVER = 1 << 30;
/** Threads that stand still are found after seven looks, more than what asking them takes. */
const LOOK_MS = 500;
/** The same where nothing is looked at before, as a thread that spins burns a processor until it is found. */
const EAGER_LOOK_MS = 200;
/** A place that is come to at all is come to in so many storms. */
const STORMS = 200;

/** A worker that failed because a test made it fail is replaced at once, however often that was. */
const impatient: ProcessClock = { ...systemClock, hold: (_ms, call) => systemClock.hold(0, call) };

/** A fleet whose workers go wrong where and when a test wants. */
class Stage {
  private readonly before = openDescriptors();
  readonly record = new Recorder();
  readonly upstream = Upstream.listen(anyPort, echo);
  readonly mirror = Upstream.listen(anyPort, sink);
  readonly words = new Int32Array(new SharedArrayBuffer(Injection.Size * 4));
  readonly fleet: Fleet;
  readonly table: UpstreamTable;
  /** By worker: the first relay of the one that runs now, by which it is known. */
  private readonly first: number[] = [];
  /** Clients that stay, each with an echo of 10 bytes; and clients that come and go. */
  readonly residents: End[] = [];
  private readonly passers: End[] = [];
  /** Whoever has been served. */
  private readonly guests: End[] = [];
  address: Address = anyPort;
  nobody: Address = anyPort;

  private constructor(
    name: EngineName,
    readonly workers: number,
    private readonly refusing: Refusing,
    lookMs: number,
  ) {
    this.table = new UpstreamTable(workers);
    this.table.openAll();
    const { memory: upstreams } = this.table;
    this.fleet = new Fleet(
      {
        name,
        workers,
        newWorker: (share, observer, onFailed) => {
          this.first[(share.first - 1) % workers] = share.first;
          const injection = this.words.buffer;
          const own = { memory: plainMemory, uring: uringDefaults, engineOf: name, injection };
          const birth = { ...own, share: { ...share, upstreams } };
          const options = { name, url, birth, onFailed, resolve: noNames, lookMs };
          return new ThreadEngine(options, observer);
        },
      },
      together([
        this.record,
        hearing({ workerFailed: ({ worker }) => this.table.forget(worker - 1) }),
      ]),
      impatient,
    );
  }

  /**
   * @param isMirrored copies to a mirror are made, which take their time to end
   * @param lookMs between two looks whether its workers stand still
   */
  static async begin(
    engine: EngineName,
    workers: number,
    { isMirrored = false, lookMs = LOOK_MS } = {},
  ): Promise<Stage> {
    const stage = new Stage(engine, workers, Refusing.open(), lookMs);
    const copies = { address: stage.mirror.address, bufferSize: 4096, percent: 100 };
    const mirror = isMirrored ? copies : null;
    const upstreams = [rowed(stage.upstream.address, 0)];
    stage.address = (await stage.fleet.listen(listener({ upstreams, mirror }))).address;
    const refusing = [rowed(stage.refusing.address, 1)];
    stage.nobody = (await stage.fleet.listen(listener({ upstreams: refusing }))).address;
    await stage.settle();
    return stage;
  }

  /** Whoever has come before leaves, and clients come that stay. What failed before is forgotten. */
  async settle(): Promise<void> {
    for (const end of [...this.residents.splice(0), ...this.passers.splice(0)]) end.reset();
    for (const end of this.guests.splice(0)) end.reset();
    await waitFor(() => this.fleet.stats().relays.running === 0, "whoever was there has left");
    const residents = Array.from({ length: RESIDENTS }, () => this.served());
    this.residents.push(...(await Promise.all(residents)));
    this.guests.length = 0;
    this.record.workersFailed.length = 0;
  }

  /** From now on so many calls of a place go wrong. @param worker 1, 2…, but none of its successors */
  inject(place: number, times: number, worker: number): void {
    this.words[Injection.Place] = place;
    this.mean(worker);
    this.words[Injection.Done] = 0;
    Atomics.store(this.words, Injection.Left, times);
  }

  /** The first worker meets its end in this way. */
  async die(death: Death): Promise<void> {
    this.mean(1);
    await this.provoke(death);
  }

  private mean(worker: number): void {
    this.words[Injection.Worker] = this.first[worker - 1] as number;
  }

  /** The first worker meets a defect of its own, beside what is injected. */
  async provoke(death = Death.Defect): Promise<void> {
    const { words } = this;
    Atomics.store(words, Injection.Fatal, death);
    const { workersFailed } = this.record;
    // What goes wrong may be a defect by itself.
    while (Atomics.load(words, Injection.Fatal) !== 0 && workersFailed.length === 0) {
      await this.storm();
    }
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
      if (!end.closed) {
        this.guests.push(end);
        return end;
      }
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
    for (const end of this.residents)
      if (!end.closed && !end.finSeen) end.offer({ seed: 5, total: 1 });
    const hangs = (end: End) =>
      !end.closed && !end.finSeen && end.receivedBytes === before.get(end);
    const left = () => [
      ...this.residents.filter(hangs),
      ...this.passers.filter((one) => !one.closed && !one.finSeen),
    ];
    await waitFor(
      () => left().length === 0,
      () => `nobody hangs: ${left().join("; ")}`,
    );
  }

  /** How many who stay know that they are to go. */
  get lost(): number {
    return this.residents.filter(({ closed, finSeen }) => closed || finSeen).length;
  }

  /** How many of those that stay each worker has. */
  async spread(): Promise<number[]> {
    const counts = Array<number>(this.workers).fill(0);
    for (const { id } of await this.fleet.relays()) (counts[(id - 1) % this.workers] as number)++;
    return counts;
  }

  /** Everything goes; then nothing may be left. */
  async end(): Promise<void> {
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

/** Whether a place is one of copies to a mirror. */
function needsMirror(name: string): boolean {
  return name.includes("Cop");
}

/**
 * The stage of one place after the other: a worker that failed has a successor, which is as good. So what is
 * left behind is seen at the end; `RINGWAY_DEFECTS=Class.method` tells whether it is of one place.
 */
class Theatre {
  private stage: Stage | null = null;
  private isMirrored = false;

  constructor(
    private readonly engine: EngineName,
    private readonly workers: number,
  ) {}

  /** Plays it with clients that stay, on a new stage after one that failed. */
  async play(name: string, act: (stage: Stage) => Promise<void>): Promise<void> {
    const isMirrored = needsMirror(name);
    if (isMirrored !== this.isMirrored) await this.close();
    this.isMirrored = isMirrored;
    const { stage } = this;
    if (stage !== null) await stage.settle();
    const played = stage ?? (await Stage.begin(this.engine, this.workers, { isMirrored }));
    this.stage = null;
    await act(played);
    this.stage = played;
  }

  async close(): Promise<void> {
    const { stage } = this;
    this.stage = null;
    await stage?.end();
  }
}

/** Telling is no reason for a worker to end. */
const telling = /^(Records\.|Reporter\.(on|flush|gather|send|untold|answer))/;

/** Of all places, those that each run tries: what the kernel, clocks and the control plane call, and telling. */
const usual =
  /^(Acceptor\.completed|Hall\.(accept|started|finished|decide)|Loop\.(completed|accept|turn|closeSocket|running)|Held\.(took|closing)|(Sockets|Uring|Completing)?Conduit\.(accept|dialed|sourceEnded|closed|finish|settle)|Lane\.(received|sent|start)|Ends\.(open|release)|UringEnd\.(receive|receiveCompleted|sendCompleted|promptSent|flush|close)|SocketsEnd\.(data|drained|send|turnEnded)|ChunkQueue\.keep|Chain\.push|Dialer\.(dial|answered|failed|attemptFailed)|Connector\.(begin|attempt|completed|release)|UringAttempt\.(begin|completed)|Queue\.(entry|enter|completion)|Memory\.refill|Alarms\.(set|run)|Deadlines\.(add|delete)|SocketsEngine\.(accept|running)|Turn\.event|Ledger\.(begins|ends)|Ending\.(begun|ended)|Arrival\.receive|UpstreamTable\.(enter|leave)|Copies\.begin|UringCopy\.attemptAnswered|Records\.(add|take)|Reporter\.(on|flush|flushWhenDue|answer|tell))$/;
const asked = process.env.RINGWAY_DEFECTS;
/** `RINGWAY_DEFECTS` tries the places that it matches, `.` all some 400 of an engine. */
const wanted = asked === undefined ? usual : new RegExp(asked);

/** Of the usual places, a worker that is alone meets a defect in each fourth. */
const ALONE_EVERY = 4;

/** A place, and its number. */
type Numbered = readonly [number: number, name: string];

/** @returns whether the place was come to at all */
async function meetsDefect(
  stage: Stage,
  [place, name]: Numbered,
  worker: number,
): Promise<boolean> {
  const mine = (await stage.spread())[worker - 1] ?? 0;
  stage.inject(place, 1, worker);
  for (let tries = 0; stage.done === 0 && tries < STORMS; tries++) await stage.storm();
  if (stage.heal() === 0) return false;
  await stage.nobodyHangs();
  const failed = () => stage.record.workersFailed.filter((one) => one.worker === worker).length;
  // Clients know before it is told.
  if (stage.lost > 1) await waitFor(() => failed() > 0, "the defect is told");
  expect(failed()).toBeLessThanOrEqual(telling.test(name) ? 0 : 1);
  // Without an end of the worker it is one relay at most that has one.
  if (failed() > 0) expect(stage.lost).toBe(mine);
  else expect(stage.lost).toBeLessThanOrEqual(1);
  await Promise.all(Array.from({ length: 8 }, () => stage.served()));
  return true;
}

/** The places that a run tries; those that need a mirror first. */
function placesToTry({ engine, workers }: { engine: EngineName; workers: number }) {
  const numbered = [...placesOf(engine).entries()].map(
    ([number, { name }]): Numbered => [number, name],
  );
  const tried = numbered
    .filter(([, name]) => wanted.test(name))
    // All that one worker shows beside two is that nobody else serves meanwhile.
    .filter((_, at) => workers > 1 || asked !== undefined || at % ALONE_EVERY === 0);
  return [true, false].flatMap((isWanted) =>
    tried.filter(([, name]) => needsMirror(name) === isWanted),
  );
}

onEveryStage("a defect anywhere", ({ engine, workers }) => {
  test(
    "ends its worker at most: nobody hangs, others never notice, nothing is left",
    async () => {
      const idle: string[] = [];
      const wrong: string[] = [];
      const theatre = new Theatre(engine, workers);
      const failed = (what: string) => (error: Error) =>
        void wrong.push(`${what}: ${error.message}`);
      for (const [at, place] of placesToTry({ engine, workers }).entries()) {
        const [, name] = place;
        // Each of the workers in turn.
        const worker = 1 + (at % workers);
        const meets = async (stage: Stage) => {
          if (!(await meetsDefect(stage, place, worker))) idle.push(name);
        };
        await theatre.play(name, meets).catch(failed(name));
      }
      await theatre.close().catch(failed("at the end"));
      expect(wrong).toEqual([]);
      // A place that nothing comes to shows nothing.
      if (asked === undefined) expect(idle).toEqual([]);
    },
    asked === undefined ? 300_000 : 3_600_000,
  );
});

/** What a worker does when it has met a defect, each of which goes wrong as often as it is tried. */
const steps: Readonly<Record<EngineName, readonly string[]>> = {
  uring: [
    "Loop.abandon",
    "Loop.tellFigures",
    "Acceptor.cancelAccepts",
    "Queue.enter",
    "Queue.completion",
    "Queue.close",
    "Queue.unregisterRing",
    "Held.closed",
    "Memory.forsake",
    "RelayStory.abandoned",
    "Ledger.ends",
    "Records.add",
    "Records.take",
    "Reporter.on",
    "Reporter.flush",
    "Reporter.tell",
    "Reporter.failed",
  ],
  sockets: [
    "SocketsEngine.abandon",
    "Hall.finished",
    "Acceptor.close",
    "Conduit.terminate",
    "SocketsConduit.closed",
    "Copies.cut",
    "Ledger.ends",
    "Records.add",
    "Records.take",
    "Reporter.on",
    "Reporter.flush",
    "Reporter.tell",
    "Reporter.failed",
  ],
};

onBothEngines("a defect of a clean-up", ({ engine, workers }) => {
  const theatre = new Theatre(engine, workers);
  afterAll(() => theatre.close());

  test.each(steps[engine])(
    "%s: what it was to let go is let go all the same",
    (step) => theatre.play(step, (stage) => failsToCleanUp(stage, engine, step)),
    60_000,
  );
});

async function failsToCleanUp(stage: Stage, engine: EngineName, step: string): Promise<void> {
  const [mine = 0] = await stage.spread();
  const places = placesOf(engine);
  const place = places.findIndex(({ name }) => name === step);
  expect(place).toBeGreaterThanOrEqual(0);
  stage.inject(place, FOR_EVER, 1);
  await stage.provoke();
  const { workersFailed } = stage.record;
  await waitFor(() => workersFailed.length > 0, "the defect is told");
  expect(stage.heal()).toBeGreaterThan(0);
  await waitFor(
    () => stage.lost === mine,
    () => `its ${mine} clients know, now ${stage.lost}`,
  );
  expect(workersFailed[0]?.worker).toBe(1);
  await stage.nobodyHangs();
  expect(stage.lost).toBe(mine);
  await Promise.all(Array.from({ length: 8 }, () => stage.served()));
}

/** How a thread can be worse than one that has met a defect. */
const deaths = [
  ["ends without a word", Death.Silent],
  ["runs for ever", Death.Spins],
  ["waits for ever", Death.Waits],
] as const;

/** Each of them takes seven looks to be found, so they go wrong beside each other, each in a fleet of its own. */
onBothEngines("a worker that cannot clean up", ({ engine, workers }) => {
  test("is found, ended and replaced, and nothing is left; a stop does not wait for it", async () => {
    const outcomes = await Promise.allSettled([
      ...deaths.map((death) => isReplaced(engine, workers, death)),
      isStopped(engine, workers),
    ]);
    const wrong = outcomes.flatMap((one, at) =>
      one.status === "fulfilled"
        ? []
        : [`as it ${deaths[at]?.[0] ?? "is stopped"}: ${one.reason.message}`],
    );
    expect(wrong).toEqual([]);
  }, 60_000);
});

async function isReplaced(
  engine: EngineName,
  workers: number,
  [, death]: (typeof deaths)[number],
): Promise<void> {
  const stage = await Stage.begin(engine, workers);
  const [mine = 0] = await stage.spread();
  const { record, fleet } = stage;
  await stage.die(death);
  if (death !== Death.Silent) {
    // Nobody who asks waits for it, and what it has is left out.
    const [theirs, acceptance] = await Promise.all([fleet.relays(), fleet.acceptance()]);
    expect(theirs.every(({ id }) => (id - 1) % workers !== 0)).toBe(true);
    expect(acceptance).toEqual({
      state: "absent",
      why: "worker 1 does not answer",
    });
    expect(fleet.stats().relays.accepted).toBeGreaterThanOrEqual(RESIDENTS);
  }
  await waitFor(() => record.workersFailed.length > 0, "it is told", 30_000);
  await waitFor(
    () => stage.lost === mine,
    () => `its ${mine} clients know, now ${stage.lost}`,
  );
  await waitFor(
    async () => (await fleet.acceptance()).state === "accepts",
    async () => `its successor accepts: ${(await fleet.acceptance()).why}`,
  );
  expect(record.workersFailed).toMatchObject([{ worker: 1, relays: expect.any(Number) }]);
  await stage.nobodyHangs();
  expect(stage.lost).toBe(mine);
  await Promise.all(Array.from({ length: 8 }, () => stage.served()));
  await stage.end();
}

async function isStopped(engine: EngineName, workers: number): Promise<void> {
  const stage = await Stage.begin(engine, workers, { lookMs: EAGER_LOOK_MS });
  await stage.die(Death.Spins);
  await stage.end();
}
