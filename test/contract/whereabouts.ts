import { expect } from "bun:test";
import { type Address, formatAddress } from "../../src/base/address.ts";
import { edgeDefaults, listenerDefaults } from "../../src/config/defaults.ts";
import type { ListenerOptions } from "../../src/config/options.ts";
import type { RelaySummary } from "../../src/relay/ledger/stats.ts";
import { openAdmission, rowed } from "../fixtures/options.ts";
import { echo } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

/** Longer than any case may take. */
const NEVER_MS = 120_000;

function dialing(options: Partial<ListenerOptions["dial"]>): Partial<ListenerOptions> {
  return { dial: { ...listenerDefaults.dial, ...options } };
}

/** What a story says of the ends of both connections, and of the time that a client had to wait. */
export function whereaboutCases(suite: Suite): void {
  suite.case(
    "a story says where its client has connected to, and who has answered",
    async (scene) => {
      const upstream = await scene.upstream(echo);
      const address = await scene.listen([upstream]);
      expect(await served(scene, address)).toMatchObject({
        local: formatAddress(address),
        resolved: formatAddress(upstream.address),
        peer: null,
        waitedMs: 0,
      });
    },
  );

  suite.case(
    "also behind a wildcard, of which no address is the client's",
    async (scene) => {
      const upstream = await scene.upstream(echo);
      const wild: Address = { kind: "tcp", host: "0.0.0.0", port: 0 };
      const { port } = (await scene.listen([upstream], { address: wild })) as { port: number };
      for (const host of ["127.0.0.1", "127.0.0.2"]) {
        const local = formatAddress({ kind: "tcp", host, port });
        expect(await served(scene, { kind: "tcp", host, port })).toMatchObject({ local });
      }
    },
    { linux: true },
  );

  suite.case("of a name the address that has answered is told", async (scene) => {
    const upstream = await scene.upstream(echo);
    const name = scene.name("two.test", [scene.refusing(), upstream.address]);
    const told = await served(scene, await scene.listen([name]));
    expect(told).toMatchObject({
      upstream: formatAddress(name),
      resolved: formatAddress(upstream.address),
    });
  });

  suite.case("none has answered where none has", async (scene) => {
    await scene.client(await scene.listen([scene.refusing()]));
    expect(await scene.ended(1)).toMatchObject({ resolved: null, dialMs: null });
  });

  suite.case("behind a PROXY header it says who has connected, too", async (scene) => {
    const upstream = await scene.upstream(echo);
    const edge = { ...edgeDefaults, proxyProtocol: "required", tables: openAdmission } as const;
    const address = await scene.listen([upstream], { edge });
    const told = await served(scene, address, "PROXY TCP4 10.9.8.7 10.6.5.4 4321 80\r\n");
    expect(told).toMatchObject({ client: "10.9.8.7:4321", local: "10.6.5.4:80" });
    expect(told.peer).toMatch(/^127\.0\.0\.1:\d+$/);
    // One that names nobody changes nothing.
    expect(await served(scene, address, "PROXY UNKNOWN\r\n")).toMatchObject({
      local: formatAddress(address),
      peer: null,
    });
  });

  suite.case("a client that waited in vain says for how long", async (scene) => {
    await scene.client(await scene.listen([scene.refusing()], dialing({ holdMs: 200 })));
    const { waitedMs, durationMs } = await scene.ended(1);
    expect(waitedMs).toBeGreaterThanOrEqual(190);
    expect(waitedMs).toBeLessThanOrEqual(durationMs);
  });

  suite.case("a client that waited for room says for how long, and no longer", async (scene) => {
    const upstream = await scene.upstream(echo);
    const upstreams = [{ ...rowed(upstream.address, 0), maxRelays: 1 }];
    const address = await scene.listen([], { upstreams, ...dialing({ queueMs: NEVER_MS }) });
    const first = (await scene.client(address)).send("x");
    await waitFor(() => first.receivedBytes === 1, "the first is served");
    const second = (await scene.client(address)).send("x");
    await waitFor(async () => ((await running(scene))?.waitedMs ?? 0) > 30, "it waits for a while");
    first.reset();
    await waitFor(() => second.receivedBytes === 1, "the second is served");
    const waited = (await running(scene))?.waitedMs ?? 0;
    second.reset();
    const told = await scene.ended(2);
    expect(told.waitedMs).toBe(waited);
    expect(told.waitedMs).toBeGreaterThan(30);
    expect(told.waitedMs).toBeLessThanOrEqual(told.dialMs ?? 0);
  });
}

/** The relay that has begun last. */
async function running(scene: Scene): Promise<RelaySummary | undefined> {
  return (await scene.engine.relays()).at(-1);
}

/** What is told of a client that got its echo. @param before what it begins with */
async function served(scene: Scene, address: Address, before = ""): Promise<RelaySummary> {
  const count = scene.record.ended.length;
  const client = await scene.client(address);
  client.send(`${before}hello`);
  await waitFor(() => client.receivedBytes === 5, "the echo is here");
  client.reset();
  return await scene.ended(count + 1);
}
