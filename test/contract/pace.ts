import { expect } from "bun:test";
import type { Address } from "../../src/base/address.ts";
import { edgeDefaults } from "../../src/config/defaults.ts";
import type { EdgeOptions, ListenerOptions } from "../../src/config/options.ts";
import type { End } from "../fixtures/end.ts";
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

    suite.case(`${way}: 1 MiB per second is just that in the long run`, async (scene) => {
      const upstream = await scene.upstream(sink);
      const address = await paced(scene, upstream, rate(way, MIB));
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
      expect(measured / MIB).toBeWithin(0.75, 1.1);
      expect(target.mismatchAt).toBe(-1);
    });
  }

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
