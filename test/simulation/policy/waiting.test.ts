import { describe, expect } from "bun:test";
import { formatAddress } from "../../../src/base/address.ts";
import type { UpstreamOptions } from "../../../src/config/options.ts";
import { dialing, rowed } from "../../fixtures/options.ts";
import { LATE_MS, NEVER_MS, policy, type Scene } from "../scene.ts";
import { echo, type ScriptedUpstream } from "../scripted-world.ts";

// What becomes of a client while there is no upstream for it, or no room.

/** A row of an upstream that takes so many relays. */
function limited({ address }: ScriptedUpstream, maxRelays: number, slot = 0): UpstreamOptions {
  return { ...rowed(address, slot), maxRelays };
}

/** A client that sends a byte, once so many relays are there. */
function comes(scene: Scene, count: number) {
  const client = scene.client().send(1);
  scene.until(`${count} are there`, () => scene.relays().length === count);
  return client;
}

describe("room at an upstream:", () => {
  policy("a full one gets nobody more, until one has left", (scene) => {
    scene.listen([], { upstreams: [limited(scene.upstream(echo), 1)] });
    const first = scene.served();
    const second = scene.client();
    expect(scene.ended(1)).toMatchObject({ reason: "upstreams_full", dials: 0 });
    expect(second.isLetGo).toBe(true);
    first.reset();
    scene.ended(2);
    scene.served();
  });

  policy("clients wait in order", (scene) => {
    const upstreams = [limited(scene.upstream(echo), 1)];
    scene.listen([], { upstreams, ...dialing({ queueMs: NEVER_MS }) });
    const first = scene.served();
    const second = comes(scene, 2);
    const third = comes(scene, 3);
    expect(scene.waiting).toBe(2);
    first.reset();
    scene.until("the next one is served", () => second.receivedBytes === 1);
    expect([third.receivedBytes, scene.waiting]).toEqual([0, 1]);
    second.reset();
    scene.until("and the last one", () => third.receivedBytes === 1);
    expect(scene.waiting).toBe(0);
  });

  policy("the queue has a bound, and an end", (scene) => {
    const upstreams = [limited(scene.upstream(echo), 1)];
    scene.listen([], { upstreams, ...dialing({ queueMs: 300, queueMax: 1 }) });
    scene.served();
    comes(scene, 2);
    scene.client();
    expect(scene.ended(1).reason).toBe("queue_full");
    const late = scene.ended(2);
    expect(late.reason).toBe("queue_timeout");
    expect(late.durationMs).toBeWithin(300, 300 + LATE_MS);
  });

  policy("an upstream that comes brings it", (scene) => {
    const [full, free] = [scene.upstream(echo), scene.upstream(echo)];
    const first = limited(full, 1);
    const { update } = scene.listen([], {
      upstreams: [first],
      ...dialing({ queueMs: NEVER_MS }),
    });
    scene.served();
    const waiting = comes(scene, 2);
    update({ upstreams: [first, rowed(free.address, 1)] });
    scene.until("the echo is here", () => waiting.receivedBytes === 1);
    expect([full.ends.length, free.ends.length]).toEqual([1, 1]);
  });

  policy("a reload begins no queue anew", (scene) => {
    const upstreams = [limited(scene.upstream(echo), 1)];
    const queue = { queueMs: NEVER_MS, queueMax: 2 };
    const { update } = scene.listen([], { upstreams, ...dialing(queue) });
    const [first, second] = [comes(scene, 1), comes(scene, 2)];
    update({ connectTimeoutMs: 4_000 });
    const third = comes(scene, 3);
    scene.client();
    expect(scene.ended(1).reason).toBe("queue_full");
    // Those that wait keep the time that they were given.
    update(dialing({ ...queue, queueMs: 300 }));
    scene.wait(1_000);
    first.reset();
    scene.until("who came first is served first", () => second.receivedBytes === 1);
    expect(third.receivedBytes).toBe(0);
    second.reset();
    scene.until("and then the other one", () => third.receivedBytes === 1);
  });

  policy("that of a weight is for those who wait, and for who comes", (scene) => {
    const { address } = scene.upstream(echo);
    const [full, idle] = [{ ...rowed(address, 0), maxRelays: 1 }, rowed(address, 1)];
    const queue = dialing({ queueMs: NEVER_MS, queueMax: 1 });
    scene.weigh([1, 0]);
    scene.listen([], { upstreams: [full, idle], ...queue });
    scene.served();
    const waiting = comes(scene, 2);
    // Nobody is told of it; the next one comes before anybody looks.
    scene.weigh([1, 1]);
    const next = scene.client().send(1);
    const both = [waiting, next];
    scene.until("both are served", () => both.every(({ receivedBytes }) => receivedBytes === 1));
    expect(scene.record.ended).toEqual([]);
  });

  policy("whoever leaves while waiting is forgotten", (scene) => {
    const upstreams = [limited(scene.upstream(echo), 1)];
    scene.listen([], { upstreams, ...dialing({ queueMs: NEVER_MS }) });
    const first = scene.served();
    comes(scene, 2).reset();
    expect(scene.ended(1)).toMatchObject({ reason: "client_reset", dials: 0 });
    first.reset();
    scene.ended(2);
    scene.served();
  });

  policy("how long a client has waited is told, and no longer", (scene) => {
    const upstreams = [limited(scene.upstream(echo), 1)];
    scene.listen([], { upstreams, ...dialing({ queueMs: NEVER_MS }) });
    const first = scene.served();
    const second = comes(scene, 2);
    scene.wait(300);
    first.reset();
    scene.until("the second is served", () => second.receivedBytes === 1);
    const waited = scene.relays()[0]?.waitedMs ?? 0;
    scene.wait(300);
    second.reset();
    const told = scene.ended(2);
    expect(told.waitedMs).toBe(waited);
    expect(told.waitedMs).toBeWithin(300, 300 + LATE_MS);
    expect(told.waitedMs).toBeLessThanOrEqual(told.dialMs ?? 0);
  });
});

describe("while there is no upstream", () => {
  policy("a client is held until there is one", (scene) => {
    const upstream = scene.refusing();
    scene.listen([upstream], dialing({ holdMs: NEVER_MS }));
    const client = scene.client().send(8);
    scene.until("it was tried again", () => scene.record.dialsFailed.length >= 2);
    upstream.manner = "answers";
    scene.until("the echo is here", () => client.receivedBytes === 8);
  });

  policy("those that are held get one that comes meanwhile", (scene) => {
    const upstream = scene.upstream(echo);
    const { update } = scene.listen([], dialing({ holdMs: NEVER_MS }));
    const client = scene.client().send(8);
    scene.until("it is held", () => scene.relays().length === 1);
    // Not the first ones that come are what it gets, but those that there are in the end.
    update({ upstreams: [{ ...rowed(scene.refusing().address, 0), weight: 0 }] });
    scene.weigh([0, 1]);
    update({ upstreams: [rowed(upstream.address, 1)] });
    scene.until("the echo is here", () => client.receivedBytes === 8);
    expect(scene.relays()[0]?.upstream).toBe(formatAddress(upstream.address));
  });

  policy("a held client is let go in the end, for that, and waits until then", (scene) => {
    scene.listen([scene.refusing()], dialing({ holdMs: 300 }));
    scene.client();
    scene.until("it is shown as waiting", () => scene.relays()[0]?.isWaiting === true);
    const relay = scene.ended(1);
    expect(relay).toMatchObject({ reason: "hold_timeout", isWaiting: false });
    expect(relay.durationMs).toBeWithin(300, 300 + LATE_MS);
    expect(relay.waitedMs).toBeWithin(300, relay.durationMs + 1);
  });

  policy("a budget ends it all", (scene) => {
    scene.listen([scene.refusing()], dialing({ holdMs: NEVER_MS, budgetMs: 300 }));
    scene.client();
    const relay = scene.ended(1);
    expect(relay.reason).toBe("hold_timeout");
    // It is looked at between two rounds of dials.
    expect(relay.durationMs).toBeWithin(300, 1_000);
  });
});
