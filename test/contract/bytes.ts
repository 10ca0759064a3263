import { expect } from "bun:test";
import type { RelaySummary } from "../../src/relay/ledger/stats.ts";
import type { End } from "../fixtures/end.ts";
import { seeded, sizesUpTo } from "../fixtures/random.ts";
import { waitFor, waitForStandstill } from "../fixtures/wait.ts";
import type { Kind, Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

const MIB = 1024 * 1024;

/** Listener and upstream: every kind on either side at least once. */
const routes: readonly (readonly [Kind, Kind])[] = [
  ["tcp6", "tcp6"],
  ["unix", "unix"],
  ["tcp4", "unix"],
  ["unix", "tcp4"],
];

/** Rule 2: bytes leave in the order in which they came, each once. */
export function bytesCases(suite: Suite): void {
  suite.case(
    "64 MiB each way at once, in writes of 1 B to 256 KiB, with readers that pause",
    async (scene) => {
      const relay = await duplex(scene, "tcp4", "tcp4", 64 * MIB);
      // Otherwise the readers were never slower than the sources and the case proves little.
      expect(relay.up.pauses).toBeGreaterThan(0);
      expect(relay.down.pauses).toBeGreaterThan(0);
    },
    { timeoutMs: 60_000 },
  );
  for (const [from, to] of routes) {
    const name = `4 MiB each way at once from a ${from} listener to a ${to} upstream`;
    suite.case(name, async (scene) => void (await duplex(scene, from, to, 4 * MIB)), {
      needs: [from, to],
    });
  }

  suite.case("50 relays at once do not mix their bytes", async (scene) => {
    const upstream = await scene.upstream((end) => {
      // The first byte says which relay this is, so that each direction has a pattern of its own.
      end.onData = (self, bytes) => {
        if (self.receivedBytes > bytes.length) return;
        self.offer({ seed: 1000 + (bytes[0] ?? 0), total: MIB });
      };
    });
    const address = await scene.listen([upstream]);
    for (let index = 0; index < 50; index++) {
      const client = await scene.client(address, (end) => end.expects(1000 + index));
      client.send(new Uint8Array([index])).offer({ seed: index, total: 100_000 });
    }
    const { clients } = scene;
    await waitFor(
      () => clients.every((one) => one.receivedBytes === MIB),
      () => `every client has its bytes: ${clients.map(String).join("; ")}`,
    );
    await waitFor(() => upstream.ends.every((one) => one.receivedBytes === 100_001), "all is up");
    expect(clients.map((one) => one.mismatchAt)).toEqual(clients.map(() => -1));
  });
}

/**
 * Independent data in both directions at once, then FIN from both. Both ends nap now and then, and
 * after a quarter they stop until nothing moves any more: every buffer on the way is full.
 */
async function duplex(scene: Scene, from: Kind, to: Kind, total: number): Promise<RelaySummary> {
  const seed = 20_260_701;
  const random = seeded(seed);
  const start = (end: End, seedOut: number, seedIn: number) => {
    end
      .expects(seedIn)
      .napping(seeded(seedIn))
      .stallsAfter(total / 4);
    const size = sizesUpTo(256 * 1024, random);
    end.offer({ seed: seedOut, total, size, breathe: random }).finish();
  };
  const upstream = await scene.upstream((end) => start(end, seed + 1, seed), to);
  const address = await scene.listen([upstream], { address: await scene.place(from) });
  const client = await scene.client(address, (end) => start(end, seed, seed + 1));
  const ends = () => [client, ...upstream.ends];
  await waitFor(() => ends().length === 2 && ends().every((end) => end.stalled), "both stall");
  const sent = () => ends().reduce((sum, end) => sum + end.sentBytes, 0);
  await waitForStandstill(sent, "what both send", 100);
  for (const end of ends()) end.unstall();
  await waitFor(
    () => ends().every((end) => end.finSeen || end.mismatchAt >= 0),
    () => `both have everything (seed ${seed}): ${ends().map(String).join("; ")}`,
    50_000,
  );
  for (const end of ends()) {
    expect({ seed, at: end.mismatchAt, bytes: end.finAfterBytes, code: end.closeCode }).toEqual({
      seed,
      at: -1,
      bytes: total,
      code: null,
    });
  }
  const relay = await scene.ended(1);
  expect(relay.reason).toBeOneOf(["client_fin", "upstream_fin"]);
  expect(relay.up).toMatchObject({ receivedBytes: total, sentBytes: total, lostBytes: 0 });
  expect(relay.down).toMatchObject({ receivedBytes: total, sentBytes: total, lostBytes: 0 });
  return relay;
}
