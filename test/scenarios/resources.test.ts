import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { EngineName } from "../../src/config/options.ts";
import { choose } from "../../src/engine/select.ts";
import { probe } from "../../src/engine/uring/probe.ts";
import { End } from "../fixtures/end.ts";
import { waitForNoGrowth } from "../fixtures/growth.ts";
import { sink, Upstream } from "../fixtures/upstream.ts";
import { waitFor, waitForStandstill } from "../fixtures/wait.ts";
import { churn, echoUpstream, IdleRelays } from "./resources/load.ts";
import { MeasuredProxy } from "./resources/proxy.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const linux = process.platform === "linux";
/** Both, where io_uring can run. */
const engines: EngineName[] = linux
  ? [...new Set(["sockets" as const, choose("auto", probe()).name])]
  : [];

// Longer than any bounded wait, so that it is the wait which says what did not happen.
setDefaultTimeout(60_000);

/**
 * What the proxy may take of the machine, as promised; read from /proc, therefore Linux only. Each
 * case measures a process of its own and mostly waits until that is quiet: they run side by side.
 */
describe.if(linux).each(engines)("resources of `bun src/main.ts -e %s`", (engine) => {
  const echo = echoUpstream();
  afterAll(() => echo.stop(true));

  /** Measured: 3.2 to 4.3 MiB (sockets); what the ends' kernels do not hold is two chunks. */
  test.concurrent.each(["upstream", "client"] as const)(
    "256 MiB for a stalled %s: a fresh process grows by at most 16 MiB",
    async (stalled) => {
      const peak = await stalledGrowth(engine, stalled);
      expect(peak).toBeLessThanOrEqual(16 * MIB);
    },
  );

  /**
   * Counted is what relays cost, not what the runtime takes once when it first sees so many sockets
   * (3 to 4 KiB for each of the first 2,000): therefore 2,000 relays are opened and closed before.
   * What these leave behind is used again; therefore 2,000 more, beside the others, count as well.
   *
   * Measured 2026-12-01, the more of both: 3.6 to 4.1 KiB (sockets), 2.2 to 2.9 (uring).
   */
  test.concurrent("2,000 idle relays take at most 4 KiB each", async () => {
    const costs: number[] = [];
    // Garbage and an allocator's reserves fall into a measurement: the cheapest of five counts.
    while (costs.length < 5 && !costs.some((cost) => cost <= 4 * KIB)) {
      costs.push(await idleCost(engine, echo.port, 2000));
    }
    expect(Math.min(...costs)).toBeLessThanOrEqual(4 * KIB);
  });

  /**
   * Closed sockets are garbage until Bun's collector comes round, when it likes.
   *
   * Measured 2026-11-23: back to 2 MiB or less above the level.
   */
  test.concurrent("10,000 closed relays leave no descriptor and at most 8 MiB", async () => {
    await using proxy = await MeasuredProxy.start(engine, echo.port);
    const descriptors = proxy.descriptorCount();
    const load = async () => {
      await churn(proxy.port, 10_000);
      await proxy.released(descriptors);
    };
    await load();
    const level = await proxy.quietBytes(1500);
    await load();
    await waitForNoGrowth({ bytes: () => proxy.residentBytes(), level, bound: 8 * MIB, load });
  });
});

/** @returns how far a fresh process' memory grows from the offer until long after nothing moves */
async function stalledGrowth(engine: EngineName, stalled: "upstream" | "client"): Promise<number> {
  const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, sink);
  if (upstream.address.kind !== "tcp") throw new Error("it has no port");
  await using proxy = await MeasuredProxy.start(engine, upstream.address.port);
  const level = await proxy.quietBytes(300);
  const client = await End.connect({ kind: "tcp", host: "127.0.0.1", port: proxy.port });
  await waitFor(() => upstream.ends.length === 1, "the relay stands");
  const accepted = upstream.end(0);
  const [source, target] = stalled === "upstream" ? [client, accepted] : [accepted, client];
  target.pause();

  let peak = 0;
  source.offer({ seed: 1, total: 256 * MIB });
  const sent = () => {
    peak = Math.max(peak, proxy.residentBytes() - level);
    return source.sentBytes;
  };
  await waitForStandstill(sent, "what the source has sent", 1500);
  expect(source.sentBytes).toBeGreaterThan(0);
  expect(source.drained).toBe(false);
  expect(target).toMatchObject({ receivedBytes: 0, closed: false });
  client.reset();
  upstream.close();
  return peak;
}

/** @returns what an idle relay takes, in bytes: the more of so many, and of as many beside them */
async function idleCost(engine: EngineName, port: number, count: number): Promise<number> {
  await using proxy = await MeasuredProxy.start(engine, port);
  const descriptors = proxy.descriptorCount();
  const warmUp = await IdleRelays.open(proxy.port, count);
  await warmUp.close();
  await proxy.released(descriptors);
  const level = await proxy.quietBytes(1000);

  const first = await IdleRelays.open(proxy.port, count);
  const firstLevel = await proxy.quietBytes(1000);
  const second = await IdleRelays.open(proxy.port, count);
  const secondLevel = await proxy.quietBytes(1000);

  expect(first.count + second.count).toBe(2 * count);
  expect(proxy.descriptorCount()).toBe(descriptors + 4 * count);
  await first.close();
  await second.close();
  await proxy.released(descriptors);
  return Math.max(firstLevel - level, secondLevel - firstLevel) / count;
}
