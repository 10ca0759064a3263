import { describe, expect } from "bun:test";
import { formatAddress } from "../../../src/base/address.ts";
import { listenerDefaults } from "../../../src/config/defaults.ts";
import { dialing, rowed } from "../../fixtures/options.ts";
import { NEVER_MS, policy, type Scene } from "../scene.ts";
import { echo, type ScriptedUpstream, sink } from "../scripted-world.ts";

// Which upstream a relay gets, and how the relays of one are ended.

function several(scene: Scene, count: number) {
  const upstreams = Array.from({ length: count }, () => scene.upstream(echo));
  return { upstreams, rows: upstreams.map(({ address }, slot) => rowed(address, slot)) };
}

function relaysOf(upstreams: readonly ScriptedUpstream[]): number[] {
  return upstreams.map(({ ends }) => ends.length);
}

describe("an upstream is chosen", () => {
  policy("by weight", (scene) => {
    const { upstreams, rows } = several(scene, 2);
    const [many, few] = rows as [(typeof rows)[0], (typeof rows)[0]];
    scene.weigh([2, 1]);
    scene.listen([], { upstreams: [{ ...many, weight: 2 }, few] });
    for (let round = 0; round < 9; round++) scene.served();
    expect(relaysOf(upstreams)).toEqual([6, 3]);
  });

  policy("in turn: a reload begins no round anew", (scene) => {
    const { upstreams } = several(scene, 3);
    const { update } = scene.listen(upstreams);
    for (let round = 1; round <= 6; round++) {
      scene.served();
      update({ connectTimeoutMs: 4_000 + round });
    }
    expect(relaysOf(upstreams)).toEqual([2, 2, 2]);
  });

  policy("a backup only when no other is open", (scene) => {
    const { upstreams, rows } = several(scene, 2);
    const [backup, first] = rows as [(typeof rows)[0], (typeof rows)[0]];
    scene.listen([], { upstreams: [{ ...backup, isBackup: true }, first] });
    for (let round = 0; round < 3; round++) scene.served();
    expect(relaysOf(upstreams)).toEqual([0, 3]);
    (upstreams[1] as ScriptedUpstream).manner = "refuses";
    scene.served();
    expect(relaysOf(upstreams)).toEqual([1, 3]);
  });

  policy("a backup takes nobody while another one is open, and full", (scene) => {
    const { upstreams, rows } = several(scene, 2);
    const [backup, first] = rows as [(typeof rows)[0], (typeof rows)[0]];
    const both = [
      { ...backup, isBackup: true },
      { ...first, maxRelays: 1 },
    ];
    const dial = dialing({ queueMs: NEVER_MS });
    const { update } = scene.listen([], { upstreams: both, ...dial });
    const one = scene.served();
    const two = scene.client().send(1);
    scene.until("it waits for room", () => scene.waiting === 1);
    one.reset();
    scene.until("it is served", () => two.receivedBytes === 1);
    expect(relaysOf(upstreams)).toEqual([0, 2]);
    // Unless that is what it is for.
    update({ balance: { ...listenerDefaults.balance, backupWhenFull: true } });
    scene.served();
    expect(relaysOf(upstreams)).toEqual([1, 2]);
  });

  policy("for so many tries, another one each time", (scene) => {
    const refusing = [scene.refusing(), scene.refusing(), scene.refusing()];
    scene.listen(refusing, dialing({ tries: 2 }));
    scene.client();
    expect(scene.ended(1)).toMatchObject({ reason: "connect_refused", dials: 2 });
    expect(new Set(scene.record.dialsFailed.map(({ upstream }) => upstream)).size).toBe(2);
  });

  policy("when all refuse, each was tried once", (scene) => {
    scene.listen([scene.refusing(), scene.refusing(), scene.refusing()]);
    const client = scene.client();
    expect(scene.ended(1)).toMatchObject({ reason: "connect_refused", dials: 3 });
    expect(new Set(scene.record.dialsFailed.map(({ upstream }) => upstream)).size).toBe(3);
    expect(client.isLetGo).toBe(true);
  });
});

describe("the relays of an upstream", () => {
  policy("are ended in their time: idle ones by FIN, the others when it is over", (scene) => {
    const upstream = scene.upstream(echo);
    scene.listen([upstream]);
    const [idle, busy] = [scene.served(), scene.served()];
    let sent = 1;
    busy.onStep = () => {
      if (busy.receivedBytes === sent && scene.now > nextAt) {
        busy.send(1);
        sent++;
        nextAt = scene.now + 50;
      }
    };
    let nextAt = scene.now;
    const from = scene.now;
    scene.carrier.hall.drop({ slot: 0 }, 3_000);
    expect(scene.ended(1).reason).toBe("upstream_gone");
    scene.until("the idle one got a FIN", () => idle.finSeen);
    expect(busy.isLetGo || busy.finSeen).toBe(false);
    expect(scene.ended(2).reason).toBe("upstream_gone");
    expect(scene.now - from).toBeWithin(2_000, 3_200);
  });

  policy("are not those that only dial it: they get another one", (scene) => {
    const upstream = scene.upstream(echo);
    const balance = { ...listenerDefaults.balance, policy: "first" } as const;
    scene.listen([scene.silent(), upstream], { balance, connectTimeoutMs: NEVER_MS });
    const client = scene.client().send(8);
    scene.until("it dials", () => scene.relays()[0]?.dials === 1);
    scene.carrier.hall.drop({ slot: 0 }, 10_000);
    scene.until("another one answers", () => client.receivedBytes === 8);
    expect(scene.record.dialsFailed).toMatchObject([{ reason: "upstream_gone" }]);
    // It is not to be ended with those that the other one had.
    scene.carrier.hall.drop({ slot: 0 }, 0);
    client.send(1);
    scene.until("it goes on", () => client.receivedBytes === 9);
  });
});

describe("figures", () => {
  policy("each dial counts for the listener, also those of one relay", (scene) => {
    scene.listen([scene.refusing(), scene.refusing(), scene.upstream(echo)]);
    const client = scene.client().send(100);
    scene.until("the echo is there", () => client.receivedBytes === 100);
    expect(scene.relays()).toMatchObject([{ dials: 3 }]);
    expect(scene.stats().listeners).toMatchObject([{ accepted: 1, dials: 3 }]);
  });

  policy("an upstream that never answered has no times, and no address", (scene) => {
    scene.listen([scene.refusing()]);
    scene.client();
    expect(scene.ended(1)).toMatchObject({
      reason: "connect_refused",
      dialMs: null,
      firstByteMs: null,
      resolved: null,
    });
  });

  policy("a start is told before anything is known", (scene) => {
    scene.listen([scene.upstream(sink)]);
    const client = scene.client();
    scene.until("the start is told", () => scene.record.started.length === 1);
    const [relay] = scene.record.started;
    expect(relay).toMatchObject({ id: 1, listener: "front", upstream: null });
    expect(relay).toMatchObject({ dialMs: null, firstByteMs: null, reason: null });
    client.reset();
    scene.ended(1);
  });

  policy("bytes count for an upstream once it is decided", (scene) => {
    scene.listen([scene.silent()]);
    const client = scene.client().send(5);
    scene.until("the request is here", () => scene.stats().up.receivedBytes === 5);
    expect(scene.stats().listeners).toMatchObject([{ running: 1, waiting: 0, upstreams: [] }]);
    client.reset();
    scene.ended(1);
    expect(scene.stats().listeners).toMatchObject([
      { running: 0, waiting: 0, upstreams: [{ upBytes: 5, ended: { client_reset: 1 } }] },
    ]);
  });

  policy("of a name the address that has answered is told", (scene) => {
    const upstream = scene.upstream(echo);
    const name = scene.name("two.test", [scene.refusing(), upstream]);
    scene.listen([name]);
    scene.served().reset();
    expect(scene.ended(1)).toMatchObject({
      upstream: formatAddress(name),
      resolved: formatAddress(upstream.address),
    });
  });
});
