import { describe, expect } from "bun:test";
import { edgeDefaults } from "../../../src/config/defaults.ts";
import type { EdgeOptions, ListenerOptions } from "../../../src/config/options.ts";
import { writeProxyHeader } from "../../../src/entry/proxy-protocol/writer.ts";
import { encodeSockaddr } from "../../../src/system/sockaddr.ts";
import { openAdmission } from "../../fixtures/options.ts";
import { policy, type Scene } from "../scene.ts";
import { echo, type Peer, type ScriptedUpstream, sink } from "../scripted-world.ts";

// Relays with a rate: a quarter of a second's worth (at least 16 KiB) at once, and then the rate.

const KIB = 1024;
const MIB = 1024 * KIB;

function paced(edge: Partial<EdgeOptions>): Pick<ListenerOptions, "edge"> {
  return { edge: { ...edgeDefaults, tables: openAdmission, ...edge } };
}

/** Milliseconds until so many bytes are there. */
function took(scene: Scene, target: Peer, bytes: number, from = scene.now): number {
  scene.until(`${bytes} bytes are there`, () => target.receivedBytes >= bytes);
  return scene.now - from;
}

/** A relay with its ends by what they do. */
function sided(scene: Scene, upstream: ScriptedUpstream, way: "up" | "down") {
  const { client, end } = scene.pair(upstream);
  return way === "up" ? { source: client, target: end } : { source: end, target: client };
}

for (const way of ["up", "down"] as const) {
  describe(`${way}:`, () => {
    const rate = (bytes: number) => paced(way === "up" ? { upRate: bytes } : { downRate: bytes });

    policy("1 MiB at 2 MiB per second takes a quarter of a second", (scene) => {
      const upstream = scene.upstream(sink);
      scene.listen([upstream], rate(2 * MIB));
      const { source, target } = sided(scene, upstream, way);
      source.send(MIB);
      // Half of it is there at once.
      expect(took(scene, target, MIB)).toBeWithin(230, 400);
    });

    for (const bytes of [20 * KIB, MIB]) {
      policy(`${bytes / KIB} KiB per second are just that in the long run`, (scene) => {
        const upstream = scene.upstream(sink);
        scene.listen([upstream], rate(bytes));
        const { source, target } = sided(scene, upstream, way);
        source.send(64 * MIB);
        // Without the beginning, which is a burst.
        scene.wait(1_000);
        const before = target.receivedBytes;
        scene.wait(10_000);
        expect((target.receivedBytes - before) / 10 / bytes).toBeWithin(0.98, 1.02);
      });
    }

    policy("each relay has its own pace, and neighbours without one have none", (scene) => {
      const upstream = scene.upstream(sink);
      const { update } = scene.listen([upstream], rate(MIB));
      const slow = Array.from({ length: 8 }, () => sided(scene, upstream, way));
      update(paced({}));
      const fast = sided(scene, upstream, way);
      const from = scene.now;
      for (const { source } of [...slow, fast]) source.send(MIB);
      expect(took(scene, fast.target, MIB, from)).toBeLessThan(200);
      for (const { target } of slow) {
        expect(took(scene, target, MIB, from)).toBeWithin(740, 900);
      }
    });

    policy("FIN comes behind the last byte, when all was allowed", (scene) => {
      const upstream = scene.upstream(sink);
      scene.listen([upstream], rate(256 * KIB));
      const { source, target } = sided(scene, upstream, way);
      const from = scene.now;
      source.send(192 * KIB).finish();
      scene.until("its end is there", () => target.finSeen);
      expect(scene.now - from).toBeWithin(480, 600);
      expect(target.receivedBytes).toBe(192 * KIB);
      // The other direction lives on.
      target.send(10);
      scene.until("the answer is there", () => source.receivedBytes === 10);
      target.finish();
      expect(scene.ended(1).reason).toBe(way === "up" ? "client_fin" : "upstream_fin");
    });
  });
}

describe("a rate", () => {
  policy("is that of one direction", (scene) => {
    const upstream = scene.upstream(sink);
    scene.listen([upstream], paced({ upRate: MIB, downRate: 4 * MIB }));
    const { client, end } = scene.pair(upstream);
    const from = scene.now;
    client.send(MIB);
    end.send(2 * MIB);
    expect(took(scene, client, 2 * MIB, from)).toBeWithin(230, 450);
    expect(took(scene, end, MIB, from)).toBeWithin(740, 900);
  });

  policy("holds up no small messages within it", (scene) => {
    scene.listen([scene.upstream(echo)], paced({ upRate: 64 * KIB, downRate: 64 * KIB }));
    const client = scene.client();
    const from = scene.now;
    for (let i = 1; i <= 100; i++) {
      client.send(100);
      scene.until("the answer is here", () => client.receivedBytes === i * 100);
    }
    expect(scene.now - from).toBeLessThan(50);
  });

  policy("is for what comes right behind a PROXY header, too", (scene) => {
    const upstream = scene.upstream(sink);
    scene.listen([upstream], paced({ proxyProtocol: "required", upRate: 2 * MIB }));
    const source = encodeSockaddr({ kind: "tcp", host: "203.0.113.7", port: 4711 });
    const header = { version: 2, command: "proxy", source, destination: source } as const;
    const begins = writeProxyHeader({ ...header, tlvs: [], crc32c: true });
    const from = scene.now;
    scene.client({ begins }).send(MIB);
    scene.until("it is dialled", () => upstream.ends.length === 1);
    expect(took(scene, upstream.end(0), MIB, from)).toBeWithin(230, 400);
  });

  policy("waits with both directions, and both ends are told the end", (scene) => {
    const upstream = scene.upstream(sink);
    scene.listen([upstream], paced({ upRate: 256 * KIB, downRate: 256 * KIB }));
    const { client, end } = scene.pair(upstream);
    client.send(160 * KIB).finish();
    end.send(128 * KIB).finish();
    expect(scene.ended(1)).toMatchObject({
      up: { sentBytes: 160 * KIB, lostBytes: 0 },
      down: { sentBytes: 128 * KIB, lostBytes: 0 },
    });
    scene.until("both have all", () => client.finSeen && end.finSeen);
    expect([client.receivedBytes, end.receivedBytes]).toEqual([128 * KIB, 160 * KIB]);
  });
});

policy(
  "a sink takes what its rate allows",
  (scene) => {
    scene.listen([], paced({ upRate: 2 * MIB }));
    const from = scene.now;
    const client = scene.client().send(MIB).finish();
    scene.until("its end is answered", () => client.finSeen);
    expect(scene.now - from).toBeWithin(230, 400);
    expect(scene.ended(1).up).toMatchObject({ discardedBytes: MIB, lostBytes: 0 });
  },
  { mode: "sink" },
);

describe("a relay that rests", () => {
  policy("is not idle, and one that has rested is", (scene) => {
    const upstream = scene.upstream(sink);
    scene.listen([upstream], { ...paced({ upRate: KIB }), idleTimeoutMs: 300 });
    const { client, end } = scene.pair(upstream);
    client.send(18 * KIB);
    expect(took(scene, end, 18 * KIB)).toBeGreaterThan(1_700);
    const relay = scene.ended(1);
    expect(relay).toMatchObject({ reason: "idle_timeout", up: { sentBytes: 18 * KIB } });
  });

  policy("may rest when one of its ends has finished, too", (scene) => {
    const upstream = scene.upstream(sink);
    scene.listen([upstream], { ...paced({ downRate: KIB }), halfCloseTimeoutMs: 300 });
    const { client, end } = scene.pair(upstream);
    client.finish();
    scene.until("the client has finished", () => end.finSeen);
    end.send(18 * KIB);
    expect(took(scene, client, 18 * KIB)).toBeGreaterThan(1_700);
    expect(scene.ended(1).reason).toBe("half_close_timeout");
  });
});
