import { expect, test } from "bun:test";
import { inParallel } from "../fixtures/wait.ts";
import { type Scene, valueFor, withScene } from "./scene.ts";
import { CASE_MS, type ClientKind, type StoreClient } from "./store.ts";

const MIB = 1024 * 1024;

/** The cases in which nobody is cut off: every call is answered, rightly. */
export function calmCases(kind: ClientKind): void {
  const calm = (name: string, play: (scene: Scene) => Promise<void>) =>
    test(name, () => withScene(kind, play), CASE_MS);

  calm("one call after the other, on one connection", async (scene) => {
    const client = await scene.client();
    for (let index = 0; index < 500; index++) await setAndGet(client, index, index);
    await expectInOrder(scene, 1);
  });

  calm("thousands of calls at once", async (scene) => {
    const client = await scene.client();
    const indexes = Array.from({ length: 2_000 }, (_, index) => index);
    await Promise.all(indexes.map((index) => client.set(`key${index}`, valueFor(index, 40))));
    const answers = await Promise.all(indexes.map((index) => client.get(`key${index}`)));
    for (const index of indexes) expectValue(answers[index], index, 40);
    // A pool of connections is as large as its owner likes, which is Bun.
    await expectInOrder(scene, kind.ownsConnection ? 1 : scene.proxied.stats.relays.accepted);
  });

  calm("values of 1 to 8 MiB, one by one and all at once", async (scene) => {
    const client = await scene.client();
    const sizes = [MIB, 3 * MIB + 1, 5 * MIB - 1, 8 * MIB];
    for (const [index, size] of sizes.entries()) await setAndGet(client, index, size);
    const calls = sizes.map((size, index) => setAndGet(client, 10 + index, size));
    await Promise.all(calls);
    await expectInOrder(scene, scene.proxied.stats.relays.accepted);
  });

  calm("200 connections", async (scene) => {
    await inParallel(200, 200, async (index) => {
      const client = await scene.client();
      for (let round = 0; round < 5; round++) await setAndGet(client, 5 * index + round, 2_000);
    });
    if (kind.ownsConnection) await expectInOrder(scene, 200);
    else expect(scene.proxied.stats.relays.accepted).toBeGreaterThan(10);
  });
}

async function setAndGet(client: StoreClient, index: number, size: number): Promise<void> {
  await client.set(`key${index}`, valueFor(index, size));
  expectValue(await client.get(`key${index}`), index, size);
}

function expectValue(answer: Uint8Array | null | undefined, index: number, size: number): void {
  // Not by toEqual, which would print megabytes.
  const isRight = answer instanceof Uint8Array && valueFor(index, size).equals(answer);
  expect(isRight, `the value of key${index}`).toBe(true);
}

/** The clients leave: all relays end as they should, with every byte delivered. */
async function expectInOrder(scene: Scene, relays: number): Promise<void> {
  expect(scene.proxied.stats.relays.accepted).toBe(relays);
  if (!scene.kind.ownsConnection) return;
  scene.closeClients();
  await scene.proxied.untilIdle();
  const { stats } = scene.proxied;
  expect(stats.relays.reasons).toEqual({ client_fin: relays });
  expect([stats.up.lostBytes, stats.down.lostBytes]).toEqual([0, 0]);
}
