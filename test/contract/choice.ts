import { expect } from "bun:test";
import { formatAddress } from "../../src/base/address.ts";
import { listenerDefaults } from "../../src/config/defaults.ts";
import type { ListenerOptions } from "../../src/config/options.ts";
import { listener, rowed } from "../fixtures/options.ts";
import { echo, sink, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import type { Scene } from "./scene.ts";
import type { Suite } from "./suite.ts";

/** Longer than any case may take. */
const NEVER_MS = 120_000;

/** Which upstream a relay gets, and what becomes of it while there is none. */
export function choiceCases(suite: Suite): void {
  weightCases(suite);
  waitCases(suite);
  endCases(suite);
}

function dialing(options: Partial<ListenerOptions["dial"]>): Partial<ListenerOptions> {
  return { dial: { ...listenerDefaults.dial, ...options } };
}

/** A client that has got its echo. */
async function served(scene: Scene, address: Parameters<Scene["client"]>[0]) {
  const client = await scene.client(address);
  client.send("x");
  await waitFor(() => client.receivedBytes === 1, "the echo is here");
  return client;
}

function weightCases(suite: Suite): void {
  suite.case("weights", async (scene) => {
    const many = await scene.upstream(echo);
    const few = await scene.upstream(echo);
    const upstreams = [{ ...rowed(many.address, 0), weight: 2 }, rowed(few.address, 1)];
    scene.weigh([2, 1]);
    const address = await scene.listen([], { upstreams });
    for (let round = 0; round < 9; round++) await served(scene, address);
    expect([many.ends.length, few.ends.length]).toEqual([6, 3]);
  });

  suite.case("a reload begins no round anew", async (scene) => {
    const three = [
      await scene.upstream(echo),
      await scene.upstream(echo),
      await scene.upstream(echo),
    ];
    const upstreams = three.map(({ address }, index) => rowed(address, index));
    const options = listener({ upstreams });
    const listening = await scene.engine.listen(options);
    for (let round = 1; round <= 6; round++) {
      await served(scene, listening.address);
      await listening.update({ ...options, connectTimeoutMs: 4_000 + round });
    }
    expect(three.map(({ ends }) => ends.length)).toEqual([2, 2, 2]);
  });

  suite.case("a backup is for when no other is open", async (scene) => {
    const backup = await scene.upstream(echo);
    const first = await scene.upstream(echo);
    const upstreams = [{ ...rowed(backup.address, 0), isBackup: true }, rowed(first.address, 1)];
    const address = await scene.listen([], { upstreams });
    for (let round = 0; round < 3; round++) await served(scene, address);
    expect([backup.ends.length, first.ends.length]).toEqual([0, 3]);
    first.close();
    await served(scene, address);
    expect(backup.ends.length).toBe(1);
  });

  suite.case("a backup takes nobody while another one is open, and full", async (scene) => {
    const backup = await scene.upstream(echo);
    const first = await scene.upstream(echo);
    const full = { ...rowed(first.address, 1), maxRelays: 1 };
    const upstreams = [{ ...rowed(backup.address, 0), isBackup: true }, full];
    const options = listener({ upstreams, ...dialing({ queueMs: NEVER_MS }) });
    const listening = await scene.engine.listen(options);
    const one = await served(scene, listening.address);
    const two = (await scene.client(listening.address)).send("x");
    await waitFor(() => scene.engine.stats().listeners[0]?.waiting === 1, "it waits for room");
    one.reset();
    await waitFor(() => two.receivedBytes === 1, "the echo is here");
    expect([backup.ends.length, first.ends.length]).toEqual([0, 2]);
    // Unless that is what it is for.
    const balance = { ...listenerDefaults.balance, backupWhenFull: true };
    await listening.update({ ...options, balance });
    await served(scene, listening.address);
    expect([backup.ends.length, first.ends.length]).toEqual([1, 2]);
  });

  suite.case("so many tries, each with another upstream", async (scene) => {
    const refusing = [scene.refusing(), scene.refusing(), scene.refusing()];
    const address = await scene.listen(refusing, dialing({ tries: 2 }));
    await scene.client(address);
    const relay = await scene.ended(1);
    expect(relay).toMatchObject({ reason: "connect_refused", dials: 2 });
    const named = scene.record.dialsFailed.map(({ upstream }) => upstream);
    expect(new Set(named).size).toBe(2);
  });
}

function waitCases(suite: Suite): void {
  suite.case("a full upstream gets nobody more, until one has left", async (scene) => {
    const upstream = await scene.upstream(echo);
    const upstreams = [{ ...rowed(upstream.address, 0), maxRelays: 1 }];
    const address = await scene.listen([], { upstreams });
    const first = await served(scene, address);
    const second = await scene.client(address);
    expect(await scene.ended(1)).toMatchObject({ reason: "upstreams_full", dials: 0 });
    await waitFor(() => second.closed || second.finSeen, "it is let go");
    first.reset();
    await scene.ended(2);
    await served(scene, address);
  });

  suite.case("clients wait in order for room", async (scene) => {
    const upstream = await scene.upstream(echo);
    const upstreams = [{ ...rowed(upstream.address, 0), maxRelays: 1 }];
    const address = await scene.listen([], { upstreams, ...dialing({ queueMs: NEVER_MS }) });
    const first = await served(scene, address);
    const second = await scene.client(address);
    second.send("second");
    await waitFor(async () => (await scene.engine.relays()).length === 2, "it waits");
    const third = await scene.client(address);
    third.send("third");
    const waiting = () => scene.engine.stats().listeners[0]?.waiting;
    await waitFor(() => waiting() === 2, "it waits behind");
    first.reset();
    await waitFor(() => second.receivedBytes === 6, "the next one is served");
    expect([third.receivedBytes, waiting()]).toEqual([0, 1]);
    second.reset();
    await waitFor(() => third.receivedBytes === 5, "and the last one");
    expect(waiting()).toBe(0);
  });

  suite.case("the queue has a bound, and an end", async (scene) => {
    const upstream = await scene.upstream(echo);
    const upstreams = [{ ...rowed(upstream.address, 0), maxRelays: 1 }];
    const dial = dialing({ queueMs: 300, queueMax: 1 });
    const address = await scene.listen([], { upstreams, ...dial });
    await served(scene, address);
    await scene.client(address);
    await waitFor(async () => (await scene.engine.relays()).length === 2, "it waits");
    await scene.client(address);
    expect((await scene.ended(1)).reason).toBe("queue_full");
    const late = await scene.ended(2);
    expect(late.reason).toBe("queue_timeout");
    expect(late.durationMs).toBeGreaterThanOrEqual(290);
  });

  suite.case("a client is held until an upstream is there", async (scene) => {
    const refusing = scene.refusing();
    const address = await scene.listen([refusing], dialing({ holdMs: NEVER_MS }));
    const client = await scene.client(address);
    client.send("patience");
    await waitFor(() => scene.record.dialsFailed.length >= 2, "it was tried again");
    scene.free(refusing);
    const upstream = Upstream.listen(refusing, echo);
    try {
      await waitFor(() => client.receivedBytes === 8, "the echo is here");
    } finally {
      client.reset();
      await scene.ended(1);
      upstream.close();
    }
  });

  suite.case("clients that are held get an upstream that comes meanwhile", async (scene) => {
    const upstream = await scene.upstream(echo);
    const none = listener({ upstreams: [], ...dialing({ holdMs: NEVER_MS }) });
    const listening = await scene.engine.listen(none);
    const client = await scene.client(listening.address);
    client.send("patience");
    await waitFor(async () => (await scene.engine.relays()).length === 1, "it is held");
    // Not the first ones that come are what it gets, but those that there are in the end.
    await listening.update({ ...none, upstreams: [{ ...rowed(scene.refusing(), 0), weight: 0 }] });
    scene.weigh([0, 1]);
    await listening.update({ ...none, upstreams: [rowed(upstream.address, 1)] });
    await waitFor(() => client.receivedBytes === 8, "the echo is here");
    expect((await scene.engine.relays())[0]?.upstream).toBe(formatAddress(upstream.address));
  });

  suite.case("clients that wait for room get that of an upstream that comes", async (scene) => {
    const [full, free] = [await scene.upstream(echo), await scene.upstream(echo)];
    const first = { ...rowed(full.address, 0), maxRelays: 1 };
    const options = listener({ upstreams: [first], ...dialing({ queueMs: NEVER_MS }) });
    const listening = await scene.engine.listen(options);
    await served(scene, listening.address);
    const waiting = await scene.client(listening.address);
    waiting.send("x");
    await waitFor(async () => (await scene.engine.relays()).length === 2, "it waits");
    await listening.update({ ...options, upstreams: [first, rowed(free.address, 1)] });
    await waitFor(() => waiting.receivedBytes === 1, "the echo is here");
    expect([full.ends.length, free.ends.length]).toEqual([1, 1]);
  });

  suite.case("a reload begins no queue anew", async (scene) => {
    const upstream = await scene.upstream(echo);
    const upstreams = [{ ...rowed(upstream.address, 0), maxRelays: 1 }];
    const queue = { queueMs: NEVER_MS, queueMax: 2 };
    const options = listener({ upstreams, ...dialing(queue) });
    const listening = await scene.engine.listen(options);
    const come = async (count: number) => {
      const client = (await scene.client(listening.address)).send("x");
      await waitFor(
        async () => (await scene.engine.relays()).length === count,
        `${count} are there`,
      );
      return client;
    };
    const first = await come(1);
    const second = await come(2);
    await listening.update({ ...options, mode: "bidirectional", connectTimeoutMs: 4_000 });
    const third = await come(3);
    await scene.client(listening.address);
    expect((await scene.ended(1)).reason).toBe("queue_full");
    // Those that wait keep the time that they were given.
    await listening.update({ ...options, ...dialing({ ...queue, queueMs: 300 }) });
    first.reset();
    await waitFor(() => second.receivedBytes === 1, "who came first is served first");
    expect(third.receivedBytes).toBe(0);
    second.reset();
    await waitFor(() => third.receivedBytes === 1, "and then the other one");
  });

  suite.case(
    "room that a reload brings is for those who wait, before anybody comes",
    async (scene) => {
      const upstream = await scene.upstream(echo);
      const upstreams = (maxRelays: number) => [{ ...rowed(upstream.address, 0), maxRelays }];
      const queue = dialing({ queueMs: NEVER_MS, queueMax: 1 });
      const options = listener({ upstreams: upstreams(1), ...queue });
      const listening = await scene.engine.listen(options);
      await served(scene, listening.address);
      const waiting = (await scene.client(listening.address)).send("x");
      await waitFor(async () => (await scene.engine.relays()).length === 2, "it waits");
      // Connected already, and accepted as soon as the loop is free: the queue must be empty by then.
      const update = listening.update({ ...options, upstreams: upstreams(0) });
      const next = (await scene.client(listening.address)).send("x");
      await update;
      const both = [waiting, next];
      await waitFor(
        () => both.every((one) => one.receivedBytes === 1),
        () => `both have their echo, and none ends by ${scene.record.reasons}`,
      );
    },
  );

  suite.case(
    "room that a weight brings is for those who wait, and for who comes",
    async (scene) => {
      const upstream = await scene.upstream(echo);
      const queue = dialing({ queueMs: NEVER_MS, queueMax: 1 });
      const [full, idle] = [rowed(upstream.address, 0), rowed(upstream.address, 1)];
      const options = listener({ upstreams: [{ ...full, maxRelays: 1 }, idle], ...queue });
      const listening = await scene.engine.listen(options);
      scene.weigh([1, 0]);
      await served(scene, listening.address);
      const waiting = (await scene.client(listening.address)).send("x");
      await waitFor(async () => (await scene.engine.relays()).length === 2, "it waits");
      // No worker is told of it; the next one comes before it looks by itself, as a rule.
      scene.weigh([1, 1]);
      const next = (await scene.client(listening.address)).send("x");
      const both = [waiting, next];
      await waitFor(
        () => both.every((one) => one.receivedBytes === 1),
        () => `both have their echo, and none ends by ${scene.record.reasons}`,
      );
    },
  );

  suite.case(
    "a held client is let go in the end, for that, and waits until then",
    async (scene) => {
      const address = await scene.listen([scene.refusing()], dialing({ holdMs: 300 }));
      await scene.client(address);
      const isWaiting = async () => (await scene.engine.relays()).some((relay) => relay.isWaiting);
      await waitFor(isWaiting, "it is shown as waiting");
      const relay = await scene.ended(1);
      expect(relay).toMatchObject({ reason: "hold_timeout", isWaiting: false });
      expect(relay.durationMs).toBeGreaterThanOrEqual(290);
    },
  );

  suite.case("whoever leaves while waiting is forgotten", async (scene) => {
    const upstream = await scene.upstream(echo);
    const upstreams = [{ ...rowed(upstream.address, 0), maxRelays: 1 }];
    const address = await scene.listen([], { upstreams, ...dialing({ queueMs: NEVER_MS }) });
    const first = await served(scene, address);
    const leaver = await scene.client(address);
    await waitFor(async () => (await scene.engine.relays()).length === 2, "it waits");
    leaver.reset();
    expect(await scene.ended(1)).toMatchObject({ reason: "client_reset", dials: 0 });
    first.reset();
    await scene.ended(2);
    await served(scene, address);
  });

  suite.case("a budget ends it all", async (scene) => {
    const address = await scene.listen(
      [scene.refusing()],
      dialing({ holdMs: NEVER_MS, budgetMs: 300 }),
    );
    await scene.client(address);
    expect((await scene.ended(1)).reason).toBe("hold_timeout");
  });
}

function endCases(suite: Suite): void {
  suite.case("the relays of one upstream can be ended", async (scene) => {
    const [one, other] = [await scene.upstream(echo), await scene.upstream(echo)];
    const address = await scene.listen([one, other]);
    const clients = [await served(scene, address), await served(scene, address)];
    scene.engine.drop({ slot: 0 }, 0);
    const relay = await scene.ended(1);
    expect(relay).toMatchObject({
      reason: "upstream_gone",
      upstream: formatAddress(one.address),
    });
    const isGone = (client: (typeof clients)[number]) => client.closed || client.finSeen;
    await waitFor(() => clients.some(isGone), "one is let go");
    const spared = clients.find((client) => !isGone(client));
    spared?.send("y");
    await waitFor(() => spared?.receivedBytes === 2, "the other one lives");
  });

  suite.case("who only dials an upstream that is gone gets another one", async (scene) => {
    const { address: nobody } = await scene.silent();
    const upstream = await scene.upstream(echo);
    const upstreams = [rowed(nobody, 0), rowed(upstream.address, 1)];
    const balance = { ...listenerDefaults.balance, policy: "first" } as const;
    const address = await scene.listen([], { upstreams, balance, connectTimeoutMs: NEVER_MS });
    const client = await scene.client(address);
    client.send("patience");
    await waitFor(async () => (await scene.engine.relays())[0]?.dials === 1, "it dials");
    scene.engine.drop({ slot: 0 }, 10_000);
    await waitFor(() => client.receivedBytes === 8, "another one answers");
    expect(scene.record.dialsFailed).toMatchObject([{ reason: "upstream_gone" }]);
    // It is not to be ended with those that the other one had.
    scene.engine.drop({ slot: 0 }, 0);
    client.send("x");
    await waitFor(() => client.receivedBytes === 9, "it goes on");
  });

  suite.case("in their time idle ones end by a FIN, the others when it is over", async (scene) => {
    const upstream = await scene.upstream(echo);
    const address = await scene.listen([upstream]);
    const idle = await served(scene, address);
    const busy = await served(scene, address);
    let sent = 1;
    scene.engine.drop({ slot: 0 }, 3_000);
    const timer = setInterval(() => {
      if (!busy.closed && busy.receivedBytes === sent) {
        busy.send("z");
        sent++;
      }
    }, 50);
    try {
      expect((await scene.ended(1)).reason).toBe("upstream_gone");
      await waitFor(() => idle.finSeen, "the idle one got a FIN");
      expect(busy.closed || busy.finSeen).toBe(false);
      expect((await scene.ended(2, 10_000)).reason).toBe("upstream_gone");
    } finally {
      clearInterval(timer);
    }
  });

  suite.case("a relay of which nothing moves ends after the idle timeout", async (scene) => {
    const upstream = await scene.upstream(echo);
    const address = await scene.listen([upstream], { idleTimeoutMs: 400 });
    const idle = await served(scene, address);
    const relay = await scene.ended(1);
    expect(relay.reason).toBe("idle_timeout");
    expect(relay.durationMs).toBeGreaterThanOrEqual(390);
    await waitFor(() => idle.finSeen, "it got a FIN");
  });

  suite.case("a client that only listens ends after its own idle timeout", async (scene) => {
    const talking = await scene.upstream((end) => {
      const timer = setInterval(() => {
        if (end.closed) clearInterval(timer);
        else end.send("news");
      }, 50);
    });
    const quiet = await scene.listen([talking], { clientIdleTimeoutMs: 400 });
    await scene.client(quiet);
    expect((await scene.ended(1)).reason).toBe("client_idle_timeout");
    const patient = await scene.listen([talking], { upstreamIdleTimeoutMs: 400 });
    const client = await scene.client(patient);
    await waitFor(() => client.receivedBytes > 60, "it listens on and on");
    expect(scene.record.ended).toHaveLength(1);
  });

  suite.case("one that moves does not", async (scene) => {
    const upstream = await scene.upstream(echo);
    const address = await scene.listen([upstream], { idleTimeoutMs: 800 });
    const busy = await served(scene, address);
    const until = performance.now() + 2_000;
    let sent = 1;
    await waitFor(() => {
      if (busy.receivedBytes === sent) {
        busy.send("z");
        sent++;
      }
      return performance.now() > until;
    }, "some time has passed");
    expect(scene.record.ended).toHaveLength(0);
  });

  suite.case("a relay ends after its lifetime", async (scene) => {
    const upstream = await scene.upstream(echo);
    const address = await scene.listen([upstream], { lifetimeMs: 500 });
    const client = await served(scene, address);
    const relay = await scene.ended(1);
    expect(relay.reason).toBe("lifetime");
    expect(relay.durationMs).toBeGreaterThanOrEqual(440);
    await waitFor(() => client.finSeen, "it got a FIN");
  });

  suite.case("one that waits for its answer then has some time for it", async (scene) => {
    const upstream = await scene.upstream(sink);
    const address = await scene.listen([upstream], { lifetimeMs: 300 });
    const acceptedBefore = performance.now();
    const { client, end } = await scene.pair(address, upstream);
    client.keeps = true;
    client.send("slow?");
    await waitFor(() => performance.now() > acceptedBefore + 400, "its time is over");
    end.send("it is.");
    await waitFor(() => client.finSeen, "it got a FIN");
    expect(client).toMatchObject({ text: "it is.", finAfterBytes: 6, closeCode: null });
    expect((await scene.ended(1)).reason).toBe("lifetime");
  });
}
