import { expect, test } from "bun:test";
import { listenerDefaults, uringDefaults } from "../config/defaults.ts";
import { plainUpstream } from "../config/listeners.ts";
import type { ListenerOptions, ProxyOptions, WantedListener } from "../config/options.ts";
import { describePlan, homesOf, isEmpty, planReload } from "./plan.ts";

const upstream = (port: number) => ({ kind: "tcp", host: "10.0.0.1", port }) as const;

function listener(port: number, upstreamPort = 6379): ListenerOptions {
  return {
    ...listenerDefaults,
    address: { kind: "tcp", host: "127.0.0.1", port },
    upstreams: [plainUpstream(upstream(upstreamPort))],
    connectTimeoutMs: 1_000,
    halfCloseTimeoutMs: 1_000,
  };
}

function options(...listeners: WantedListener[]): ProxyOptions {
  return {
    listeners,
    workers: 1,
    totalRelays: 0,
    memory: { segmentSize: 65_536, segmentCount: 64 },
    uring: uringDefaults,
    drainTimeoutMs: 1_000,
    dnsServers: [],
  };
}

test("the same again changes nothing", () => {
  const plan = planReload(options(listener(1), listener(2)), options(listener(2), listener(1)));
  expect(isEmpty(plan)).toBe(true);
  expect(plan.kept).toHaveLength(2);
  expect(describePlan(plan)).toBe("nothing changes");
});

test("listeners come, go and change", () => {
  const plan = planReload(
    options(listener(1), listener(2), listener(3)),
    options(listener(2), listener(3, 7000), listener(4), listener(5)),
  );
  expect(plan.removed).toEqual([listener(1)]);
  expect(plan.changed).toEqual([{ before: listener(3), after: listener(3, 7000) }]);
  expect(plan.added).toEqual([listener(4), listener(5)]);
  expect(describePlan(plan)).toBe(
    "2 listeners added, 1 listener removed, 1 listener changed, 1 upstream added, 0 relays cut",
  );
});

test("listeners whose port the system picks are told apart by their order", () => {
  const plan = planReload(
    options(listener(0), listener(0, 1)),
    options(listener(0), listener(0, 2)),
  );
  expect(plan).toMatchObject({ added: [], removed: [], kept: [listener(0)] });
  expect(plan.changed).toEqual([{ before: listener(0, 1), after: listener(0, 2) }]);
  const fewer = planReload(options(listener(0), listener(0, 1)), options(listener(0)));
  expect(fewer.removed).toEqual([listener(0, 1)]);
});

test("what only a restart changes is named and does nothing", () => {
  const wanted = {
    ...options(listener(1)),
    workers: 2,
    memory: { segmentSize: 65_536, segmentCount: 128 },
    uring: { ...uringDefaults, entries: 64 },
  };
  const plan = planReload(options(listener(1)), wanted);
  expect(isEmpty(plan)).toBe(true);
  expect(plan.needRestart).toEqual(["segmentCount", "workers", "uring"]);
});

test("a function is the same only if it is the very same", () => {
  const route = (label: string) => ({
    hook: () => ({ label }),
    timeoutMs: 100,
    failure: "relay" as const,
  });
  const one = { ...listener(1), route: route("a") };
  expect(isEmpty(planReload(options(one), options({ ...one, route: { ...one.route } })))).toBe(
    true,
  );
  const plan = planReload(options(one), options({ ...one, route: route("a") }));
  expect(describePlan(plan)).toBe("1 listener changed, 0 relays cut");
});

test.each([
  [{ drainDelayMs: 5 }, "drain delay changed, 0 relays cut", "drainDelay", "5ms"],
  [{ drainTimeoutMs: 5 }, "drain timeout changed, 0 relays cut", "drainTimeout", "5ms"],
  [{ totalRelays: 2 }, "limit of all relays changed, 0 relays cut", "totalRelays", "2"],
])("%j is a change of its own", (more, said, setting, after) => {
  const plan = planReload(options(listener(1)), { ...options(listener(1)), ...more });
  expect(plan).toMatchObject({ settings: [{ setting, after }], needRestart: [] });
  expect(isEmpty(plan)).toBe(false);
  expect(describePlan(plan)).toBe(said);
});

test("relays that end with their upstream are told instead of none", () => {
  const plan = (relaysEnding: number) =>
    planReload(options(listener(1)), options(listener(1, 7000)), { relaysEnding });
  const said = "1 listener changed, 1 upstream added, 1 upstream removed";
  expect(describePlan(plan(0))).toBe(`${said}, 0 relays cut`);
  expect(describePlan(plan(1))).toBe(`${said}, 1 relay ends with its upstream`);
  expect(describePlan(plan(1_234))).toBe(`${said}, 1,234 relays end with their upstreams`);
});

test("other networks in a file change a listener, and a drained one is opened again", () => {
  const same = options(listener(1), listener(2), listener(3));
  const circumstances = {
    otherNetworks: new Set(["127.0.0.1:2"]),
    closed: new Set(["127.0.0.1:3", "127.0.0.1:9"]),
  };
  const plan = planReload(same, same, circumstances);
  expect(plan.changed).toEqual([{ before: listener(2), after: listener(2) }]);
  expect(plan.reopened).toEqual([listener(3)]);
  expect(plan.kept).toEqual([listener(1)]);
  expect(isEmpty(plan)).toBe(false);
  expect(describePlan(plan)).toBe("1 listener changed, 1 listener opened again, 0 relays cut");
});

test("addresses with one name share a home, and keep it as long as one of them stays", () => {
  const named = (name: string, ...ports: number[]) =>
    ports.map((port) => ({ ...listener(port), name }));
  const [a, b, c] = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"];
  const first = homesOf([...named("x", 1, 2), listener(3)]);
  expect(first).toEqual(
    new Map([
      [a, a],
      [b, a],
      [c, c],
    ]),
  );
  // Another name, one address less, one more, another order.
  expect(homesOf(named("y", 2), first)).toEqual(new Map([[b, a]]));
  expect(homesOf(named("x", 4, 2), first)).toEqual(
    new Map([
      ["127.0.0.1:4", a],
      [b, a],
    ]),
  );
  expect(homesOf(named("x", 2, 1), first)).toEqual(
    new Map([
      [b, a],
      [a, a],
    ]),
  );
  // It is the same again, and addresses that change hands share nothing.
  expect(homesOf([...named("x", 1, 2), listener(3)], first)).toEqual(first);
  const parted = homesOf([listener(2), listener(1)], first);
  expect(parted).toEqual(
    new Map([
      [b, a],
      [a, "127.0.0.1:1 (2)"],
    ]),
  );
  expect(homesOf([listener(2), listener(1)], parted)).toEqual(parted);
});

test("what parts those of one name gives each part a home of its own, which stays", () => {
  const named = [1, 2, 3].map((port) => ({ ...listener(port), name: "x" }));
  const apart = ({ address }: WantedListener) =>
    address.kind === "tcp" && address.port === 3 ? "other" : "same";
  const [a, b, c] = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"];
  const together = homesOf(named);
  const parted = homesOf(named, together, apart);
  expect(parted).toEqual(
    new Map([
      [a, a],
      [b, a],
      [c, c],
    ]),
  );
  expect(homesOf(named, parted, apart)).toEqual(parted);
});

test("a service is one upstream, whatever its members are", () => {
  const to = (name: string, maxRelays = 0) => ({
    ...listener(1),
    upstreams: [{ ...plainUpstream({ kind: "service" as const, name }), maxRelays }],
  });
  const one = options(to("_redis._tcp.a.test"));
  expect(isEmpty(planReload(one, options(to("_redis._tcp.a.test"))))).toBe(true);
  const plan = planReload(one, options(to("_redis._tcp.b.test")));
  expect(plan.upstreamsAdded).toEqual(["srv:_redis._tcp.b.test"]);
  expect(plan.upstreamsRemoved).toEqual(["srv:_redis._tcp.a.test"]);
  expect(planReload(one, options(to("_redis._tcp.a.test", 5))).changed).toHaveLength(1);
});
