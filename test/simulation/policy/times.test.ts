import { describe, expect } from "bun:test";
import { LATE_MS, NEVER_MS, policy, type Scene } from "../scene.ts";
import { echo, type Peer, polite, sink } from "../scripted-world.ts";

// What ends a relay in time.

/** Lets somebody say something again and again for so long. */
function keepsOn(scene: Scene, who: Peer, everyMs: number, forMs: number): void {
  for (const until = scene.now + forMs; scene.now < until; scene.wait(everyMs)) who.send(1);
}

describe("a relay of which nothing moves", () => {
  policy("ends after the idle timeout, by FIN", (scene) => {
    scene.listen([scene.upstream(echo)], { idleTimeoutMs: 400 });
    const idle = scene.served();
    const relay = scene.ended(1);
    expect(relay.reason).toBe("idle_timeout");
    expect(relay.durationMs).toBeWithin(400, 400 + LATE_MS);
    scene.until("it got a FIN", () => idle.finSeen);
  });

  policy("does not while something does", (scene) => {
    scene.listen([scene.upstream(echo)], { idleTimeoutMs: 800 });
    keepsOn(scene, scene.served(), 300, 5_000);
    expect(scene.record.ended).toEqual([]);
  });

  policy("of a client that only listens has a time of its own", (scene) => {
    const upstream = scene.upstream(sink);
    const { update } = scene.listen([upstream], { clientIdleTimeoutMs: 400 });
    const { client, end } = scene.pair(upstream);
    keepsOn(scene, end, 50, 300);
    expect(scene.record.ended).toEqual([]);
    keepsOn(scene, end, 50, 300);
    expect(scene.ended(1).reason).toBe("client_idle_timeout");
    expect(client.receivedBytes).toBeGreaterThan(4);
    // That of the upstream is another one.
    update({ clientIdleTimeoutMs: 0, upstreamIdleTimeoutMs: 400 });
    const second = scene.pair(upstream);
    keepsOn(scene, second.end, 50, 2_000);
    expect(scene.record.ended).toHaveLength(1);
    keepsOn(scene, second.client, 50, 600);
    expect(scene.ended(2).reason).toBe("upstream_idle_timeout");
  });
});

describe("a lifetime", () => {
  policy("ends a relay, by FIN", (scene) => {
    scene.listen([scene.upstream(echo)], { lifetimeMs: 500 });
    const client = scene.served();
    const relay = scene.ended(1);
    expect(relay.reason).toBe("lifetime");
    // They are spread by a tenth, so that those that came together do not end together.
    expect(relay.durationMs).toBeWithin(440, 550 + LATE_MS);
    scene.until("it got a FIN", () => client.finSeen);
  });

  policy("leaves one that waits for its answer some time for it", (scene) => {
    const upstream = scene.upstream(sink);
    scene.listen([upstream], { lifetimeMs: 300 });
    const { client, end } = scene.pair(upstream);
    client.send(5);
    scene.wait(500);
    end.send(6);
    scene.until("it got a FIN", () => client.finSeen);
    expect(client.receivedBytes).toBe(6);
    expect(scene.ended(1).reason).toBe("lifetime");
  });
});

describe("a half-closed relay", () => {
  policy("works on for as long as bytes move", (scene) => {
    const upstream = scene.upstream(sink);
    scene.listen([upstream], { halfCloseTimeoutMs: 1_000 });
    const { client, end } = scene.pair(upstream);
    client.finish();
    // The timeout is for standing still, not for age.
    keepsOn(scene, end, 300, 6_000);
    end.finish();
    scene.until("the answer has ended", () => client.finSeen);
    expect(client.receivedBytes).toBe(20);
    expect(scene.ended(1).reason).toBe("client_fin");
  });

  policy("that stands still is given up", (scene) => {
    const upstream = scene.upstream(sink);
    scene.listen([upstream], { halfCloseTimeoutMs: 200 });
    const { client, end } = scene.pair(upstream);
    client.finish();
    const relay = scene.ended(1);
    expect(relay.reason).toBe("half_close_timeout");
    expect(relay.durationMs).toBeWithin(200, 200 + LATE_MS);
    expect([client.isLetGo, end.isLetGo]).toEqual([true, true]);
  });

  policy("is not one that nobody half-closed, which may stand still", (scene) => {
    scene.listen([scene.upstream(echo)], { halfCloseTimeoutMs: 50 });
    const quiet = scene.served();
    scene.wait(60_000);
    quiet.send(10);
    scene.until("the quiet relay lives", () => quiet.receivedBytes === 11);
  });
});

describe("a dial", () => {
  policy("is given up in time", (scene) => {
    scene.listen([scene.silent()], { connectTimeoutMs: 300 });
    const client = scene.client();
    const relay = scene.ended(1);
    expect(relay).toMatchObject({ reason: "connect_timeout", dials: 1 });
    expect(relay.durationMs).toBeWithin(300, 300 + LATE_MS);
    expect(client.isLetGo).toBe(true);
  });

  policy("of a name has one time for all of its addresses", (scene) => {
    const silents = [scene.silent(), scene.silent(), scene.silent()];
    const name = scene.name("dead.test", silents);
    scene.listen([name], { connectTimeoutMs: 2_000 });
    scene.client();
    scene.until("all addresses are tried", () => scene.carrier.attempts.size === 3);
    const relay = scene.ended(1);
    expect(relay).toMatchObject({ reason: "connect_timeout", dials: 1, upstream: "dead.test:9" });
    expect(relay.durationMs).toBeWithin(2_000, 2_000 + LATE_MS);
    expect(scene.record.dialsFailed).toMatchObject([
      { upstream: "dead.test:9", reason: "connect_timeout" },
    ]);
    scene.settle();
    expect(scene.carrier.attempts.size).toBe(0);
  });

  policy("is another upstream's when none of a name's addresses answers", (scene) => {
    const name = scene.name("dead.test", [scene.silent(), scene.silent()]);
    scene.listen([name, scene.upstream(echo)], { connectTimeoutMs: 1_000 });
    scene.served();
    expect(scene.relays()).toMatchObject([{ dials: 2, upstream: "10.9.9.9:7003" }]);
    scene.settle();
    expect(scene.carrier.attempts.size).toBe(0);
  });

  policy("of a name has failed once when all addresses refuse", (scene) => {
    const all = [scene.refusing(), scene.refusing(), scene.refusing()];
    scene.listen([scene.name("many.test", all)]);
    const client = scene.client();
    expect(scene.ended(1)).toMatchObject({ reason: "connect_refused", dials: 1 });
    expect(scene.record.dialsFailed.map(({ upstream }) => upstream)).toEqual(["many.test:9"]);
    expect(client.isLetGo).toBe(true);
  });

  policy("loses no time by addresses that refuse", (scene) => {
    const refusing = Array.from({ length: 15 }, () => scene.refusing());
    scene.listen([scene.name("many.test", [...refusing, scene.upstream(echo)])]);
    scene.served();
    // Fifteen delays would be nearly four seconds.
    expect(scene.relays()[0]?.dialMs).toBeLessThan(LATE_MS);
    expect(scene.record.dialsFailed).toEqual([]);
  });

  policy("tries a name's next address while the first keeps silent", (scene) => {
    scene.listen([scene.name("two.test", [scene.silent(), scene.upstream(echo)])], {
      connectTimeoutMs: NEVER_MS,
    });
    for (let count = 0; count < 5; count++) scene.served();
    for (const relay of scene.relays()) {
      expect(relay).toMatchObject({ dials: 1, upstream: "two.test:9" });
      expect(relay.dialMs).toBeWithin(250, 250 + LATE_MS);
    }
    expect(scene.record.dialsFailed).toEqual([]);
  });

  policy("waits for a name's first answer, with what its client sends", (scene) => {
    scene.holdNames();
    scene.listen([scene.name("slow.test", [scene.upstream(echo)])]);
    const client = scene.client().send(5);
    scene.until("the name is asked for", () => scene.namesAsked === 1);
    scene.answerNames();
    scene.until("the echo is here", () => client.receivedBytes === 5);
  });

  policy("is not begun by an answer that comes too late", (scene) => {
    scene.holdNames();
    const upstream = scene.upstream(polite);
    scene.listen([scene.name("slow.test", [upstream])], { connectTimeoutMs: 300 });
    scene.client();
    expect(scene.ended(1)).toMatchObject({ reason: "connect_timeout", dials: 1 });
    const leaving = scene.client();
    scene.until("the second one waits", () => scene.namesAsked === 2);
    leaving.reset();
    expect(scene.ended(2)).toMatchObject({ reason: "client_reset" });
    scene.client();
    scene.until("the third one waits", () => scene.namesAsked === 3);
    scene.answerNames();
    scene.until("it is dialled for", () => upstream.ends.length > 0);
    scene.wait(1_000);
    expect(upstream.ends).toHaveLength(1);
    expect(scene.record.dialsFailed).toMatchObject([{ reason: "connect_timeout" }]);
  });
});
