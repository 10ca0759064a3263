import { expect } from "bun:test";
import { type Address, formatAddress } from "../../src/base/address.ts";
import { descriptorsSince, openDescriptors } from "../fixtures/proc.ts";
import { attempts, type Silent } from "../fixtures/system.ts";
import { echo } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

/** Longer than any case may take: who ends before did not wait for it. */
const NEVER_MS = 120_000;
/** From one attempt to the next, less what timers may be early. */
const DELAY_MS = 245;

/** Upstreams that are names of several addresses, of which not all are there. */
export function nameCases(suite: Suite): void {
  suite.case("a name's next address is tried while the first keeps silent", oneSilent, {
    linux: true,
  });

  suite.case("an attempt that lost is over, and what it dialled never hears of it", loser, {
    linux: true,
  });

  suite.case("a name with six silent addresses: the oldest attempts give way", sixSilent, {
    linux: true,
  });

  suite.case("an address that refuses does not end the attempts beside it", beside, {
    linux: true,
  });

  suite.case("a client that leaves in the middle ends all attempts", leaving, { linux: true });

  suite.case("an answer that comes too late starts nothing", tooLate);
}

/** A client of that listener is served. */
async function served(scene: Scene, address: Address): Promise<void> {
  const client = await scene.client(address);
  client.send("served?");
  await waitFor(() => client.receivedBytes === 7, "the echo is here");
}

async function silentOnes(scene: Scene, count: number): Promise<Silent[]> {
  return await Promise.all(Array.from({ length: count }, () => scene.silent()));
}

async function oneSilent(scene: Scene): Promise<void> {
  const silent = await scene.silent();
  const upstream = await scene.upstream(echo);
  const name = scene.name("two.test", [silent.address, upstream.address]);
  const address = await scene.listen([name], { connectTimeoutMs: NEVER_MS });
  await Promise.all(Array.from({ length: 5 }, () => served(scene, address)));
  for (const relay of await scene.engine.relays()) {
    expect(relay).toMatchObject({ dials: 1, upstream: formatAddress(name) });
    expect(relay.dialMs).toBeGreaterThanOrEqual(DELAY_MS);
    // The system would give up after two minutes, and the relay's own time is as long.
    expect(relay.dialMs).toBeLessThan(5_000);
  }
  expect(scene.record.dialsFailed).toEqual([]);
}

async function loser(scene: Scene): Promise<void> {
  const silent = await scene.silent();
  const upstream = await scene.upstream(echo);
  const name = scene.name("two.test", [silent.address, upstream.address]);
  const address = await scene.listen([name], { connectTimeoutMs: NEVER_MS });
  const client = await scene.client(address);
  client.send("served?");
  await waitFor(() => client.receivedBytes === 7, "the echo is here");
  expect((await scene.engine.relays())[0]?.dialMs).toBeGreaterThanOrEqual(DELAY_MS);
  await waitFor(() => attempts() === 0, "the first attempt is over");
  let heard = 0;
  silent.awake(() => heard++);
  // Longer than the system waits before it sends a SYN again.
  await Bun.sleep(1_200);
  expect(heard).toBe(0);
  expect(await scene.engine.relays()).toMatchObject([{ reason: null }]);
  client.send("and still");
  await waitFor(() => client.receivedBytes === 16, "the relay goes on");
}

async function beside(scene: Scene): Promise<void> {
  const silent = await scene.silent();
  const name = scene.name("two.test", [silent.address, scene.refusing()]);
  const client = await scene.client(await scene.listen([name], { connectTimeoutMs: NEVER_MS }));
  client.send("served?");
  await waitFor(() => attempts() === 1, "the first address is tried");
  // It answers when the system tries again, after a second; the other has refused by then.
  silent.awake(echo);
  await waitFor(() => client.receivedBytes === 7, "the echo is here");
  expect(scene.record.dialsFailed).toEqual([]);
  expect(await scene.engine.relays()).toMatchObject([{ dials: 1 }]);
}

async function sixSilent(scene: Scene): Promise<void> {
  const silents = await silentOnes(scene, 6);
  const upstream = await scene.upstream(echo);
  const all = [...silents.map((one) => one.address), upstream.address];
  const address = await scene.listen([scene.name("far.test", all)], { connectTimeoutMs: NEVER_MS });
  let most = 0;
  const client = await scene.client(address);
  client.send("served?");
  await waitFor(() => {
    most = Math.max(most, attempts());
    return client.receivedBytes === 7;
  }, "the echo is here");
  // Four; one that gives way may be seen beside the next one while the system is looked at.
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThan(6);
  expect((await scene.engine.relays())[0]?.dialMs).toBeLessThan(5_000);
  await waitFor(() => attempts() === 0, "the other attempts are over");
}

async function leaving(scene: Scene): Promise<void> {
  const silents = await silentOnes(scene, 2);
  const name = scene.name(
    "dead.test",
    silents.map((one) => one.address),
  );
  const address = await scene.listen([name], { connectTimeoutMs: NEVER_MS });
  const before = openDescriptors();
  const client = await scene.client(address);
  await waitFor(() => attempts() === 2, "both addresses are tried");
  client.reset();
  expect(await scene.ended(1)).toMatchObject({ reason: "client_reset" });
  await waitFor(() => attempts() === 0, "both attempts are over");
  const left = () => `no descriptor is left (${descriptorsSince(before)})`;
  await waitFor(() => descriptorsSince(before) === "", left, 3_000);
}

/** A dial that was given up, a client that has left, and the next tenant, before the name is known. */
async function tooLate(scene: Scene): Promise<void> {
  const upstream = await scene.upstream(echo);
  const name = scene.name("slow.test", [upstream.address]);
  const held = scene.hold("slow.test");
  const address = await scene.listen([name], { connectTimeoutMs: 300 });
  await scene.client(address);
  expect(await scene.ended(1)).toMatchObject({ reason: "connect_timeout", dials: 1 });
  const leaving = await scene.client(address);
  await waitFor(() => held.waiting === 2, "the second one waits");
  leaving.reset();
  expect(await scene.ended(2)).toMatchObject({ reason: "client_reset" });
  const client = await scene.client(await scene.listen([name]));
  client.send("served?");
  await waitFor(() => held.waiting === 3, "the third one waits");
  held.answer();
  await waitFor(() => client.receivedBytes === 7, "the echo is here");
  // Everybody was answered in this order: who was to dial has dialled.
  expect(upstream.ends).toHaveLength(1);
  expect(scene.record.dialsFailed).toMatchObject([{ reason: "connect_timeout" }]);
}
