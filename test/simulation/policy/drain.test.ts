import { describe, expect } from "bun:test";
import { edgeDefaults } from "../../../src/config/defaults.ts";
import { NEVER_MS, policy } from "../scene.ts";
import { echo, polite, sink } from "../scripted-world.ts";

// How relays end at a stop.

const KIB = 1024;

describe("a drain ends", () => {
  policy("an idle relay that is alone by FIN, long before its time is over", (scene) => {
    const upstream = scene.upstream(echo);
    scene.listen([upstream]);
    const { client, end } = scene.pair(upstream);
    const stop = scene.stop(120_000);
    client.send(12);
    scene.until("it is served while draining", () => client.receivedBytes === 12);
    const { afterMs, cut } = stop.through();
    expect(afterMs).toBeWithin(900, 3_000);
    expect(cut).toBe(0);
    expect(scene.ended(1).reason).toBe("drain");
    expect([client.finSeen, end.finSeen]).toEqual([true, true]);
  });

  for (const answers of [true, false]) {
    const whose = answers ? "answer it" : "do not";
    policy(`idle relays by FIN in a short time, too, where both ends ${whose}`, (scene) => {
      const upstream = scene.upstream(answers ? polite : sink);
      scene.listen([upstream]);
      const pairs = [0, 1, 2].map(() => scene.pair(upstream));
      if (answers) for (const { client } of pairs) client.answersEnd();
      expect(scene.stop(800).through()).toMatchObject({ cut: 0 });
      expect(scene.record.reasons).toEqual(Array(3).fill("drain"));
      for (const { client, end } of pairs) {
        expect([client.finSeen, end.finSeen]).toEqual([true, true]);
      }
    });
  }

  policy("nobody who waits for an answer, however long that takes", (scene) => {
    const upstream = scene.upstream(sink);
    scene.listen([upstream]);
    const [asking, ended, idle] = [0, 1, 2].map(() => scene.pair(upstream)) as [
      ReturnType<typeof scene.pair>,
      ReturnType<typeof scene.pair>,
      ReturnType<typeof scene.pair>,
    ];
    for (const { client } of [asking, ended]) client.send(5);
    ended.client.finish();
    scene.wait(10);
    const stop = scene.stop(120_000);
    // The others have been silent for longer, and would have ended before it if only that counted.
    scene.until("the idle one is let go", () => idle.client.finSeen);
    scene.wait(60_000);
    expect(scene.relays()).toHaveLength(2);
    expect(stop.isOver).toBe(false);
    for (const { end } of [asking, ended]) end.send(6);
    ended.end.finish();
    scene.until("it has its answer", () => asking.client.receivedBytes === 6);
    asking.client.finish();
    asking.end.finish();
    expect(stop.through().cut).toBe(0);
    expect(scene.record.reasons.toSorted()).toEqual(["client_fin", "client_fin", "drain"]);
    for (const { client } of [asking, ended]) {
      expect([client.receivedBytes, client.finSeen]).toEqual([6, true]);
    }
  });

  policy("clients that ask again and again between two requests", (scene) => {
    scene.listen([scene.upstream(echo)]);
    const asked = [0, 0, 0];
    const clients = asked.map((_, at) => {
      const client = scene.client();
      let asksAt = scene.now;
      client.onStep = () => {
        if (client.finSeen || scene.now < asksAt || client.receivedBytes < (asked[at] ?? 0)) return;
        client.send(1);
        (asked[at] as number)++;
        asksAt = scene.now + 700;
      };
      return client;
    });
    scene.until("all are served", () => clients.every((one) => one.receivedBytes > 0));
    const { afterMs, cut } = scene.stop(4_000).through();
    expect(afterMs).toBeGreaterThanOrEqual(2_900);
    expect(cut).toBe(0);
    expect(scene.record.reasons).toEqual(["drain", "drain", "drain"]);
    // None of them is ever silent for a second, and none has asked in vain.
    expect(clients.map(({ receivedBytes }) => receivedBytes)).toEqual(asked);
    expect(clients.every(({ finSeen }) => finSeen)).toBe(true);
  });

  policy("a client that gets no answers by FIN, shortly before its time is over", (scene) => {
    const upstream = scene.upstream(sink);
    scene.listen([upstream]);
    const { client, end } = scene.pair(upstream);
    client.send(10);
    scene.until("they are there", () => end.receivedBytes === 10);
    const { afterMs, cut } = scene.stop(1_600).through();
    expect(afterMs).toBeWithin(1_300, 1_601);
    expect(cut).toBe(0);
    expect(scene.ended(1).reason).toBe("drain");
    expect([client.finSeen, end.finSeen]).toEqual([true, true]);
  });

  policy(
    "clients by FIN that had connected and were not accepted yet, when they are idle",
    (scene) => {
      scene.listen([scene.upstream(echo)]);
      const clients = [0, 1, 2].map(() => scene.client());
      const stop = scene.stop(4_000);
      for (const client of clients) client.send(1);
      expect(stop.through().cut).toBe(0);
      expect(clients.map(({ receivedBytes }) => receivedBytes)).toEqual([1, 1, 1]);
      expect(clients.every(({ finSeen }) => finSeen)).toBe(true);
    },
  );

  policy("a relay that does not come to its end when its time is over", (scene) => {
    const upstream = scene.upstream((end) => void end.stall());
    scene.listen([upstream]);
    const { client } = scene.pair(upstream);
    client.send(64 * 1024 * KIB);
    scene.wait(100);
    const { afterMs, cut } = scene.stop(200).through();
    expect(afterMs).toBeWithin(200, 260);
    expect(cut).toBe(1);
    expect(scene.ended(1).reason).toBe("drain");
    expect([client.isLetGo, client.finSeen]).toEqual([true, false]);
  });

  policy("one that waits by its rate when its time is over, too", (scene) => {
    const upstream = scene.upstream(sink);
    const edge = { ...edgeDefaults, upRate: KIB, downRate: KIB };
    scene.listen([upstream], { edge });
    const { client, end } = scene.pair(upstream);
    client.send(1024 * KIB);
    end.send(1024 * KIB);
    scene.until("the burst is there", () => end.receivedBytes >= 16 * KIB);
    expect(scene.stop(1_800).through().afterMs).toBeWithin(1_700, 1_900);
    expect(scene.ended(1).reason).toBe("drain");
    expect([client.isLetGo, end.isLetGo]).toEqual([true, true]);
  });
});

describe("a drain is through", () => {
  policy("when its last relay is", (scene) => {
    const upstream = scene.upstream(echo);
    scene.listen([upstream]);
    const { client } = scene.pair(upstream);
    const stop = scene.stop(NEVER_MS);
    client.finish();
    expect(stop.through().afterMs).toBeLessThan(100);
    expect(scene.record.reasons).toEqual(["client_fin"]);
  });

  policy("at once without a relay", (scene) => {
    scene.listen([scene.upstream(echo)]);
    expect(scene.stop(NEVER_MS).through().afterMs).toBeLessThan(10);
  });

  policy("sooner when a second stop leaves it less time", (scene) => {
    const upstream = scene.upstream(echo);
    scene.listen([upstream]);
    const { client } = scene.pair(upstream);
    const first = scene.stop(NEVER_MS);
    client.send(1);
    scene.until("the drain lets it run", () => client.receivedBytes === 1);
    expect(first.isOver).toBe(false);
    scene.stop(0).through();
    expect(first.isOver).toBe(true);
    expect(scene.ended(1).reason).toBe("drain");
  });
});

for (const mode of ["oneway", "sink"] as const) {
  policy(
    `nobody waits for an answer in mode ${mode}`,
    (scene) => {
      scene.listen(mode === "sink" ? [] : [scene.upstream(sink)]);
      const client = scene.client().send(10);
      scene.until("they were taken", () => scene.stats().up.receivedBytes === 10);
      const { afterMs, cut } = scene.stop(NEVER_MS).through();
      expect(afterMs).toBeLessThan(3_000);
      expect(cut).toBe(0);
      expect(client.finSeen).toBe(true);
    },
    { mode },
  );
}
