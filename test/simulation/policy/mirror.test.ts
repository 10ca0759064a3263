import { describe, expect } from "bun:test";
import type { Address } from "../../../src/base/address.ts";
import type { ListenerOptions, MirrorOptions } from "../../../src/config/options.ts";
import { policy, type Scene } from "../scene.ts";
import { echo, polite, type ScriptedUpstream, sink } from "../scripted-world.ts";

// Which relays are copied to a mirror, and what becomes of the copies.

const KIB = 1024;
const MIB = 1024 * KIB;

/** A mirror for a listener, of which a case says only what it cares about. */
function to(
  mirror: ScriptedUpstream | Address,
  options: Partial<MirrorOptions> = {},
): Pick<ListenerOptions, "mirror"> {
  const address = "kind" in mirror ? mirror : mirror.address;
  return { mirror: { address, bufferSize: 256 * KIB, percent: 100, ...options } };
}

/** A client whose echo is here, though its copy may have any trouble. */
function unhurt(scene: Scene, copy: string): void {
  const client = scene.served();
  scene.until("the copy is given up", () => scene.mirror.running === 0);
  client.send(5);
  scene.until("the relay goes on", () => client.receivedBytes === 6);
  client.finish();
  expect(scene.ended(1)).toMatchObject({ reason: "client_fin", mirror: copy });
}

describe("copies", () => {
  policy("of half the relays are about half as many", (scene) => {
    const [mirror, upstream] = [scene.upstream(polite), scene.upstream(polite)];
    scene.listen([upstream], to(mirror, { percent: 50 }));
    for (let count = 1; count <= 400; count++) {
      scene.client().finish();
      scene.ended(count);
    }
    expect(scene.mirror.begun).toBeWithin(130, 271);
    const copied = scene.record.ended.filter((relay) => relay.mirror !== null).length;
    expect(copied).toBe(scene.mirror.begun);
    scene.until("all copies are over", () => scene.mirror.running === 0);
    expect(mirror.ends.length).toBe(copied);
  });

  policy("of a relay that finds no upstream have no byte", (scene) => {
    const mirror = scene.upstream(sink);
    scene.listen([scene.refusing(), scene.refusing()], to(mirror));
    scene.client().send(5);
    expect(scene.ended(1)).toMatchObject({ reason: "connect_refused", dials: 2 });
    scene.until("the copy is over", () => scene.mirror.running === 0);
    expect(mirror.ends.every((end) => end.isLetGo)).toBe(true);
    expect(scene.mirror).toMatchObject({ begun: 1, bytes: 0 });
  });

  policy("stay those of the mirror that their relay began with", (scene) => {
    const [mirror, upstream] = [scene.upstream(polite), scene.upstream(polite)];
    const { update } = scene.listen([upstream], to(mirror));
    const { client: before } = scene.pair(upstream);
    before.send(3);
    scene.until("the mirror has it", () => mirror.ends[0]?.receivedBytes === 3);
    update({ mirror: null });
    before.send(3);
    scene.until("the mirror has that, too", () => mirror.ends[0]?.receivedBytes === 6);
    before.finish();
    scene.ended(1);
    scene.client().send(5).finish();
    expect(scene.ended(2)).toMatchObject({ reason: "client_fin", mirror: null });
    expect(scene.mirror.begun).toBe(1);
  });

  policy("of a relay that is ended in an orderly way end so, too", (scene) => {
    const [mirror, upstream] = [scene.upstream(polite), scene.upstream(polite)];
    scene.listen([upstream], { ...to(mirror), lifetimeMs: 300 });
    scene.client().send(5);
    expect(scene.ended(1)).toMatchObject({ reason: "lifetime", mirror: "mirrored" });
    scene.until("the mirror is let go", () => mirror.ends[0]?.isLetGo === true);
    expect([mirror.end(0).receivedBytes, mirror.end(0).finSeen]).toEqual([5, true]);
  });
});

policy(
  "in mode oneway there is a copy, too",
  (scene) => {
    const [mirror, upstream] = [scene.upstream(polite), scene.upstream(polite)];
    scene.listen([upstream], to(mirror));
    scene.client().send(50_000).finish();
    scene.ended(1);
    scene.until("the mirror has everything", () => mirror.ends[0]?.finSeen === true);
    expect(mirror.end(0).receivedBytes).toBe(50_000);
  },
  { mode: "oneway" },
);

describe("a mirror", () => {
  policy("that refuses costs one dial, then fewer and fewer, and no relay", (scene) => {
    const mirror = scene.refusing();
    scene.listen([scene.upstream(echo)], to(mirror));
    const from = scene.now;
    for (let count = 1; count <= 20; count++) {
      const client = scene.served();
      scene.until("its copy is given up", () => scene.mirror.running === 0);
      client.finish();
      expect(scene.ended(count)).toMatchObject({ reason: "client_fin" });
      scene.wait(30);
    }
    expect(scene.mirror).toMatchObject({ begun: 20, completed: 0, bytes: 0 });
    expect(scene.mirror.dropped).toEqual({ unreachable: 20 });
    const { mirrorsDropped } = scene.record;
    expect(mirrorsDropped[0]).toMatchObject({ reason: "unreachable", detail: "ECONNREFUSED" });
    // It is left alone for 100 ms, then for 200 ms, then for 400 ms.
    const pauses = Math.log2((scene.now - from) / 100 + 1);
    expect(mirrorsDropped.length).toBeWithin(2, pauses + 2);
  });

  policy("that does not answer is given up in time", (scene) => {
    scene.listen([scene.upstream(echo)], { ...to(scene.silent()), connectTimeoutMs: 300 });
    const from = scene.now;
    unhurt(scene, "unreachable");
    expect(scene.now - from).toBeWithin(300, 500);
  });

  policy("that nobody knows holds up nobody", (scene) => {
    scene.listen([scene.upstream(echo)], to({ kind: "tcp", host: "nobody.invalid", port: 1 }));
    unhurt(scene, "unreachable");
  });

  policy("that never reads has some seconds for the rest, and then a reset", (scene) => {
    const mirror = scene.upstream((end) => void end.stall());
    const upstream = scene.upstream(polite);
    scene.listen([upstream], to(mirror, { bufferSize: 16 * MIB }));
    const { client } = scene.pair(upstream);
    client.send(2 * MIB).finish();
    expect(scene.ended(1)).toMatchObject({ reason: "client_fin", mirror: "mirrored" });
    const from = scene.now;
    scene.until("the copy is given up", () => scene.mirror.running === 0);
    expect(scene.now - from).toBeWithin(4_500, 5_500);
    expect(scene.mirror.dropped).toEqual({ timeout: 1 });
    expect(scene.stats().memory.mirrorHeldBytes).toBe(0);
    expect(mirror.end(0).wasReset).toBe(true);
  });

  policy("that lags holds up no stop", (scene) => {
    const mirror = scene.upstream((end) => void end.stall());
    const upstream = scene.upstream(polite);
    scene.listen([upstream], to(mirror, { bufferSize: 16 * MIB }));
    const { client } = scene.pair(upstream);
    client.send(2 * MIB).finish();
    scene.ended(1);
    // Less than the five seconds that the copy would have had.
    expect(scene.stop(120_000).through().afterMs).toBeLessThan(4_000);
    expect(scene.mirror).toMatchObject({ running: 0, dropped: { stopped: 1 } });
  });
});
