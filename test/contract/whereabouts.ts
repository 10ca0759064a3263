import { expect } from "bun:test";
import { type Address, formatAddress } from "../../src/base/address.ts";
import { edgeDefaults } from "../../src/config/defaults.ts";
import type { RelaySummary } from "../../src/relay/ledger/stats.ts";
import { openAdmission } from "../fixtures/options.ts";
import { echo } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

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
