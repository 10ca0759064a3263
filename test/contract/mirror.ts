import { expect } from "bun:test";
import type { Address } from "../../src/base/address.ts";
import { edgeDefaults } from "../../src/config/defaults.ts";
import type { MirrorOptions } from "../../src/config/options.ts";
import { writeProxyHeader } from "../../src/entry/proxy-protocol/writer.ts";
import type { MirrorStats } from "../../src/relay/mirror/account.ts";
import { encodeSockaddr } from "../../src/system/sockaddr.ts";
import type { End } from "../fixtures/end.ts";
import { openAdmission, plainMemory, rowed } from "../fixtures/options.ts";
import { seeded, sizesUpTo } from "../fixtures/random.ts";
import { type Behaviour, echo, polite, sink, type Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Kind, Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** A copy that is not to be given up however much of it waits. */
const ROOMY = 16 * MIB;

/** A listener's mirror gets what its upstreams get, and nobody waits for it. */
export function mirrorCases(suite: Suite): void {
  copyCases(suite);
  endCases(suite);
  dropCases(suite);
  lifeCases(suite);
}

/** A mirror for a listener, of which a case says only what it cares about. */
function to(mirror: Upstream | Address, options: Partial<MirrorOptions> = {}) {
  const address = "kind" in mirror ? mirror : mirror.address;
  return { mirror: { address, bufferSize: 256 * KIB, percent: 100, ...options } };
}

/** What the engine counts of the only mirror that there is. */
function stats(scene: Scene): MirrorStats {
  const [one, ...others] = scene.engine.stats().mirrors;
  if (one === undefined || others.length > 0) throw new Error("there is one mirror");
  return one;
}

/** Expects every byte of a pattern, and gives FIN for FIN. */
const expecting: Behaviour = (end) => {
  polite(end);
  end.expects(1);
};

function copyCases(suite: Suite): void {
  for (const kind of ["tcp4", "tcp6", "unix"] as const) {
    suite.case(`${kind}: a mirror gets every byte, then FIN`, (scene) => whole(scene, kind), {
      needs: [kind],
      timeoutMs: 60_000,
    });
  }

  for (const kind of ["tcp4", "unix"] as const) {
    const name = `${kind}: what a mirror answers is thrown away, however much it is`;
    suite.case(name, (scene) => answered(scene, kind), { needs: [kind] });
  }

  suite.case("what a client sends at once is copied whole", async (scene) => {
    const mirror = await scene.upstream(expecting);
    const upstream = await scene.upstream(expecting);
    const address = await scene.listen([upstream], to(mirror, { bufferSize: MIB }));
    for (let index = 1; index <= 10; index++) {
      const client = await scene.client(address, (end) => end.offer({ seed: 1, total: 400_000 }));
      client.finish();
      expect(await scene.ended(index)).toMatchObject({ reason: "client_fin", mirror: "mirrored" });
    }
    await waitFor(() => stats(scene).completed === 10, "all copies are complete");
    expect(mirror.ends.map((end) => [end.finAfterBytes, end.mismatchAt])).toEqual(
      Array(10).fill([400_000, -1]),
    );
  });

  suite.case("a mirror does not wait for an upstream that keeps silent", async (scene) => {
    const mirror = await scene.upstream(sink);
    const upstream = await scene.upstream(sink);
    const address = await scene.listen([upstream], to(mirror));
    const { client, end } = await scene.pair(address, upstream);
    const lags: number[] = [];
    for (let received = 5; received <= 25; received += 5) {
      client.send("hello");
      await waitFor(() => end.receivedBytes === received, "the upstream has it");
      const since = performance.now();
      await waitFor(() => mirror.ends[0]?.receivedBytes === received, "the mirror has it, too");
      lags.push(performance.now() - since);
    }
    // An idle loop wakes once a second.
    expect(Math.min(...lags)).toBeLessThan(300);
  });

  suite.case(
    "the client's PROXY header is not copied, the one to the upstream is",
    async (scene) => {
      const keep: Behaviour = (end) => {
        polite(end);
        end.keeps = true;
      };
      const [upstream, mirror] = [await scene.upstream(keep), await scene.upstream(keep)];
      const edge = {
        ...edgeDefaults,
        proxyProtocol: "required",
        sendProxyProtocol: "v2",
        tables: openAdmission,
      } as const;
      const address = await scene.listen([upstream], { ...to(mirror), edge });
      const given = { kind: "tcp", host: "10.1.2.3", port: 4567 } as const;
      const header = writeProxyHeader({
        version: 1,
        command: "proxy",
        source: encodeSockaddr(given),
        destination: encodeSockaddr({ ...given, port: 80 }),
        tlvs: [],
        crc32c: false,
      });
      const client = await scene.client(address);
      client.send(header).send("after the header").finish();
      await waitFor(() => mirror.ends[0]?.finSeen === true, "the mirror has everything");
      await scene.ended(1);
      const copied = Buffer.concat(mirror.end(0).chunks);
      expect(copied).toEqual(Buffer.concat(upstream.end(0).chunks));
      expect(copied.subarray(0, 4).toString("hex")).toBe("0d0a0d0a");
      expect(copied.toString("latin1")).toEndWith("after the header");
      expect(copied.toString("latin1")).not.toContain("PROXY TCP4");
    },
  );

  suite.case("400 short relays are 400 copies", async (scene) => {
    const mirror = await scene.upstream(polite);
    const upstream = await scene.upstream(polite);
    const address = await scene.listen([upstream], to(mirror));
    for (let round = 0; round < 8; round++) {
      const clients = await Promise.all(Array.from({ length: 50 }, () => scene.client(address)));
      for (const client of clients) client.send(`hello ${round}`).finish();
      await scene.ended((round + 1) * 50);
    }
    await waitFor(() => stats(scene).completed === 400, "all copies are complete");
    const received = ({ ends }: Upstream) => ends.reduce((sum, end) => sum + end.receivedBytes, 0);
    expect(received(mirror)).toBe(received(upstream));
    expect(stats(scene)).toMatchObject({ begun: 400, dropped: {}, bytes: received(mirror) });
  });
}

/** A mirror that echoes all that it gets: none of that reaches the client. */
async function answered(scene: Scene, kind: Kind): Promise<void> {
  const mirror = await scene.upstream((end) => {
    echo(end);
    end.send("I am the mirror");
    end.expects(1);
  }, kind);
  const upstream = await scene.upstream((end) => {
    polite(end);
    end.offer({ seed: 2, total: 100_000 });
  });
  const address = await scene.listen([upstream], to(mirror, { bufferSize: ROOMY }));
  const client = await scene.client(address, (end) => end.expects(2));
  client.offer({ seed: 1, total: 8 * MIB }).finish();
  await waitFor(() => mirror.ends[0]?.finSeen === true, "the mirror has everything");
  expect(mirror.end(0)).toMatchObject({ finAfterBytes: 8 * MIB, mismatchAt: -1 });
  expect(await scene.ended(1)).toMatchObject({ reason: "client_fin" });
  expect(client).toMatchObject({ receivedBytes: 100_000, mismatchAt: -1 });
  await waitFor(() => stats(scene).completed === 1, "the copy is complete");
}

/** Two patterns at once, writes of any size, and a mirror that naps. */
async function whole(scene: Scene, kind: Kind): Promise<void> {
  const total = 8 * MIB;
  const random = seeded(77);
  const mirror = await scene.upstream((end) => {
    expecting(end);
    end.napping(seeded(78));
  }, kind);
  const upstream = await scene.upstream((end) => {
    expecting(end);
    end.offer({ seed: 2, total: MIB });
  });
  const address = await scene.listen([upstream], to(mirror, { bufferSize: ROOMY }));
  const client = await scene.client(address, (end) => end.expects(2));
  client.offer({ seed: 1, total, size: sizesUpTo(64 * KIB, random), breathe: random }).finish();
  await waitFor(
    () => mirror.ends[0]?.finSeen === true,
    () => `the mirror has everything: ${mirror.ends.map(String)}, ${JSON.stringify(stats(scene))}`,
    50_000,
  );
  expect(mirror.end(0)).toMatchObject({ finAfterBytes: total, mismatchAt: -1, closeCode: null });
  expect(await scene.ended(1)).toMatchObject({ reason: "client_fin", mirror: "mirrored" });
  expect(upstream.end(0)).toMatchObject({ finAfterBytes: total, mismatchAt: -1 });
  await waitFor(() => stats(scene).completed === 1, "the copy is complete");
  expect(stats(scene)).toMatchObject({ begun: 1, dropped: {}, bytes: total });
}

/** A relay with bytes for a mirror that has read none of them: some wait in the engine's memory. */
async function lagging(scene: Scene, behave: Behaviour) {
  const mirror = await scene.upstream((end) => {
    behave(end);
    end.stallsAfter(1);
  });
  const upstream = await scene.upstream(polite);
  const address = await scene.listen([upstream], to(mirror, { bufferSize: ROOMY }));
  const { client, end } = await scene.pair(address, upstream);
  const total = 14 * MIB;
  client.offer({ seed: 1, total });
  await waitFor(() => end.receivedBytes === total, "the upstream has everything");
  expect(scene.engine.stats().memory.mirrorHeldBytes).toBeGreaterThan(0);
  return { mirror, client, end, total };
}

function endCases(suite: Suite): void {
  suite.case("what a mirror has not taken at the relay's end is sent afterwards", async (scene) => {
    const { mirror, client, total } = await lagging(scene, expecting);
    client.finish();
    expect(await scene.ended(1)).toMatchObject({ reason: "client_fin", mirror: "mirrored" });
    expect(stats(scene).running).toBe(1);
    mirror.end(0).unstall();
    await waitFor(() => mirror.end(0).finSeen, "the mirror has everything");
    expect(mirror.end(0)).toMatchObject({ finAfterBytes: total, mismatchAt: -1 });
    await waitFor(() => stats(scene).completed === 1, "the copy is complete");
  });

  suite.case("a client's reset comes behind the last byte", async (scene) => {
    const { mirror, client, total } = await lagging(scene, expecting);
    client.reset();
    expect(await scene.ended(1)).toMatchObject({ reason: "client_reset" });
    mirror.end(0).unstall();
    await waitFor(() => mirror.end(0).closed, "the mirror is let go");
    expect(mirror.end(0)).toMatchObject({ receivedBytes: total, mismatchAt: -1 });
    expect(mirror.end(0).wasReset).toBe(true);
    await waitFor(() => stats(scene).completed === 1, "the copy is complete");
  });

  suite.case("an upstream's reset is the mirror's, too", async (scene) => {
    const mirror = await scene.upstream(expecting);
    const upstream = await scene.upstream(sink);
    const address = await scene.listen([upstream], to(mirror));
    const { client, end } = await scene.pair(address, upstream);
    client.offer({ seed: 1, total: 1_000 });
    await waitFor(() => mirror.ends[0]?.receivedBytes === 1_000, "the mirror has it");
    end.reset();
    expect(await scene.ended(1)).toMatchObject({ reason: "upstream_reset" });
    await waitFor(() => mirror.end(0).closed, "the mirror is let go");
    expect(mirror.end(0).wasReset).toBe(true);
  });

  suite.case("a mirror that ends first gets the rest nevertheless", async (scene) => {
    const mirror = await scene.upstream((end) => void end.expects(1).finish());
    const upstream = await scene.upstream(polite);
    const address = await scene.listen([upstream], to(mirror));
    const client = await scene.client(address);
    client.send("");
    await waitFor(() => mirror.ends.length === 1, "the mirror is dialled");
    client.offer({ seed: 1, total: 100_000 });
    await waitFor(() => mirror.end(0).receivedBytes === 100_000, "the mirror has it");
    client.finish();
    await scene.ended(1);
    await waitFor(() => mirror.end(0).finSeen, "the mirror has the end");
    await waitFor(() => stats(scene).completed === 1, "the copy is complete");
    expect(mirror.end(0).mismatchAt).toBe(-1);
  });
}

function dropCases(suite: Suite): void {
  suite.case("a mirror that never reads holds up nobody, and is given up", async (scene) => {
    const mirror = await scene.upstream((end) => void end.stallsAfter(1));
    const upstream = await scene.upstream(expecting);
    const address = await scene.listen([upstream], to(mirror));
    const { client, end } = await scene.pair(address, upstream);
    client.offer({ seed: 1, total: 64 * MIB }).finish();
    const relay = await scene.ended(1);
    expect(relay).toMatchObject({ reason: "client_fin", mirror: "slow" });
    expect(relay.up).toMatchObject({ sentBytes: 64 * MIB, lostBytes: 0 });
    expect(end).toMatchObject({ finAfterBytes: 64 * MIB, mismatchAt: -1 });
    mirror.end(0).unstall();
    await waitFor(() => mirror.end(0).closed, "the mirror is let go");
    expect(mirror.end(0).wasReset).toBe(true);
    const { memory } = scene.engine.stats();
    expect(memory.mirrorHeldBytes).toBe(0);
    expect(memory.mirrorBytes).toBeLessThanOrEqual(MIB);
    expect(stats(scene)).toMatchObject({ begun: 1, running: 0, dropped: { slow: 1 } });
    await waitFor(() => scene.record.mirrorsDropped.length === 1, "that is told");
  });

  suite.case("all copies together have a bound of memory, and relays none of it", async (scene) => {
    const mirror = await scene.upstream((end) => void end.stallsAfter(1));
    const upstream = await scene.upstream(polite);
    const address = await scene.listen([upstream], to(mirror, { bufferSize: ROOMY }));
    const total = 14 * MIB;
    const clients: End[] = [];
    for (let index = 0; index < 8; index++) {
      const { client, end } = await scene.pair(address, upstream);
      clients.push(client);
      client.offer({ seed: 1, total });
      await waitFor(() => end.receivedBytes === total, "the upstream has everything");
      expect(scene.engine.stats().memory.mirrorHeldBytes).toBeLessThanOrEqual(64 * MIB);
    }
    expect(stats(scene).dropped.memory).toBeGreaterThan(0);
    expect(scene.engine.stats().memory.mirrorBytes).toBeLessThanOrEqual(64 * MIB);
    for (const client of clients) client.finish();
    await scene.ended(8);
    expect(scene.record.reasons).toEqual(Array(8).fill("client_fin"));
  });

  suite.case("a mirror that refuses costs one dial, and no relay", async (scene) => {
    const upstream = await scene.upstream(echo);
    const address = await scene.listen([upstream], to(scene.refusing()));
    const startedAt = performance.now();
    for (let index = 1; index <= 20; index++) {
      const client = await scene.client(address);
      client.send("hello");
      await waitFor(() => client.receivedBytes === 5, "the echo is here");
      if (index === 1) await waitFor(() => stats(scene).running === 0, "the dial has failed");
      client.finish();
      expect(await scene.ended(index)).toMatchObject({ reason: "client_fin" });
    }
    expect(stats(scene)).toMatchObject({ begun: 20, completed: 0, bytes: 0 });
    expect(stats(scene).dropped).toEqual({ unreachable: 20 });
    await waitFor(() => scene.record.mirrorsDropped.length > 0, "that is told");
    const [first] = scene.record.mirrorsDropped;
    expect(first).toMatchObject({ reason: "unreachable", detail: "ECONNREFUSED" });
    // It is left alone for 100 ms, then for 200 ms, then for 400 ms.
    const pauses = Math.log2((performance.now() - startedAt) / 100 + 1);
    expect(scene.record.mirrorsDropped.length).toBeLessThanOrEqual(pauses + 2);
  });

  suite.case("a mirror that does not answer is given up in time", async (scene) => {
    const upstream = await scene.upstream(echo);
    const silent = await scene.silent();
    const options = { ...to(silent.address), connectTimeoutMs: 300 };
    const address = await scene.listen([upstream], options);
    const client = await scene.client(address);
    client.send("hello");
    await waitFor(() => client.receivedBytes === 5, "the echo is here");
    await waitFor(() => stats(scene).dropped.unreachable === 1, "the copy is given up");
    client.send("again");
    await waitFor(() => client.receivedBytes === 10, "the relay goes on");
    client.finish();
    expect(await scene.ended(1)).toMatchObject({ reason: "client_fin", mirror: "unreachable" });
  });

  suite.case("a mirror that resets in the middle does not end the relay", async (scene) => {
    const mirror = await scene.upstream((end) => {
      end.onData = (self) => self.reset();
    });
    const upstream = await scene.upstream(expecting);
    const address = await scene.listen([upstream], to(mirror));
    const { client, end } = await scene.pair(address, upstream);
    client.offer({ seed: 1, total: MIB });
    await waitFor(() => end.receivedBytes === MIB, "the upstream has everything");
    await waitFor(() => stats(scene).running === 0, "the copy is given up");
    client.finish();
    const relay = await scene.ended(1);
    expect(relay.reason).toBe("client_fin");
    expect(relay.mirror).toBeOneOf(["reset", "slow"]);
    expect(end).toMatchObject({ finAfterBytes: MIB, mismatchAt: -1 });
  });

  suite.case("a mirror that resets behind an answer is given up, too", async (scene) => {
    const mirror = await scene.upstream((end) => {
      end.onData = (self) => self.send("an answer");
    });
    const upstream = await scene.upstream(echo);
    const address = await scene.listen([upstream], to(mirror));
    const client = await scene.client(address);
    client.send("hello");
    await waitFor(() => mirror.ends[0]?.sentBytes === 9, "the mirror has answered");
    await waitFor(() => client.receivedBytes === 5, "the echo is here");
    mirror.end(0).reset();
    await waitFor(() => stats(scene).dropped.reset === 1, "the copy is given up");
    client.finish();
    expect(await scene.ended(1)).toMatchObject({ reason: "client_fin", mirror: "reset" });
  });
}

function lifeCases(suite: Suite): void {
  suite.case("a stop at once leaves no copy behind", async (scene) => {
    await lagging(scene, sink);
    await scene.engine.stop(0);
    expect(stats(scene)).toMatchObject({ begun: 1, running: 0, dropped: { stopped: 1 } });
    expect(scene.record.reasons).toEqual(["drain"]);
  });

  suite.case("copies go before relays are not accepted", descriptors, { linux: true });
}

/** Descriptors for all relays, but not for all copies as well. */
async function descriptors(scene: Scene): Promise<void> {
  const count = 32;
  const upstream = await scene.upstream(echo);
  const mirror = await scene.upstream(sink);
  const proxy = await scene.process(
    { upstreams: [rowed(upstream.address, 0)], ...to(mirror) },
    plainMemory,
    128,
  );
  const clients: End[] = [];
  for (let index = 0; index < count; index++) {
    const client = (await scene.client(proxy.address())).send("served?");
    clients.push(client);
    await waitFor(() => client.receivedBytes === 7, "it is served");
  }
  expect(proxy.told("acceptPaused")).toBe(0);
  for (const client of clients) client.send("still?");
  await waitFor(() => clients.every((one) => one.receivedBytes === 13), "all are served");
  for (const client of clients) client.finish();
  await waitFor(() => clients.every((one) => one.closed), "all are over");
  const { mirrors, relays } = await proxy.stop(5_000);
  expect(relays.reasons).toEqual({ client_fin: count });
  expect(mirrors[0]?.begun).toBe(count);
  expect(mirrors[0]?.dropped.descriptors).toBeGreaterThan(0);
}
