import { expect } from "bun:test";
import type { Address } from "../../src/base/address.ts";
import { End } from "../fixtures/end.ts";
import { listener } from "../fixtures/options.ts";
import { seeded } from "../fixtures/random.ts";
import { echo, polite, sink } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

const MIB = 1024 * 1024;
/** Longer than any case may take: who stops before did not wait for it. */
const NEVER_MS = 120_000;

/** Stopping while busy: a drain finishes what runs, its timeout cuts it. */
export function stopCases(suite: Suite): void {
  suite.case("a drain finishes a running transfer of 32 MiB and accepts nobody", drain);

  for (const answers of [true, false]) {
    const whose = answers ? "answer it" : "do not";
    suite.case(
      `a short drain ends its idle relays by FIN, too, where both ends ${whose}`,
      async (scene) => {
        const upstream = await scene.upstream(answers ? echo : sink);
        const address = await scene.listen([upstream]);
        for (let count = 0; count < 3; count++) await scene.pair(address, upstream);
        const stopped = watch(scene.engine.stop(800));
        await waitFor(() => stopped.done, "the stop is through");
        expect(scene.record.reasons).toEqual(Array(3).fill("drain"));
        expect(stopped.cut).toBe(0);
        await endedByFin(...scene.clients, ...upstream.ends);
      },
    );
  }

  suite.case("a client that has ended gets its whole answer, or a reset", async (scene) => {
    const upstream = await scene.upstream((end) => {
      end.onFin = () => void end.send("the first half");
    });
    const { client } = await scene.pair(await scene.listen([upstream]), upstream);
    client.finish();
    await waitFor(() => client.receivedBytes === 14, "it has the first half");
    const stopped = watch(scene.engine.stop(600));
    await waitFor(() => stopped.done, "the stop is through");
    expect(stopped.cut).toBe(1);
    await waitFor(() => client.closed, "the client is let go");
    expect(client).toMatchObject({ finAfterBytes: -1, closeCode: "ECONNRESET" });
  });

  suite.case("a relay that is not idle is cut when the drain timeout is over", async (scene) => {
    const upstream = await scene.upstream((end) => void end.stallsAfter(MIB));
    const { client, end } = await scene.pair(await scene.listen([upstream]), upstream);
    client.offer({ seed: 1, total: 64 * MIB });
    await waitFor(() => end.stalled, "the upstream reads no more");
    const stopped = watch(scene.engine.stop(200));
    await waitFor(() => stopped.done, "the stop is through");
    expect(stopped.afterMs).toBeGreaterThanOrEqual(190);
    expect(stopped.cut).toBe(1);
    expect((await scene.ended(1)).reason).toBe("drain");
    await waitFor(() => client.closed, "the client is let go");
    expect(client.finSeen && client.closeCode === null).toBe(false);
  });

  suite.case("nobody waits for an update that a stop overtakes", async (scene) => {
    const listening = await scene.engine.listen(listener({ mode: "sink" }));
    const before = listening.update(listener({ mode: "sink" }));
    const stopping = scene.engine.stop(0);
    const meanwhile = listening.update(listener({ mode: "sink" }));
    await Promise.all([before, stopping, meanwhile]);
    await listening.update(listener({ mode: "sink" }));
  });

  suite.case("stop(0) cuts at once, whatever a relay is doing", cutAll, { linux: true });

  for (const mode of ["oneway", "sink"] as const) {
    suite.case(`stop(0) cuts a relay in mode ${mode}`, async (scene) => {
      const upstream = await scene.upstream(polite);
      const address = await scene.listen(mode === "sink" ? [] : [upstream], { mode });
      const client = await scene.client(address);
      client.send("some bytes");
      await waitFor(() => scene.engine.stats().up.receivedBytes === 10, "they were taken");
      const stopped = watch(scene.engine.stop(0));
      await waitFor(() => stopped.done, "the stop is through");
      expect(scene.record.reasons).toEqual(["drain"]);
      await waitFor(() => client.closed, "the client is let go");
    });
  }

  suite.case("stop(0) from a timer in the middle of a busy turn of a sink", busySink);

  suite.case("whoever the kernel has connected before the stop is served", async (scene) => {
    const address = await scene.listen([await scene.upstream(echo)]);
    const connecting = Array.from({ length: 16 }, () => scene.client(address));
    const stopped = watch(scene.engine.stop(NEVER_MS));
    const clients = await Promise.all(connecting);
    for (const client of clients) client.send("x");
    await waitFor(
      () => clients.every((client) => client.receivedBytes === 1),
      () => `all are answered, not ${clients.map(String).join("; ")}`,
    );
    for (const client of clients) client.finish();
    await waitFor(() => stopped.done, "the stop is through");
    expect(scene.record.reasons).toEqual(Array(16).fill("client_fin"));
  });
}

async function drain(scene: Scene): Promise<void> {
  const total = 32 * MIB;
  const upstream = await scene.upstream((end) => {
    polite(end);
    end.expects(1).napping(seeded(13));
  });
  const address = await scene.listen([upstream]);
  const { client, end } = await scene.pair(address, upstream);
  client.offer({ seed: 1, total });
  await waitFor(() => end.receivedBytes > MIB, "the transfer runs");
  end.pause();
  const stopped = watch(scene.engine.stop(NEVER_MS));
  await waitForRefusal(address);
  expect(end.receivedBytes).toBeLessThan(total);
  expect(stopped.done).toBe(false);
  end.resume();
  client.finish();
  await waitFor(
    () => stopped.done,
    () => `the transfer ends and the stop: ${end}`,
    20_000,
  );
  await waitFor(() => client.closed, "the client is let go");
  expect(end).toMatchObject({ finAfterBytes: total, mismatchAt: -1, closeCode: null });
  // A probe for the refusal may have come before it; it left by a reset.
  const others = scene.record.reasons.filter((reason) => reason !== "client_reset");
  expect(others).toEqual(["client_fin"]);
}

/** Idle, stalled, half-closed and dialling relays, all cut by `stop(0)`. */
async function cutAll(scene: Scene): Promise<void> {
  const upstream = await scene.upstream((end) => void end.pause());
  const address = await scene.listen([upstream]);
  const silent = await scene.silent();
  const hanging = await scene.listen([silent.address], { connectTimeoutMs: NEVER_MS });
  await scene.client(address);
  (await scene.client(address)).finish();
  (await scene.client(address)).offer({ seed: 1, total: 64 * MIB });
  (await scene.client(hanging)).send("early bytes");
  await waitFor(() => upstream.ends.length === 3, "three relays reach their upstream");
  await waitFor(async () => (await scene.engine.relays()).length === 4, "four relays run");
  const stopped = watch(scene.engine.stop(0));
  await waitFor(() => stopped.done, "the stop is through");
  await scene.ended(4);
  expect(scene.record.reasons).toEqual(["drain", "drain", "drain", "drain"]);
  expect(stopped.cut).toBe(4);
  await waitFor(() => scene.clients.every((one) => one.closed), "every client is let go");
  await waitForRefusal(address);
}

/** The stop comes after the chunks of a busy turn were received and before they are sent. */
async function busySink(scene: Scene): Promise<void> {
  const count = 20;
  const address = await scene.listen([], { mode: "sink" });
  for (let index = 0; index < count; index++) await scene.client(address);
  const { clients, engine } = scene;
  const sendAll = () => {
    for (const client of clients) client.send("x");
  };
  for (let round = 1; round <= 3; round++) {
    sendAll();
    await waitFor(() => engine.stats().up.receivedBytes === round * count, "all are received");
  }
  const stopped = { done: false };
  setTimeout(() => {
    void engine.stop(0).then(() => {
      stopped.done = true;
    });
  }, 2);
  sendAll();
  // The timer is due when the loop gets to look at the chunks.
  const startedAt = performance.now();
  while (performance.now() - startedAt < 4);
  await waitFor(() => stopped.done, "the stop is through");
  expect(scene.record.reasons).toEqual(Array(count).fill("drain"));
}

/** All of these were told an orderly end. */
async function endedByFin(...ends: End[]): Promise<void> {
  await waitFor(
    () => ends.every(({ finAfterBytes }) => finAfterBytes >= 0),
    () => `each has a FIN: ${ends.join("; ")}`,
  );
  expect(ends.map(({ closeCode }) => closeCode)).toEqual(ends.map(() => null));
}

/** Knows when a stop was through, without waiting for it. */
function watch(stop: Promise<number>): { done: boolean; afterMs: number; cut: number } {
  const startedAt = performance.now();
  const state = { done: false, afterMs: Number.NaN, cut: Number.NaN };
  void stop.then((cut) => {
    state.cut = cut;
    state.done = true;
    state.afterMs = performance.now() - startedAt;
  });
  return state;
}

/** Waits until nobody gets in at `address` any more. */
async function waitForRefusal(address: Address): Promise<void> {
  let refused = false;
  let trying = false;
  const attempt = async () => {
    trying = true;
    await End.connect(address).then(
      (end) => end.reset(),
      () => {
        refused = true;
      },
    );
    trying = false;
  };
  await waitFor(() => {
    if (!trying && !refused) void attempt();
    return refused;
  }, "new connections are refused");
}
