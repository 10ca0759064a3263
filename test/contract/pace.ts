import { expect } from "bun:test";
import type { Address } from "../../src/base/address.ts";
import { edgeDefaults } from "../../src/config/defaults.ts";
import type { EdgeOptions, ListenerOptions } from "../../src/config/options.ts";
import { writeProxyHeader } from "../../src/entry/proxy-protocol/writer.ts";
import { encodeSockaddr } from "../../src/system/sockaddr.ts";
import type { End } from "../fixtures/end.ts";
import { openAdmission } from "../fixtures/options.ts";
import { sink, type Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

type Way = "up" | "down";
const ways: readonly Way[] = ["up", "down"];

/**
 * Relays with a rate. What a case expects is a quarter of a second's worth (at least 16 KiB) at once,
 * and then the rate; bounds are wide, as a busy machine is late.
 */
export function paceCases(suite: Suite): void {
  rateCases(suite);
  endCases(suite);
  resetCases(suite);
  patienceCases(suite);
}

/** A listener whose relays have these rates. */
async function paced(
  scene: Scene,
  upstream: Upstream | null,
  edge: Partial<EdgeOptions>,
  options: Partial<ListenerOptions> = {},
): Promise<Address> {
  const upstreams = upstream === null ? [] : [upstream];
  return await scene.listen(upstreams, { ...options, edge: { ...edgeDefaults, ...edge } });
}

/** The rate of one direction, and none of the other. */
function rate(way: Way, bytes: number): Partial<EdgeOptions> {
  return way === "up" ? { upRate: bytes } : { downRate: bytes };
}

/** A relay with its ends by what they do. */
async function sided(scene: Scene, address: Address, upstream: Upstream, way: Way) {
  const { client, end } = await scene.pair(address, upstream);
  return way === "up" ? { source: client, target: end } : { source: end, target: client };
}

/** Milliseconds until all that a source sends is there. */
async function carry(source: End, target: End, total: number): Promise<number> {
  const startedAt = performance.now();
  target.expects(3);
  source.offer({ seed: 3, total });
  await waitFor(
    () => target.receivedBytes >= total,
    () => `all is there: ${target}`,
  );
  expect(target).toMatchObject({ receivedBytes: total, mismatchAt: -1 });
  return performance.now() - startedAt;
}

function rateCases(suite: Suite): void {
  for (const way of ways) {
    suite.case(
      `${way}: 1 MiB at 2 MiB per second takes its time, and no other's`,
      async (scene) => {
        const upstream = await scene.upstream(sink);
        const slow = await paced(scene, upstream, rate(way, 2 * MIB));
        const fast = await scene.listen([upstream]);
        const first = await sided(scene, slow, upstream, way);
        const slowMs = await carry(first.source, first.target, MIB);
        const second = await sided(scene, fast, upstream, way);
        const fastMs = await carry(second.source, second.target, MIB);
        // Half of it is there at once, and the other half takes a quarter of a second.
        expect(slowMs).toBeGreaterThan(200);
        expect(fastMs).toBeLessThan(slowMs);
        const other = await sided(scene, slow, upstream, way === "up" ? "down" : "up");
        expect(await carry(other.source, other.target, MIB)).toBeLessThan(slowMs);
      },
    );

    for (const bytes of [20 * KIB, MIB]) {
      const title = `${way}: ${bytes / KIB} KiB per second are just that in the long run`;
      suite.case(title, async (scene) => {
        const upstream = await scene.upstream(sink);
        const address = await paced(scene, upstream, rate(way, bytes));
        const { source, target } = await sided(scene, address, upstream, way);
        const seen: { at: number; bytes: number }[] = [];
        target.onData = (end) => {
          seen.push({ at: performance.now(), bytes: end.receivedBytes });
        };
        target.expects(3);
        source.offer({ seed: 3, total: 64 * MIB });
        await waitFor(() => seen.length > 0, "it begins");
        const startedAt = performance.now();
        await waitFor(() => performance.now() - startedAt > 2_300, "two seconds are over");
        // Without the beginning, which was a burst.
        const [from] = seen.filter(({ at }) => at - startedAt > 300);
        const to = seen.at(-1);
        if (from === undefined || to === undefined) throw new Error("nothing came");
        const measured = ((to.bytes - from.bytes) * 1_000) / (to.at - from.at);
        // A busy machine may be late at the end.
        expect(measured / bytes).toBeWithin(0.75, 1.1);
        expect(target.mismatchAt).toBe(-1);
      });
    }
  }

  suite.case("each direction has its own pace", async (scene) => {
    const upstream = await scene.upstream(sink);
    const address = await paced(scene, upstream, { upRate: MIB, downRate: 4 * MIB });
    const { client, end } = await scene.pair(address, upstream);
    const [upMs, downMs] = await Promise.all([
      carry(client, end, MIB),
      carry(end, client, 2 * MIB),
    ]);
    expect(upMs).toBeGreaterThan(700);
    expect(downMs).toBeWithin(200, upMs);
  });

  suite.case("each relay has its own pace, and neighbours have none", async (scene) => {
    const upstream = await scene.upstream(sink);
    const slow = await paced(scene, upstream, { upRate: MIB });
    const fast = await scene.listen([upstream]);
    const pairs = [];
    for (let i = 0; i < 8; i++) pairs.push(await scene.pair(slow, upstream));
    const neighbour = await scene.pair(fast, upstream);
    const startedAt = performance.now();
    const times = pairs.map(({ client, end }) => carry(client, end, MIB));
    const { client, end } = neighbour;
    client.offer({ seed: 3, total: 16 * MIB });
    end.expects(3);
    await waitFor(() => end.receivedBytes === 16 * MIB, "the neighbour's bytes are there");
    const neighbourMs = performance.now() - startedAt;
    for (const time of await Promise.all(times)) {
      expect(time).toBeGreaterThan(700);
      expect(time).toBeGreaterThan(neighbourMs);
    }
  });

  suite.case("small messages within the rate are not held up", async (scene) => {
    const upstream = await scene.upstream((end) => {
      end.onData = (self, bytes) => void self.send(Buffer.from(bytes));
    });
    const address = await paced(scene, upstream, { upRate: 64 * KIB, downRate: 64 * KIB });
    const plain = await scene.listen([upstream]);
    const timeOf = async (at: Address) => {
      const { client } = await scene.pair(at, upstream);
      const startedAt = performance.now();
      for (let i = 1; i <= 100; i++) {
        client.send("x".repeat(100));
        await waitFor(() => client.receivedBytes === i * 100, "the answer is here");
      }
      return performance.now() - startedAt;
    };
    const [unpaced, held] = [await timeOf(plain), await timeOf(address)];
    expect(held).toBeLessThan(5 * unpaced + 100);
  });

  suite.case("a sink takes what its rate allows", async (scene) => {
    const address = await paced(scene, null, { upRate: 2 * MIB }, { mode: "sink" });
    const client = await scene.client(address);
    const startedAt = performance.now();
    client.offer({ seed: 3, total: MIB }).finish();
    await waitFor(() => client.finSeen, "its end is answered");
    expect(performance.now() - startedAt).toBeGreaterThan(200);
    expect((await scene.ended(1)).up).toMatchObject({ discardedBytes: MIB, lostBytes: 0 });
  });

  suite.case("what comes right behind a PROXY header is paced", async (scene) => {
    const upstream = await scene.upstream(sink);
    const required = { proxyProtocol: "required", upRate: 2 * MIB } as const;
    const address = await paced(scene, upstream, { ...required, tables: openAdmission });
    const source = encodeSockaddr({ kind: "tcp", host: "203.0.113.7", port: 4711 });
    const header = { version: 2, command: "proxy", source, destination: source } as const;
    const client = await scene.client(address);
    const startedAt = performance.now();
    client.send(Buffer.from(writeProxyHeader({ ...header, tlvs: [], crc32c: true })));
    client.offer({ seed: 3, total: MIB });
    await waitFor(() => upstream.ends[0]?.receivedBytes === MIB, "all is there");
    expect(performance.now() - startedAt).toBeGreaterThan(200);
    client.reset();
    expect((await scene.ended(1)).up).toMatchObject({ receivedBytes: MIB, sentBytes: MIB });
  });

  suite.case("a target that stops reading holds its relay up, not its pace", async (scene) => {
    const upstream = await scene.upstream(sink);
    const address = await paced(scene, upstream, { upRate: 16 * MIB });
    const { client, end } = await scene.pair(address, upstream);
    end.expects(3).stallsAfter(MIB);
    client.offer({ seed: 3, total: 24 * MIB }).finish();
    await waitFor(() => end.stalled, "it has stopped");
    const { up } = scene.engine.stats();
    await waitFor(() => scene.engine.stats().up.sentBytes > up.sentBytes, "some more is taken");
    await Bun.sleep(300);
    end.unstall();
    await waitFor(() => end.finSeen, "all is there");
    expect(end).toMatchObject({ finAfterBytes: 24 * MIB, mismatchAt: -1 });
  });

  suite.case("relays that rest hold little memory, however long", async (scene) => {
    const upstream = await scene.upstream(sink);
    const address = await paced(scene, upstream, { upRate: 64 * KIB, downRate: 64 * KIB });
    for (let i = 0; i < 8; i++) {
      const { client, end } = await scene.pair(address, upstream);
      client.offer({ seed: 3, total: 64 * MIB });
      end.offer({ seed: 3, total: 64 * MIB });
    }
    const held = () => scene.engine.stats().memory.segmentsLeased * 64 * KIB;
    await waitFor(() => scene.engine.stats().up.sentBytes > 8 * 24 * KIB, "all of them rest");
    const startedAt = performance.now();
    await waitFor(() => {
      expect(held()).toBeLessThanOrEqual(8 * 2 * 576 * KIB);
      return performance.now() - startedAt > 1_000;
    }, "a second is over");
    const { up, down } = scene.engine.stats();
    for (const { sentBytes } of [up, down]) expect(sentBytes).toBeLessThan(8 * 192 * KIB);
  });
}

function endCases(suite: Suite): void {
  for (const way of ways) {
    suite.case(`${way}: FIN comes after the last byte, when all was allowed`, async (scene) => {
      const upstream = await scene.upstream(sink);
      const address = await paced(scene, upstream, rate(way, 256 * KIB));
      const { source, target } = await sided(scene, address, upstream, way);
      const startedAt = performance.now();
      target.expects(3);
      source.offer({ seed: 3, total: 192 * KIB }).finish();
      await waitFor(() => target.finSeen, "its end is there");
      expect(performance.now() - startedAt).toBeGreaterThan(400);
      expect(target).toMatchObject({ finAfterBytes: 192 * KIB, mismatchAt: -1 });
      // The other direction lives on.
      target.send("the answer");
      await waitFor(() => source.receivedBytes === 10, "the answer is there");
      target.finish();
      expect((await scene.ended(1)).reason).toBe(way === "up" ? "client_fin" : "upstream_fin");
    });
  }

  suite.case("both ends finish while both directions wait", async (scene) => {
    const upstream = await scene.upstream(sink);
    const address = await paced(scene, upstream, { upRate: 256 * KIB, downRate: 256 * KIB });
    const { client, end } = await scene.pair(address, upstream);
    client
      .expects(4)
      .offer({ seed: 3, total: 160 * KIB })
      .finish();
    end
      .expects(3)
      .offer({ seed: 4, total: 128 * KIB })
      .finish();
    expect(await scene.ended(1)).toMatchObject({
      up: { sentBytes: 160 * KIB, lostBytes: 0 },
      down: { sentBytes: 128 * KIB, lostBytes: 0 },
    });
    await waitFor(() => client.closed && end.closed, "both are let go");
    expect(client).toMatchObject({ receivedBytes: 128 * KIB, mismatchAt: -1, closeCode: null });
    expect(end).toMatchObject({ receivedBytes: 160 * KIB, mismatchAt: -1, closeCode: null });
  });
}

function resetCases(suite: Suite): void {
  for (const way of ways) {
    const [source, target] = way === "up" ? ["client", "upstream"] : ["upstream", "client"];

    for (const whose of [source, target]) {
      suite.case(`${way}: the ${whose} resets while bytes wait, and is let go`, async (scene) => {
        const upstream = await scene.upstream(sink);
        const address = await paced(scene, upstream, rate(way, 16 * KIB));
        const ends = await sided(scene, address, upstream, way);
        ends.target.expects(3);
        ends.source.offer({ seed: 3, total: 64 * MIB });
        await waitFor(() => ends.target.receivedBytes >= 16 * KIB, "it has had its burst");
        await Bun.sleep(100);
        const startedAt = performance.now();
        (whose === source ? ends.source : ends.target).reset();
        expect((await scene.ended(1)).reason).toBe(`${whose as "client"}_reset`);
        // At this rate what waits would have taken many times as long.
        expect(performance.now() - startedAt).toBeLessThan(1_500);
        await waitFor(() => ends.source.closed && ends.target.closed, "both are let go");
        expect(ends.target.mismatchAt).toBe(-1);
      });
    }
  }

  suite.case("stop(0) cuts relays that rest", async (scene) => {
    await stopped(scene, 0);
  });

  suite.case(
    "a drain takes relays that rest for busy ones until its time is over",
    async (scene) => {
      expect(await stopped(scene, 1_800)).toBeGreaterThanOrEqual(1_700);
    },
  );
}

/** Milliseconds of a stop while relays rest for a second each. */
async function stopped(scene: Scene, drainMs: number): Promise<number> {
  const upstream = await scene.upstream(sink);
  const address = await paced(scene, upstream, { upRate: KIB, downRate: KIB });
  const { client, end } = await scene.pair(address, upstream);
  client.offer({ seed: 3, total: MIB });
  end.offer({ seed: 3, total: MIB });
  await waitFor(() => end.receivedBytes >= 16 * KIB, "the burst is there");
  const startedAt = performance.now();
  await scene.engine.stop(drainMs);
  expect((await scene.ended(1)).reason).toBe("drain");
  const stoppedMs = performance.now() - startedAt;
  await waitFor(() => client.closed && end.closed, "both are let go");
  return stoppedMs;
}

function patienceCases(suite: Suite): void {
  suite.case("a relay that rests is not idle, and one that has rested is", async (scene) => {
    const upstream = await scene.upstream(sink);
    const address = await paced(scene, upstream, { upRate: KIB }, { idleTimeoutMs: 300 });
    const { client, end } = await scene.pair(address, upstream);
    client.offer({ seed: 3, total: 18 * KIB });
    await waitFor(() => end.receivedBytes === 18 * KIB, "all is there");
    const relay = await scene.ended(1);
    expect(relay).toMatchObject({ reason: "idle_timeout", up: { sentBytes: 18 * KIB } });
    expect(relay.durationMs).toBeGreaterThan(1_700);
  });

  suite.case("one of which an end has finished may rest, too", async (scene) => {
    const upstream = await scene.upstream(sink);
    const address = await paced(scene, upstream, { downRate: KIB }, { halfCloseTimeoutMs: 300 });
    const { client, end } = await scene.pair(address, upstream);
    client.finish();
    await waitFor(() => end.finSeen, "the client has finished");
    end.offer({ seed: 3, total: 18 * KIB });
    await waitFor(() => client.receivedBytes === 18 * KIB, "all is there");
    expect((await scene.ended(1)).reason).toBe("half_close_timeout");
  });
}
