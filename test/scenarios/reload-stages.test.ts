import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { standingOf } from "../../src/admin/standing.ts";
import { listenersOf } from "../../src/admin/state.ts";
import { type Address, formatAddress, type TcpAddress } from "../../src/base/address.ts";
import { listenerDefaults, uringDefaults } from "../../src/config/defaults.ts";
import { plainUpstream } from "../../src/config/listeners.ts";
import type {
  EdgeOptions,
  EngineName,
  ProxyOptions,
  WantedListener,
} from "../../src/config/options.ts";
import { RunningProxy } from "../../src/control/proxy.ts";
import type { LookUpParts } from "../../src/control/services.ts";
import type { Part } from "../../src/control/stage.ts";
import { StoppedError } from "../../src/control/stopped-error.ts";
import { parseNetwork } from "../../src/entry/access/networks.ts";
import { SLOTS_MAX } from "../../src/upstream/table.ts";
import { End } from "../fixtures/end.ts";
import { listener, plainMemory } from "../fixtures/options.ts";
import { descriptorsSince, openDescriptors } from "../fixtures/proc.ts";
import { type Random, seeded } from "../fixtures/random.ts";
import { Recorder } from "../fixtures/recorder.ts";
import { polite, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { stages } from "../hostile/stages.ts";

// Reloads that fail, each at another part: after each of them everything is what it was, and what was wanted can
// be had. `RINGWAY_RELOADS=1000` tries more of them, `RINGWAY_STAGES=all` all of them on each engine.

setDefaultTimeout(120_000);

const ROUNDS = Number(process.env.RINGWAY_RELOADS ?? 14);
const wantsAll = process.env.RINGWAY_STAGES === "all";

const folder = mkdtempSync(join(tmpdir(), "ringway-stages-"));
const networks = join(folder, "networks.txt");

/** Upstreams that greet by their letters. */
const upstreams = new Map(
  Array.from("abcd", (letter) => {
    const greets = (end: End) => {
      polite(end);
      end.send(letter);
    };
    return [letter, Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, greets)];
  }),
);
const letterOf = new Map(
  Array.from(upstreams, ([letter, { address }]) => [formatAddress(address), letter]),
);
/** Somebody else's. */
const busy = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, () => {});

const running: RunningProxy[] = [];

async function start(options: ProxyOptions): Promise<RunningProxy> {
  const proxy = await RunningProxy.start(options, new Recorder(), undefined, lookUp);
  running.push(proxy);
  return proxy;
}

afterEach(async () => {
  for (const proxy of running.splice(0)) await proxy.stop(0);
});

afterAll(() => {
  for (const one of [...upstreams.values(), busy]) one.close();
  rmSync(folder, { recursive: true });
});

function pick<T>(random: Random, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)] as T;
}

function some<T>(random: Random, all: readonly T[]): T[] {
  const taken = all.filter(() => random() < 0.5);
  return taken.length > 0 ? taken : [pick(random, all)];
}

const addressOf = (letter: string) => (upstreams.get(letter) as Upstream).address;
const to = (letters: readonly string[]) => letters.map((one) => plainUpstream(addressOf(one)));

/** The upstream `a` by a host name. */
const byName = (name: string) => {
  const { port } = addressOf("a") as TcpAddress;
  return plainUpstream({ kind: "tcp", host: name, port });
};

/** A service that is at the upstream `d`, or none. */
const service = (random: Random) => {
  const name = pick(random, ["one.test", "two.test", null]);
  return name === null ? [] : [plainUpstream({ kind: "service", name })];
};

const lookUp: LookUpParts = {
  async resolve() {
    return { addresses: [{ host: "127.0.0.1", family: 4 }], ttlMs: 60_000 };
  },
  async resolveService() {
    const address = addressOf("d") as TcpAddress;
    return { addresses: [{ address, weight: 1, isBackup: false }], leftOut: 0, ttlMs: 60_000 };
  },
};

const edge = (more: Partial<EdgeOptions>): EdgeOptions => ({ ...listenerDefaults.edge, ...more });

/** It stays, and lets two in. */
const steady = listener({
  name: "steady",
  address: { kind: "tcp", host: "127.0.0.9", port: 0 },
  upstreams: to(["a"]),
  edge: edge({ maxRelays: 3, maxRelaysPerClient: 2 }),
});

const unixPaths = ["one", "two"].map((name) => join(folder, `${name}.sock`));

/** What may be wanted next: unix listeners always, others here and there. */
function anything(random: Random, base: ProxyOptions): ProxyOptions {
  const addresses: Address[] = [
    ...unixPaths.map((path): Address => ({ kind: "unix", path })),
    ...some(random, [1, 2, 3, 4]).map(
      (host): Address => ({ kind: "tcp", host: `127.0.0.${10 + host}`, port: 0 }),
    ),
  ];
  const others = addresses.map((address): WantedListener => {
    return {
      ...listenerDefaults,
      ...(random() < 0.3 ? { name: pick(random, ["x", "y"]) } : {}),
      address,
      engine: pick(
        random,
        base.listeners.map(({ engine }) => engine),
      ),
      upstreams: [
        ...to(some(random, ["a", "b", "c"])),
        ...service(random),
        ...(random() < 0.3 ? [byName(pick(random, ["e.test", "f.test"]))] : []),
      ],
      mirror: pick(random, [
        null,
        null,
        { bufferSize: 65_536, percent: 100, address: addressOf("c") },
      ]),
      unix: { mode: pick(random, [0o600, 0o660, 0o666]), user: null, group: null },
      edge: edge({
        maxRelays: pick(random, [0, 0, 5]),
        clientRate: pick(random, [0, 1_000, 2_000]),
        maxRelaysPerClient: pick(random, [0, 9]),
        deny: pick(random, [
          { networks: [], files: [] },
          { networks: [parseNetwork("127.0.0.0/8")], files: [] },
          { networks: [], files: [networks] },
        ]),
      }),
    };
  });
  const named = new Set<string>();
  // Addresses with one name have the same edge: here each name has one.
  const listeners = others.map(({ name, ...one }) => {
    if (name === undefined || named.has(name)) return one;
    named.add(name);
    return { ...one, name };
  });
  const totalRelays = pick(random, [0, 50, 60]);
  const drainTimeoutMs = pick(random, [0, 5]);
  return { ...base, listeners: [...base.listeners, ...listeners], totalRelays, drainTimeoutMs };
}

/** How a reload is kept from what it is to do; what it returns lets it go on. */
type Fault = (
  proxy: RunningProxy,
  wanted: ProxyOptions,
) => [wanted: ProxyOptions, mend: () => void];

const nothing = () => {};

/** Behind all parts. */
const LAST = 9;

/** Puts one more part before the one of this number. @returns what takes it away again */
function insert(proxy: RunningProxy, position: number, stage: Part["stage"]): () => void {
  const holder = proxy as unknown as { parts: Record<string, Part> };
  const { parts } = holder;
  const all = Object.entries(parts);
  expect(all).toHaveLength(LAST);
  holder.parts = Object.fromEntries(all.toSpliced(position, 0, ["another", { stage }]));
  return () => Object.assign(holder, { parts });
}

/** A part that cannot, before the one of this number. */
function at(position: number): Fault {
  return (proxy, wanted) => {
    const stage = () => {
      throw new Error("it cannot");
    };
    return [wanted, insert(proxy, position, stage)];
  };
}

/** One more listener somewhere, which cannot be. */
function beside(random: Random, wrong: Partial<WantedListener>): Fault {
  return (_, wanted) => {
    const { listeners } = wanted;
    const address: Address = { kind: "tcp", host: "127.0.0.20", port: 0 };
    const one = { ...listener({ address, upstreams: to(["b"]) }), ...wrong };
    const place = Math.floor(random() * (listeners.length + 1));
    return [
      { ...wanted, listeners: listeners.toSpliced(place, 0, one as WantedListener) },
      nothing,
    ];
  };
}

/** A listener's socket is not where it was, and each is to have another access. */
const moved: Fault = (proxy, wanted) => {
  const path = unixPaths.findLast((one) => isAccepting(proxy, one));
  const other = (mode: number) => (mode === 0o600 ? 0o640 : 0o600);
  const listeners = wanted.listeners.map((one) =>
    one.address.kind === "unix"
      ? { ...one, unix: { ...one.unix, mode: other(modeOf(one.address.path) ?? 0) } }
      : one,
  );
  // Without any of them there is no reload that fails.
  if (path === undefined) return at(0)(proxy, wanted);
  renameSync(path, `${path}.moved`);
  return [{ ...wanted, listeners }, () => renameSync(`${path}.moved`, path)];
};

function faults(random: Random): Fault[] {
  const inserted = Array.from({ length: LAST + 1 }, (_, position) => at(position));
  return [...inserted, ...impossible(random), moved];
}

/** What cannot be had, each at another part; also by a start. */
function impossible(random: Random): Fault[] {
  const files = [join(folder, "missing.txt")];
  return [
    beside(random, { sourceAddresses: ["192.0.2.1"] }),
    beside(random, { edge: edge({ allow: { networks: [], files } }) }),
    beside(random, { address: busy.address }),
    beside(random, { address: { kind: "unix", path: join(folder, "no", "where.sock") } }),
  ];
}

function isAccepting(proxy: RunningProxy, path: string): boolean {
  return proxy.listeners.some(
    (one) => one.isAccepting && one.address.kind === "unix" && one.address.path === path,
  );
}

function modeOf(path: string): number | null {
  return (statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o777 || null;
}

/** What a class keeps to itself. */
const within = (one: unknown) => one as Record<string, never>;

/** All that parts keep, but for the time and what clients do. */
function kept(proxy: RunningProxy) {
  const { upstreams, services, edges, open } = within(proxy);
  const own = within(within(within(services).dialFilter).own);
  const { taken, named } = within(within(upstreams).rows);
  const { held, watched } = within(services);
  const { homes, mirrors } = within(upstreams);
  const { holding, staged } = within(edges);
  const views = proxy.upstreams.views();
  return {
    options: proxy.options,
    listeners: proxy.listeners,
    open: Array.from(
      new Map<string, { options: unknown; places: unknown; listening: unknown }>(within(open).open),
      ([key, one]) => [key, numberOf(one.options), one.places, engineOf(one.listening)],
    ),
    rows: [new Set<number>(taken), new Map<string, number>(named)] as const,
    upstreams: views.map(({ healthForMs: _, running: __, ...view }) => view),
    relations: [homes, mirrors, held, watched, own.chained],
    names: keysOf(within(within(upstreams).names).watcher, "names"),
    services: keysOf(within(services).watcher, "names"),
    checks: keysOf(within(upstreams).checker, "watches"),
    shown: standingOf("ready", listenersOf(proxy), views),
    own: new Set([...new Map<string, Address[]>(own.places).values()].flat().map(formatAddress)),
    edges: [numberOf(holding), numberOf(staged)],
    access: unixPaths.map(modeOf),
  };
}

/** The engine that a listener is on. */
function engineOf(listening: unknown): unknown {
  return within(listening).engine;
}

/** The keys of a map that a class keeps to itself. */
function keysOf(one: unknown, name: string): Set<string> {
  return new Set(new Map<string, unknown>(within(one)[name]).keys());
}

/** Objects are the very same ones when they have the same number. */
const numberOf = ((numbers: Map<unknown, number>) => (one: unknown) => {
  numbers.set(one, numbers.get(one) ?? numbers.size);
  return numbers.get(one);
})(new Map());

/** Who answers a client: a letter, or how he is refused. */
async function visit(address: Address): Promise<[End | null, string]> {
  try {
    const client = await End.connect(address, (end) => {
      end.keeps = true;
    });
    const isSettled = () => client.receivedBytes > 0 || client.closed || client.finAfterBytes >= 0;
    await waitFor(isSettled, "the client has its answer");
    return [client, client.chunks.join("") || "refused"];
  } catch (error) {
    return [null, (error as NodeJS.ErrnoException).code ?? String(error)];
  }
}

function letterAt(address: Address): string | undefined {
  const isNamed = address.kind === "tcp" && address.host.endsWith(".test");
  return letterOf.get(formatAddress(isNamed ? { ...address, host: "127.0.0.1" } : address));
}

async function answer(address: Address): Promise<string> {
  const [client, what] = await visit(address);
  client?.reset();
  return what;
}

/** Whether each listener lets a client in, whoever answers. */
async function answers(proxy: RunningProxy): Promise<(string | boolean)[]> {
  const all: (string | boolean)[] = [];
  for (const { address, options } of proxy.listeners) {
    const who = await answer(address);
    const letters = options.upstreams.map(({ address: one }) =>
      one.kind === "service" ? "d" : letterAt(one),
    );
    all.push(who.length > 1 ? who : letters.includes(who));
  }
  return all;
}

/** Whom the listeners should let in. */
function wantedAnswers({ listeners }: ProxyOptions): (string | boolean)[] {
  return listeners.map(({ address, edge: { deny } }) => {
    const isDenied = deny.networks.length + deny.files.length > 0;
    return address.kind === "unix" || !isDenied ? true : "refused";
  });
}

const engines = [...new Set(stages.map(({ engine }) => engine))];

/** Each engine for itself, and both in one process. */
const crews = [
  ...stages.map((stage) => ({ ...stage, others: [] as EngineName[] })),
  ...stages
    .filter(({ engine, workers }) => workers === (engine === "uring" ? 1 : 2))
    .map((stage) => ({ ...stage, others: engines.filter((one) => one !== stage.engine) }))
    .filter(({ others }) => others.length > 0),
].map((crew, at, all) => ({
  ...crew,
  // Each meets faults of its own.
  seeds: wantsAll ? [1, 2] : [at + 1],
  // A stop meets another thing where relays run in the main thread, and where there are two engines.
  isStopped:
    wantsAll || crew.others.length > 0 || (crew.engine === "sockets" && crew.workers === 1),
  // Rows are the control plane's, whoever relays.
  isFull: wantsAll || at === all.length - 1,
}));

describe.skipIf(process.platform !== "linux").each(crews)(
  "reloads of $engine with $workers beside $others that fail",
  ({ engine, workers, others, seeds, isStopped, isFull }) => {
    const besides = others.map((other) => {
      const address = { kind: "tcp", host: "127.0.0.8", port: 0 } as const;
      return { ...steady, name: "beside", address, engine: other };
    });
    const base: ProxyOptions = {
      listeners: [{ ...steady, engine }, ...besides],
      workers,
      totalRelays: 0,
      memory: plainMemory,
      uring: uringDefaults,
      drainTimeoutMs: 0,
      dnsServers: [],
    };

    test.each(seeds)("change nothing, whatever was wanted (seed %d)", async (seed) => {
      writeFileSync(networks, "127.0.0.0/8\n");
      const random = seeded(seed);
      const proxy = await start(anything(random, base));
      const sockets = openDescriptors();
      const [stays] = await visit(proxy.listeners[0]?.address as Address);
      const all = faults(random);
      const isAlone = () =>
        proxy.upstreams.views().reduce((sum, one) => sum + one.running, 0) === 1;
      const settled = () => waitFor(isAlone, "nobody is left but the one who stays");
      for (let round = 0; round < ROUNDS; round++) {
        await settled();
        if (random() < 0.2) {
          await proxy.drainListener("x");
          // Where it was is forgotten when the next reload begins.
          const [refused, mend] = at(LAST)(proxy, proxy.options);
          await proxy.reload(refused).catch(nothing);
          mend();
        }
        // What an administrator wants stays, too.
        const weighed = pick(random, proxy.upstreams.views());
        proxy.upstreams.set(weighed.id, { weight: 1 + Math.floor(random() * 9) });
        const before = [await answers(proxy), kept(proxy)];
        const descriptors = openDescriptors();
        const wanted = anything(random, base);
        const [broken, mend] = (all[round % all.length] as Fault)(proxy, wanted);
        const failure = await proxy.reload(broken).catch((error: Error) => error);
        mend();
        expect(failure).toBeInstanceOf(Error);
        expect([await answers(proxy), kept(proxy)]).toEqual(before);
        await waitFor(
          () => descriptorsSince(descriptors) === "",
          () => `round ${round} leaves nothing open: ${descriptorsSince(descriptors)}`,
        );
        await proxy.reload(wanted);
        expect(await answers(proxy)).toEqual(wantedAnswers(wanted));
        await settled();
        // Who was counted before is still counted: there is room for one more.
        const place = proxy.listeners[0]?.address as Address;
        const [second, isIn] = await visit(place);
        expect([isIn, await answer(place)]).toEqual(["a", "refused"]);
        second?.reset();
        const { rows, upstreams: views } = kept(proxy);
        expect(rows[0].size).toBe(views.length + rows[1].size);
      }
      expect(stays?.closed).toBe(false);
      stays?.reset();
      await proxy.reload({ ...base, listeners: [] });
      const { open, upstreams: views, rows } = kept(proxy);
      expect([open.length, views.length, rows[0].size, rows[1].size]).toEqual([0, 0, 0, 0]);
      await proxy.stop(0);
      await waitFor(() => descriptorsSince(sockets) === "", "nothing is left open");
    });

    test.if(isStopped)(
      "are over when a stop overtakes them, whatever part is under way",
      async () => {
        writeFileSync(networks, "127.0.0.0/8\n");
        const random = seeded(3);
        const sockets = openDescriptors();
        for (let position = 0; position <= LAST; position++) {
          for (const isLater of [false, true]) {
            const proxy = await start(anything(random, base));
            const stopped = Promise.withResolvers<unknown>();
            const stop = () => stopped.resolve(proxy.stop(0));
            insert(proxy, position, () => {
              // At once, or while the next part prepares.
              if (isLater) setImmediate(stop);
              else stop();
              return { commit: nothing, discard: nothing };
            });
            const failure = await proxy.reload(anything(random, base)).catch((error) => error);
            if (!isLater || failure instanceof Error) expect(failure).toBeInstanceOf(StoppedError);
            await stopped.promise;
            await waitFor(
              () => descriptorsSince(sockets) === "",
              () => `before part ${position} it leaves nothing open: ${descriptorsSince(sockets)}`,
            );
            expect(unixPaths.map(modeOf)).toEqual([null, null]);
          }
        }
      },
    );

    test("leave nothing, when it is a start that cannot be", async () => {
      writeFileSync(networks, "127.0.0.0/8\n");
      const random = seeded(4);
      const sockets = openDescriptors();
      for (const fault of impossible(random)) {
        const [broken] = fault(null as never, anything(random, base));
        const failure = await start(broken).catch((error: Error) => error);
        expect(failure).toBeInstanceOf(Error);
        await waitFor(
          () => descriptorsSince(sockets) === "",
          () => `it leaves nothing open: ${descriptorsSince(sockets)}`,
        );
        expect(unixPaths.map(modeOf)).toEqual([null, null]);
      }
    });

    test.if(isFull)("for want of rows, of upstreams or of limits", async () => {
      const proxy = await start(base);
      const many = Array.from({ length: SLOTS_MAX }, (_, n) =>
        plainUpstream({ kind: "tcp", host: `127.8.${n >> 8}.${n & 255}`, port: 9 }),
      );
      const at = (host: number): Address => ({ kind: "tcp", host: `127.0.0.${host}`, port: 0 });
      const greedy = (left: number) => {
        const all = many.slice(left);
        return listener({ address: at(20), upstreams: all, edge: edge({ maxRelays: 3 }) });
      };
      const refused = async (...listeners: WantedListener[]) => {
        const before = kept(proxy);
        const wanted = { ...base, listeners: [...base.listeners, ...listeners] };
        await expect(proxy.reload(wanted)).rejects.toThrow("more than 32,768 upstreams");
        expect(kept(proxy)).toEqual(before);
      };
      await refused(greedy(0));
      // Two rows are of each listener that stays, one is of this one's limit: one is left.
      const left = 2 * base.listeners.length + 2;
      await proxy.reload({ ...base, listeners: [...base.listeners, greedy(left)] });
      const limited = (host: number) =>
        listener({ address: at(host), upstreams: to(["a"]), edge: edge({ maxRelays: 3 }) });
      await refused(greedy(left), limited(21), limited(22));
    });
  },
);
