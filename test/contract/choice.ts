import { expect } from "bun:test";
import { formatAddress } from "../../src/base/address.ts";
import { dialing, listener, rowed } from "../fixtures/options.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

/** Longer than any case may take. */
const NEVER_MS = 120_000;

/** Which upstream a relay gets, and what becomes of it while there is none. */
export function choiceCases(suite: Suite): void {
  waitCases(suite);
  endCases(suite);
}

/** A client that has got its echo. */
async function served(scene: Scene, address: Parameters<Scene["client"]>[0]) {
  const client = await scene.client(address);
  client.send("x");
  await waitFor(() => client.receivedBytes === 1, "the echo is here");
  return client;
}

function waitCases(suite: Suite): void {
  suite.case("a client is held until an upstream is there", async (scene) => {
    const refusing = scene.refusing();
    const address = await scene.listen([refusing], dialing({ holdMs: NEVER_MS }));
    const client = await scene.client(address);
    client.send("patience");
    await waitFor(() => scene.record.dialsFailed.length >= 2, "it was tried again");
    scene.free(refusing);
    const upstream = Upstream.listen(refusing, echo);
    try {
      await waitFor(() => client.receivedBytes === 8, "the echo is here");
    } finally {
      client.reset();
      await scene.ended(1);
      upstream.close();
    }
  });

  suite.case(
    "room that a reload brings is for those who wait, before anybody comes",
    async (scene) => {
      const upstream = await scene.upstream(echo);
      const upstreams = (maxRelays: number) => [{ ...rowed(upstream.address, 0), maxRelays }];
      const queue = dialing({ queueMs: NEVER_MS, queueMax: 1 });
      const options = listener({ upstreams: upstreams(1), ...queue });
      const listening = await scene.engine.listen(options);
      await served(scene, listening.address);
      const waiting = (await scene.client(listening.address)).send("x");
      await waitFor(async () => (await scene.engine.relays()).length === 2, "it waits");
      // Connected already, and accepted as soon as the loop is free: the queue must be empty by then.
      const update = listening.update({ ...options, upstreams: upstreams(0) });
      const next = (await scene.client(listening.address)).send("x");
      await update;
      const both = [waiting, next];
      await waitFor(
        () => both.every((one) => one.receivedBytes === 1),
        () => `both have their echo, and none ends by ${scene.record.reasons}`,
      );
    },
  );

  suite.case("whoever leaves while waiting is forgotten", async (scene) => {
    const upstream = await scene.upstream(echo);
    const upstreams = [{ ...rowed(upstream.address, 0), maxRelays: 1 }];
    const address = await scene.listen([], { upstreams, ...dialing({ queueMs: NEVER_MS }) });
    const first = await served(scene, address);
    const leaver = await scene.client(address);
    await waitFor(async () => (await scene.engine.relays()).length === 2, "it waits");
    leaver.reset();
    expect(await scene.ended(1)).toMatchObject({ reason: "client_reset", dials: 0 });
    first.reset();
    await scene.ended(2);
    await served(scene, address);
  });
}

function endCases(suite: Suite): void {
  suite.case("the relays of one upstream can be ended", async (scene) => {
    const [one, other] = [await scene.upstream(echo), await scene.upstream(echo)];
    const address = await scene.listen([one, other]);
    const clients = [await served(scene, address), await served(scene, address)];
    scene.engine.drop({ slot: 0 }, 0);
    const relay = await scene.ended(1);
    expect(relay).toMatchObject({
      reason: "upstream_gone",
      upstream: formatAddress(one.address),
    });
    const isGone = (client: (typeof clients)[number]) => client.closed || client.finSeen;
    await waitFor(() => clients.some(isGone), "one is let go");
    const spared = clients.find((client) => !isGone(client));
    spared?.send("y");
    await waitFor(() => spared?.receivedBytes === 2, "the other one lives");
  });

  suite.case("a relay of which nothing moves ends after the idle timeout", async (scene) => {
    const upstream = await scene.upstream(echo);
    const address = await scene.listen([upstream], { idleTimeoutMs: 400 });
    const idle = await served(scene, address);
    const relay = await scene.ended(1);
    expect(relay.reason).toBe("idle_timeout");
    expect(relay.durationMs).toBeGreaterThanOrEqual(390);
    await waitFor(() => idle.finSeen, "it got a FIN");
  });
}
