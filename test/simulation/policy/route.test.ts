import { describe, expect } from "bun:test";
import { edgeDefaults } from "../../../src/config/defaults.ts";
import type { ListenerOptions, RouteOptions } from "../../../src/config/options.ts";
import type { RouteChoice } from "../../../src/entry/route/answer.ts";
import { NO_UPSTREAM } from "../../../src/upstream/chooser.ts";
import { dialing, rowed } from "../../fixtures/options.ts";
import { LATE_MS, NEVER_MS, policy, type Scene } from "../scene.ts";
import { echo, type ScriptedUpstream } from "../scripted-world.ts";

// What a listener's function may do to its connections, and what its failures may not.

function routing(options: Partial<RouteOptions> = {}): Pick<ListenerOptions, "route"> {
  return { route: { hook: 0, timeoutMs: NEVER_MS, failure: "relay", ...options } };
}

/** A choice; what is not said is left to the listener. */
function choice(what: Partial<RouteChoice>): RouteChoice {
  return { upstream: NO_UPSTREAM, isStrict: false, label: null, isRefused: false, ...what };
}

/** Answers one question after the other. */
function answers(scene: Scene, choices: readonly Partial<RouteChoice>[]): void {
  const left = [...choices];
  scene.route = () => choice(left.shift() ?? {});
}

function rows(...upstreams: readonly ScriptedUpstream[]) {
  return upstreams.map(({ address }, slot) => rowed(address, slot));
}

describe("the upstream that it chooses", () => {
  policy("comes first, whatever its weight", (scene) => {
    const [usual, chosen] = [scene.upstream(echo), scene.upstream(echo)];
    const [first, second] = rows(usual, chosen) as [ReturnType<typeof rowed>, object];
    scene.weigh([1, 0]);
    const upstreams = [first, { ...first, ...second, weight: 0, isBackup: true }];
    scene.listen([], { upstreams, ...routing() });
    const wish = { upstream: 1 };
    answers(scene, [wish, wish, wish, {}, {}]);
    for (let round = 0; round < 5; round++) scene.served();
    expect([usual.ends.length, chosen.ends.length]).toEqual([2, 3]);
  });

  policy("is followed by the others when it cannot be reached, or is full", (scene) => {
    const [first, refusing, full] = [scene.upstream(echo), scene.refusing(), scene.upstream(echo)];
    const [one, two, three] = rows(first, refusing, full) as ReturnType<typeof rowed>[];
    if (one === undefined || two === undefined || three === undefined) throw new Error();
    scene.weigh([1, 0, 0]);
    scene.listen([], { upstreams: [one, two, { ...three, maxRelays: 1 }], ...routing() });
    answers(scene, [{ upstream: 1 }, { upstream: 2 }, { upstream: 2 }]);
    for (let round = 0; round < 3; round++) scene.served();
    expect([first.ends.length, full.ends.length]).toEqual([2, 1]);
    expect(scene.relays().map(({ dials }) => dials)).toEqual([2, 1, 1]);
  });

  policy("is the only one where that is strict", (scene) => {
    const [other, refusing, full] = [scene.upstream(echo), scene.refusing(), scene.upstream(echo)];
    const [one, two, three] = rows(other, refusing, full) as ReturnType<typeof rowed>[];
    if (one === undefined || two === undefined || three === undefined) throw new Error();
    scene.weigh([1, 0, 0]);
    const last = { ...three, maxRelays: 1, weight: 0 };
    scene.listen([], { upstreams: [one, two, last], ...routing() });
    const strict = (upstream: number) => ({ upstream, isStrict: true });
    answers(scene, [strict(2), strict(2), strict(1)]);
    scene.served();
    scene.client();
    expect(scene.ended(1)).toMatchObject({ reason: "upstreams_full", dials: 0 });
    scene.client();
    expect(scene.ended(2)).toMatchObject({ reason: "connect_refused", dials: 1 });
    expect([other.ends.length, full.ends.length]).toEqual([0, 1]);
  });

  policy("is waited for then, which holds up nobody else", (scene) => {
    const [other, full] = [scene.upstream(echo), scene.upstream(echo)];
    const [one, two] = rows(other, full) as ReturnType<typeof rowed>[];
    if (one === undefined || two === undefined) throw new Error();
    scene.weigh([1, 0]);
    const dial = dialing({ queueMs: NEVER_MS, holdMs: NEVER_MS });
    scene.listen([], { upstreams: [one, { ...two, maxRelays: 1 }], ...dial, ...routing() });
    const strict = { upstream: 1, isStrict: true };
    answers(scene, [strict, strict, {}]);
    const first = scene.served();
    const second = scene.client().send(5);
    scene.until("it waits", () => scene.waiting === 1);
    scene.served();
    expect([other.ends.length, full.ends.length]).toEqual([1, 1]);
    first.reset();
    scene.until("it has its upstream", () => second.receivedBytes === 5);
    expect([other.ends.length, full.ends.length, scene.waiting]).toEqual([1, 2, 0]);
  });
});

describe("a client that it refuses", () => {
  for (const refusal of ["reset", "close", { tarpitMs: 200 }] as const) {
    const how = typeof refusal === "object" ? "after a while" : `by ${refusal}`;
    policy(`is let go ${how}`, (scene) => {
      const edge = { ...edgeDefaults, refusal };
      scene.listen([scene.upstream(echo)], { edge, ...routing() });
      answers(scene, [{ isRefused: true, label: "unknown" }]);
      const client = scene.client();
      const relay = scene.ended(1);
      expect(relay).toMatchObject({ reason: "route_refused", label: "unknown", dials: 0 });
      const leastMs = typeof refusal === "object" ? 200 : 0;
      expect(relay.durationMs).toBeWithin(leastMs, leastMs + LATE_MS);
      expect(client.isLetGo).toBe(true);
      expect(client.finSeen).toBe(refusal === "close");
    });
  }
});

policy(
  "a sink has one, too",
  (scene) => {
    scene.listen([], routing());
    answers(scene, [{ label: "first" }, { isRefused: true }]);
    const first = scene.client().send(1_000_000);
    // It takes bytes from the start, and would be over before it has its answer.
    scene.until("it has its label", () => scene.relays()[0]?.label === "first");
    first.finish();
    expect(scene.ended(1)).toMatchObject({ reason: "client_fin", label: "first" });
    scene.client();
    expect(scene.ended(2)).toMatchObject({ reason: "route_refused" });
  },
  { mode: "sink" },
);

describe("one that fails", () => {
  const failing = { failure: "it throws: a text" };
  const never = null;
  for (const [what, answer, why] of [
    ["says nonsense", failing, "it throws: a text"],
    ["never answers", never, "no answer within 100ms"],
  ] as const) {
    policy(`as it ${what}, is as if it were not there`, (scene) => {
      scene.listen([scene.upstream(echo)], routing({ timeoutMs: 100 }));
      scene.route = () => answer;
      scene.served();
      expect(scene.relays()).toMatchObject([{ label: null, dials: 1 }]);
      expect(scene.record.routesFailed).toEqual([{ listener: "front", why }]);
      expect(scene.stats().routeFailures).toBe(1);
    });

    policy(`as it ${what}, refuses where that is wanted`, (scene) => {
      scene.listen([scene.upstream(echo)], routing({ timeoutMs: 100, failure: "refuse" }));
      scene.route = () => answer;
      scene.client();
      expect(scene.ended(1)).toMatchObject({ reason: "route_failed", label: null, dials: 0 });
      expect(scene.record.routesFailed).toEqual([{ listener: "front", why }]);
      expect(scene.stats().routeFailures).toBe(1);
    });
  }
});

describe("a drain", () => {
  policy("waits for the answer", (scene) => {
    scene.listen([scene.upstream(echo)], routing());
    const client = scene.client().send(5);
    scene.until("it is asked", () => scene.questions.length === 1);
    const stop = scene.stop(120_000);
    scene.wait(1_000);
    scene.questions[0]?.answer(choice({}));
    scene.until("the echo is here", () => client.receivedBytes === 5);
    client.finish();
    stop.through();
    expect(scene.record.reasons).toEqual(["client_fin"]);
  });

  policy("but not for longer than it lasts", (scene) => {
    scene.listen([scene.upstream(echo)], routing());
    const client = scene.client();
    scene.until("it is asked", () => scene.questions.length === 1);
    const { afterMs } = scene.stop(100).through();
    expect(afterMs).toBeLessThanOrEqual(160);
    scene.questions[0]?.answer(choice({}));
    scene.settle();
    expect(client.isLetGo).toBe(true);
    expect(scene.record.ended).toMatchObject([{ reason: "drain", dials: 0 }]);
  });
});
