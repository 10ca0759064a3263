import { expect } from "bun:test";
import { echo, polite } from "../fixtures/upstream.ts";
import { inParallel, waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

const MIB = 1024 * 1024;
/** Enough for each order in which two ends may leave. */
const ROUNDS = 80;
const LEAVING = 400;

/** Ends that behave badly: an engine counts what they do and goes on. */
export function hostileCases(suite: Suite): void {
  const departures = ["FIN", "RST", "close"] as const;
  for (const how of departures) {
    const name = `${LEAVING} clients that leave at once by ${how}`;
    suite.case(name, (scene) => leaveAtOnce(scene, how));
  }

  suite.case("an upstream that is gone while its client goes on sending", async (scene) => {
    const upstream = await scene.upstream((end) => {
      // It closes both directions: whatever is sent to it later is answered by its system's RST.
      end.onData = (self) => self.close();
    });
    const client = await scene.client(await scene.listen([upstream]));
    client.offer({ seed: 1, total: 1024 * MIB });
    const relay = await scene.ended(1);
    expect(relay.reason).toBeOneOf(["upstream_reset", "upstream_fin"]);
    await waitFor(() => client.closed, "the client is let go");
    expect(client.drained).toBe(false);
  });

  suite.case("a client that is gone while its upstream goes on sending", async (scene) => {
    const upstream = await scene.upstream((end) => void end.offer({ seed: 1, total: 1024 * MIB }));
    const client = await scene.client(await scene.listen([upstream]), (end) => {
      end.onData = (self) => self.close();
    });
    const relay = await scene.ended(1);
    expect(relay.reason).toBeOneOf(["client_reset", "client_fin"]);
    await waitFor(() => upstream.end(0).closed, "the upstream is let go");
    expect(client.closed).toBe(true);
  });

  suite.case("both ends reset at once with data in flight, again and again", async (scene) => {
    const upstream = await scene.upstream((end) => void end.offer({ seed: 1, total: 64 * MIB }));
    const address = await scene.listen([upstream]);
    for (let round = 0; round < ROUNDS; round++) {
      const { client, end } = await scene.pair(address, upstream);
      client.offer({ seed: 2, total: 64 * MIB });
      await waitFor(() => client.receivedBytes > 0 && end.receivedBytes > 0, "data is in flight");
      if (round % 2 === 0) client.reset();
      end.reset();
      if (round % 2 === 1) client.reset();
    }
    await scene.ended(ROUNDS);
    const { reasons } = scene.engine.stats().relays;
    expect((reasons.client_reset ?? 0) + (reasons.upstream_reset ?? 0)).toBe(ROUNDS);
  });

  suite.case("both ends close at once with data in flight, again and again", async (scene) => {
    const upstream = await scene.upstream((end) => void end.offer({ seed: 1, total: MIB }));
    const address = await scene.listen([upstream]);
    for (let round = 0; round < ROUNDS; round++) {
      const { client, end } = await scene.pair(address, upstream);
      client.offer({ seed: 2, total: MIB });
      client.close();
      end.close();
    }
    await scene.ended(ROUNDS);
  });

  suite.case("both ends FIN at once without a byte, again and again", async (scene) => {
    const upstream = await scene.upstream((end) => void end.finish());
    const address = await scene.listen([upstream]);
    await inParallel(LEAVING, 20, async () => {
      const client = await scene.client(address, (end) => end.finish());
      await waitFor(
        () => client.closed,
        () => `the client is let go: ${client}`,
      );
      expect(client.closeCode).toBeNull();
    });
    await scene.ended(LEAVING);
    const { reasons } = scene.engine.stats().relays;
    expect((reasons.client_fin ?? 0) + (reasons.upstream_fin ?? 0)).toBe(LEAVING);
  });
}

/** Afterwards an honest client is served as if nothing had been. */
async function leaveAtOnce(scene: Scene, how: "FIN" | "RST" | "close"): Promise<void> {
  const upstream = await scene.upstream(polite);
  const address = await scene.listen([upstream]);
  await inParallel(LEAVING, 50, async () => {
    const client = await scene.client(address);
    if (how === "FIN") client.finish();
    else if (how === "RST") client.reset();
    else client.close();
    await waitFor(
      () => client.closed,
      () => `the client is let go: ${client}`,
    );
    scene.clients.splice(scene.clients.indexOf(client), 1);
  });
  const { engine } = scene;
  // A connection that is reset before it was accepted may never be seen: that is the system's way.
  const settled = () => engine.stats().relays.running === 0;
  await waitFor(settled, "no relay is left");
  if (how === "FIN") await scene.ended(LEAVING);
  const echoing = await scene.upstream(echo);
  const honest = await scene.client(await scene.listen([echoing]));
  honest.send("served");
  await waitFor(() => honest.receivedBytes === 6, "an honest client is served");
}
