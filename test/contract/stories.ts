import { expect } from "bun:test";
import { formatAddress } from "../../src/base/address.ts";
import { echo, sink } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Suite } from "./suite.ts";

/** What is told of relays, and counted by listener and upstream. */
export function storyCases(suite: Suite): void {
  suite.case("a story says where, to whom, and when the upstream answered", async (scene) => {
    const upstream = await scene.upstream(sink);
    const address = await scene.listen([upstream]);
    const { client, end } = await scene.pair(address, upstream);
    client.send(Buffer.from("hello"));
    await waitFor(() => end.receivedBytes === 5, "the upstream has the request");
    await Bun.sleep(20);
    end.send(Buffer.from("world!"));
    await waitFor(() => client.receivedBytes === 6, "the client has the answer");
    client.finish();
    end.finish();
    const relay = await scene.ended(1);
    expect(relay.listener).toBe(formatAddress(address));
    expect(relay.upstream).toBe(formatAddress(upstream.address));
    expect(relay.dialMs).not.toBeNull();
    // Timers may be a little early.
    expect((relay.firstByteMs ?? 0) - (relay.dialMs ?? 0)).toBeGreaterThan(15);
  });

  suite.case("figures by listener: names are shared, and running relays count", async (scene) => {
    const upstream = await scene.upstream(sink);
    const one = await scene.listen([upstream], { name: "front" });
    const two = await scene.listen([upstream], { name: "front" });
    const other = await scene.listen([upstream]);
    for (const address of [one, two]) {
      const { client, end } = await scene.pair(address, upstream);
      client.send(Buffer.from("12345"));
      end.send(Buffer.from("123"));
      await waitFor(() => client.receivedBytes === 3 && end.receivedBytes === 5, "all is there");
    }
    expect(scene.engine.stats().listeners).toMatchObject([
      {
        listener: "front",
        accepted: 2,
        running: 2,
        waiting: 0,
        dials: 2,
        upstreams: [
          { upstream: formatAddress(upstream.address), ended: {}, upBytes: 10, downBytes: 6 },
        ],
      },
      { listener: formatAddress(other), accepted: 0, running: 0, waiting: 0, upstreams: [] },
    ]);
  });

  suite.case("after a load every byte is counted once, though its relays run", async (scene) => {
    const upstream = await scene.upstream(echo);
    const address = await scene.listen([upstream], { name: "front" });
    const sizes = [1, 100, 4_096, 70_000, 1_000_000, 3, 20_000, 600_000];
    const clients = await Promise.all(
      sizes.map((total, seed) => scene.client(address, (end) => end.offer({ seed, total }))),
    );
    const isEchoed = () => clients.every((one, i) => one.receivedBytes === sizes[i]);
    await waitFor(isEchoed, "every echo is there");
    const total = sizes.reduce((sum, size) => sum + size);
    // The last sends of a loop that sleeps may be counted when it wakes.
    const isCounted = () => {
      const { up, down } = scene.engine.stats();
      return up.sentBytes === total && down.sentBytes === total;
    };
    await waitFor(isCounted, () => `all of it is counted: ${JSON.stringify(scene.engine.stats())}`);
    const { up, down, relays, listeners } = scene.engine.stats();
    expect([up.receivedBytes, down.receivedBytes]).toEqual([total, total]);
    expect([up.sentBytes, down.sentBytes]).toEqual([total, total]);
    expect(relays).toMatchObject({ accepted: 8, running: 8, ended: 0 });
    expect(listeners).toMatchObject([
      {
        listener: "front",
        running: 8,
        waiting: 0,
        upstreams: [{ upBytes: total, downBytes: total }],
      },
    ]);
  });
}
