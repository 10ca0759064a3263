import { expect } from "bun:test";
import type { Address } from "../../src/base/address.ts";
import { ListenError } from "../../src/engine/listen-error.ts";
import { echo } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

/** Binding addresses, and what an engine tells about its relays. */
export function listenCases(suite: Suite): void {
  suite.case("an address in use is a ListenError with the system's code", async (scene) => {
    const upstream = await scene.upstream(echo);
    const error = await refusal(scene, upstream.address);
    expect(error.code).toBe("EADDRINUSE");
    expect(error.address).toEqual(upstream.address);
  });

  suite.case("a listen error leaves the other listeners alone", async (scene) => {
    const upstream = await scene.upstream(echo);
    const address = await scene.listen([upstream]);
    await refusal(scene, upstream.address);
    const client = await scene.client(address, (end) => end.expects(1));
    client.offer({ seed: 1, total: 1000 });
    await waitFor(() => client.receivedBytes === 1000, "the echo is complete");
  });

  suite.case("several listeners, each with its own upstream", async (scene) => {
    for (let seed = 1; seed <= 3; seed++) {
      const upstream = await scene.upstream((end) => void end.offer({ seed, total: 100 }));
      const address = await scene.listen([upstream]);
      if (address.kind !== "tcp") throw new Error("a TCP listener answers a TCP address");
      expect(address.port).toBeGreaterThan(0);
      const client = await scene.client(address, (end) => end.expects(seed));
      await waitFor(() => client.receivedBytes === 100, "the upstream's bytes are here");
      expect(client.mismatchAt).toBe(-1);
    }
  });

  suite.case("running relays are listed, oldest first, with live figures", async (scene) => {
    const upstream = await scene.upstream(echo);
    const address = await scene.listen([upstream]);
    for (const bytes of [10, 20]) {
      const client = await scene.client(address);
      client.offer({ seed: 1, total: bytes });
      await waitFor(() => client.receivedBytes === bytes, "the echo is complete");
    }
    const relays = await scene.engine.relays();
    expect(relays.map((relay) => relay.id)).toEqual([1, 2]);
    expect(relays.map((relay) => relay.reason)).toEqual([null, null]);
    expect(relays.map((relay) => relay.up.sentBytes)).toEqual([10, 20]);
    expect(relays.map((relay) => relay.down.receivedBytes)).toEqual([10, 20]);
    expect(relays[0]?.client).toMatch(/^127\.0\.0\.1:\d+$/);
    const { relays: counts, up } = scene.engine.stats();
    expect(counts).toMatchObject({ accepted: 2, running: 2, ended: 0 });
    expect(up.sentBytes).toBe(30);
  });
}

/** Listens where it must fail and answers the error. */
async function refusal(scene: Scene, address: Address): Promise<ListenError> {
  const error = await scene.listen([address], { address }).then(
    () => null,
    (cause: unknown) => cause,
  );
  if (!(error instanceof ListenError)) throw new Error(`no ListenError but ${error}`);
  return error;
}
