import { expect } from "bun:test";
import type { Address } from "../../src/base/address.ts";
import { defaults } from "../../src/config/defaults.ts";
import type { MemoryOptions } from "../../src/config/options.ts";
import type { End } from "../fixtures/end.ts";
import { rowed } from "../fixtures/options.ts";
import { residentBytes } from "../fixtures/proc.ts";
import type { ProxyProcess } from "../fixtures/proxy-process.ts";
import { echo, polite, type Upstream } from "../fixtures/upstream.ts";
import { inParallel, waitFor, waitForStandstill } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GROWTH_MAX = 16 * MIB;
/** Far more than that; test/scenarios/resources.test.ts offers more to the program itself. */
const OFFERED_STALLED = 64 * MIB;
const scarce: MemoryOptions = { segmentSize: 64 * KIB, segmentCount: 32 };
const SLOW = 40;

/** Rule 3: nothing grows; who has no memory waits, and afterwards everything is there. */
export function memoryCases(suite: Suite): void {
  for (const way of ["up", "down"] as const) {
    suite.case(
      `${OFFERED_STALLED / MIB} MiB offered to ${way === "up" ? "an upstream" : "a client"} that does not read`,
      (scene) => slowReader(scene, way),
      { linux: true, timeoutMs: 60_000 },
    );
    suite.case(
      `${SLOW} slow ${way === "up" ? "upstreams" : "clients"} empty the pool, then all read`,
      (scene) => poolExhausted(scene, way),
      { memory: scarce, timeoutMs: 60_000 },
    );
  }

  suite.case(
    "an empty pool: who waits can still end or be reset",
    async (scene) => {
      const upstream = await scene.upstream(polite);
      const stuck = await exhaust(scene, upstream, await scene.listen([upstream]), "up");
      for (const [index, { source, target }] of stuck.entries()) {
        if (index % 2 === 0) source.reset();
        else target.reset();
      }
      await scene.ended(SLOW);
      await waitFor(() => leased(scene) === 0, "all segments are back");
      await waitFor(
        () => stuck.every(({ source, target }) => source.closed && target.closed),
        "every end is let go",
      );
    },
    { memory: scarce },
  );

  suite.case(
    "many relays opened and closed leave nothing behind",
    (scene) => manyRelays(scene, scene.times(2000)),
    { timeoutMs: 60_000, linux: true },
  );
}

/** The source and the target of one direction of one relay. */
interface Route {
  source: End;
  target: End;
}

/** Measures a proxy process whose one relay is stalled, then delivered. */
async function slowReader(scene: Scene, way: "up" | "down"): Promise<void> {
  const total = OFFERED_STALLED;
  const upstream = await scene.upstream(polite);
  const memory = { segmentSize: defaults.segmentSize, segmentCount: defaults.segmentCount };
  const proxy = await scene.process({ upstreams: [rowed(upstream.address, 0)] }, memory);
  const route = async (): Promise<Route> => {
    const { client, end } = await scene.pair(proxy.address(), upstream);
    return way === "up" ? { source: client, target: end } : { source: end, target: client };
  };
  const warm = await route();
  warm.source.offer({ seed: 1, total });
  await waitFor(() => warm.target.receivedBytes === total, "the warm-up is through", 30_000);
  // The garbage of the warm-up would hide just as much growth.
  const level = await waitForStandstill(() => residentBytes(proxy.pid), "memory", 1000);

  const { source, target } = await route();
  target.expects(2).pause();
  source.offer({ seed: 2, total });
  await waitForStandstill(() => source.sentBytes, "what the source sends");
  expect(source.drained).toBe(false);
  expect(residentBytes(proxy.pid) - level).toBeLessThanOrEqual(GROWTH_MAX);
  const stats = await proxy.stats();
  const held = stats.memory.segmentsLeased * stats.memory.segmentSize;
  expect(held).toBeLessThanOrEqual(4 * MIB);
  target.resume();
  source.finish();
  await waitFor(
    () => target.finSeen,
    () => `everything is delivered: ${target}`,
    30_000,
  );
  expect(target).toMatchObject({ finAfterBytes: total, mismatchAt: -1 });
  // At full speed an engine may make garbage for a moment; it may not keep it.
  const grown = () => residentBytes(proxy.pid) - level;
  await waitFor(
    () => grown() <= GROWTH_MAX,
    () => `memory is back: it grew by ${grown()} bytes`,
  );
  await endProcess(proxy, [warm, { source, target }]);
}

/** All relays of a process end, then it is stopped and nothing is left in it. */
async function endProcess(proxy: ProxyProcess, routes: readonly Route[]): Promise<void> {
  for (const { source, target } of routes) {
    source.finish();
    target.finish();
  }
  const { memory, relays, up, down } = await proxy.stop(5_000);
  expect(memory.segmentsLeased).toBe(0);
  expect(relays).toMatchObject({ accepted: routes.length, running: 0, ended: routes.length });
  expect(up.receivedBytes).toBe(up.sentBytes);
  expect(down.receivedBytes).toBe(down.sentBytes);
}

const OFFERED = 8 * MIB;

/** 40 relays whose targets do not read, until the pool is empty and nothing moves any more. */
async function exhaust(
  scene: Scene,
  upstream: Upstream,
  address: Address,
  way: "up" | "down",
): Promise<Route[]> {
  const routes: Route[] = [];
  for (let seed = 0; seed < SLOW; seed++) {
    const { client, end } = await scene.pair(address, upstream);
    const [source, target] = way === "up" ? [client, end] : [end, client];
    target.expects(seed).pause();
    routes.push({ source, target });
  }
  // Only now, because an engine without memory may let new connections wait.
  for (const [seed, { source }] of routes.entries()) source.offer({ seed, total: OFFERED });
  await waitFor(() => scene.record.poolEmptyCount > 0, "the pool is empty");
  const sent = () => routes.reduce((sum, { source }) => sum + source.sentBytes, 0);
  await waitForStandstill(() => {
    expect(leased(scene)).toBeLessThanOrEqual(scarce.segmentCount);
    return sent();
  }, "what the sources send");
  return routes;
}

async function poolExhausted(scene: Scene, way: "up" | "down"): Promise<void> {
  const upstream = await scene.upstream(polite);
  const address = await scene.listen([upstream]);
  const echoing = await scene.upstream(echo);
  const other = await scene.listen([echoing]);
  const routes = await exhaust(scene, upstream, address, way);
  const flow = scene.engine.stats()[way];
  expect(flow.poolEmpty).toBeGreaterThan(0);
  // Whoever comes now may have to wait, but not for ever.
  const late = (await scene.client(other)).send("late").finish();
  for (const { source, target } of routes) {
    target.resume();
    source.finish();
  }
  await waitFor(
    () => routes.every(({ target }) => target.finSeen),
    () => `everything is delivered: ${routes.map(({ target }) => target).join("; ")}`,
    40_000,
  );
  for (const { target } of routes) {
    expect(target).toMatchObject({ finAfterBytes: OFFERED, mismatchAt: -1 });
  }
  for (const { target } of routes) target.finish();
  await waitFor(() => late.finSeen && late.receivedBytes === 4, "the late client is served");
  await scene.ended(SLOW + 1);
  expect(leased(scene)).toBe(0);
  const { poolEmptyCount, poolRefilledCount } = scene.record;
  expect(poolRefilledCount).toBe(poolEmptyCount);
}

function leased(scene: Scene): number {
  return scene.engine.stats().memory.segmentsLeased;
}

/** Every way in which a relay can end, in turn. */
async function manyRelays(scene: Scene, count: number): Promise<void> {
  const upstream = await scene.upstream((end) => {
    // The client says with its first byte how its relay shall end.
    end.onData = (self, bytes) => {
      const word = String.fromCharCode(bytes[0] ?? 0);
      if (word === "r") self.reset();
      else self.send("answer");
      if (word === "f") self.finish();
    };
    end.onFin = (self) => void self.finish();
  });
  const address = await scene.listen([upstream]);
  const refused = await scene.listen([scene.refusing()]);
  const words = ["c", "f", "r", "R", "n"] as const;
  await inParallel(count, scene.crowd, async (index) => {
    const word = words[index % words.length];
    const client = await scene.client(word === "n" ? refused : address);
    if (word !== "n") client.send(word ?? "");
    const answered = () => client.receivedBytes === 6 || client.closed || client.finSeen;
    await waitFor(answered, () => `relay ${index} (${word}) is answered: ${client}`);
    if (word === "R") client.reset();
    else if (word !== "r") client.finish();
    await waitFor(
      () => client.closed,
      () => `relay ${index} (${word}) is over: ${client}`,
    );
    scene.clients.splice(scene.clients.indexOf(client), 1);
  });
  await scene.ended(count);
  const each = count / words.length;
  expect(scene.engine.stats().relays).toEqual({
    accepted: count,
    running: 0,
    ended: count,
    reasons: {
      client_fin: each,
      upstream_fin: each,
      upstream_reset: each,
      client_reset: each,
      connect_refused: each,
    },
  });
  expect(leased(scene)).toBe(0);
}
