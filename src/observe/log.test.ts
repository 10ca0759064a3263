import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { History } from "./history.ts";
import { type Logger, LogObserver } from "./log.ts";
import { flowStats, relaySummary } from "./test-figures.ts";

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** An observer, and the lines that it logs as `level: text`. */
function record(level: number): { lines: string[]; observer: LogObserver; history: History } {
  const lines: string[] = [];
  const write = (name: string) => Object.assign((text: string) => lines.push(`${name}: ${text}`));
  const words = ["debug", "info", "warn", "error"];
  const log = { level, ...Object.fromEntries(words.map((word) => [word, write(word)])) };
  const history = new History(100);
  return { lines, history, observer: new LogObserver(log as unknown as Logger, history) };
}

test("a relay is one line at debug, and kept for the statistics", () => {
  const { lines, observer, history } = record(4);
  const up = flowStats({ receivedBytes: 1_234, lostBytes: 34 });
  const relay = relaySummary({ id: 7, up, down: flowStats({ receivedBytes: 5 }) });
  observer.on({ event: "relayEnded", relay });
  observer.on({
    event: "relayEnded",
    relay: relaySummary({ id: 8, upstream: null, reason: "drain" }),
  });
  expect(lines).toEqual([
    "debug: relay 7: 127.0.0.1:50000 → 127.0.0.1:6379 client_fin after 2s, " +
      "1,234 bytes up, 5 down, 34 of them lost",
    "debug: relay 8: 127.0.0.1:50000 drain after 2s, 0 bytes up, 0 down",
  ]);
  expect(history.list().map(({ id }) => id)).toEqual([7, 8]);
});

test("at info a relay costs no text, and is kept all the same", () => {
  const { lines, observer, history } = record(3);
  const relay = relaySummary();
  Object.defineProperty(relay, "client", { get: () => expect.unreachable() });
  observer.on({ event: "relayEnded", relay });
  observer.on({ event: "poolGrew", bytes: 1_048_576 });
  expect(lines).toEqual([]);
  expect(history.list()).toHaveLength(1);
});

test("a client that is refused is a line, and flush tells of the others", () => {
  const { lines, observer } = record(3);
  const relay = relaySummary({ listener: "main", upstream: null, reason: "no_upstream" });
  for (let i = 0; i < 3; i++) observer.on({ event: "relayEnded", relay });
  observer.flush();
  expect(lines).toEqual([
    "warn: main: client 127.0.0.1:50000 refused: no upstream takes new relays (no_upstream)",
    "warn: main: 2 more clients refused: no upstream takes new relays (no_upstream)",
  ]);
});

test("dials that fail are a line per listener, upstream and second", () => {
  const { lines, observer } = record(3);
  for (let i = 0; i < 5_000; i++) {
    const reason = i < 4_000 ? "connect_refused" : "connect_timeout";
    observer.on({
      event: "dialFailed",
      upstream: "a:1",
      reason,
      detail: `E${i % 2}`,
      slot: 0,
      listener: "redis",
    });
    observer.on({
      event: "dialFailed",
      upstream: "a:1",
      reason: "connect_unresolved",
      detail: "",
      slot: 1,
      listener: "db",
    });
  }
  expect(lines).toEqual([
    "warn: redis: upstream a:1: a dial failed: connect_refused (E0)",
    "warn: db: upstream a:1: a dial failed: connect_unresolved",
  ]);
  jest.advanceTimersByTime(1_000);
  expect(lines.slice(2)).toEqual([
    "warn: redis: upstream a:1: a dial failed 4,999 more times, last: connect_timeout (E1)",
    "warn: db: upstream a:1: a dial failed 4,999 more times, last: connect_unresolved",
  ]);
});

test("a dial to an upstream that its listener has no more is a line without its name", () => {
  const { lines, observer } = record(3);
  observer.on({
    event: "dialFailed",
    upstream: "a:1",
    reason: "connect_refused",
    detail: "",
    slot: 0,
  });
  expect(lines).toEqual(["warn: upstream a:1: a dial failed: connect_refused"]);
});

test("route functions that fail are a line per listener and second", () => {
  const { lines, observer } = record(3);
  for (let i = 0; i < 1_000; i++)
    observer.on({
      event: "routeFailed",
      listener: "redis",
      why: i < 900 ? "it throws: A" : "late",
    });
  observer.on({ event: "routeFailed", listener: "db", why: "late" });
  observer.flush();
  expect(lines).toEqual([
    "warn: redis: the route function failed: it throws: A",
    "warn: db: the route function failed: late",
    "warn: redis: the route function failed 999 more times, last: late",
  ]);
});

test("copies that are given up are a line per listener, mirror and second", () => {
  const { lines, observer } = record(3);
  const drop = { listener: "redis", mirror: "m:1", relay: 7, detail: "" };
  observer.on({ event: "mirrorDropped", ...drop, reason: "unreachable", detail: "ECONNREFUSED" });
  for (let relay = 1; relay <= 1_000; relay++) {
    observer.on({ event: "mirrorDropped", ...drop, relay, reason: "slow" });
  }
  observer.on({ event: "mirrorDropped", ...drop, listener: "db", reason: "reset" });
  observer.flush();
  expect(lines).toEqual([
    "warn: redis: mirror m:1: gave up the copy of relay 7: unreachable (ECONNREFUSED)",
    "warn: db: mirror m:1: gave up the copy of relay 7: reset",
    "warn: redis: mirror m:1: gave up a copy 1,000 more times, last that of relay 1000: slow",
  ]);
});

test("an empty pool and paused accepting are a line per second, with how things stand", () => {
  const { lines, observer } = record(3);
  for (let i = 0; i < 1_000; i++) {
    observer.on({ event: "poolEmpty" });
    observer.on({ event: "poolRefilled" });
    observer.on({ event: "acceptPaused", cause: "descriptors", relays: 1_000 + i });
    observer.on({ event: "acceptResumed" });
  }
  observer.on({ event: "acceptPaused", cause: "memory", relays: 12 });
  jest.advanceTimersByTime(1_000);
  observer.flush();
  expect(lines).toEqual([
    "warn: the pool is empty: ringway reads and accepts nothing until slow ends take their bytes; " +
      "--segment-count allows more",
    "warn: accepting is paused: out of file descriptors (ulimit -n), 1,000 relays running",
    "info: the pool has segments again: ringway reads and accepts again (999 more times)",
    "warn: accepting is paused: out of memory, 12 relays running (1,000 more times)",
  ]);
});

test("flush logs what was held back", () => {
  const { lines, observer } = record(3);
  observer.on({
    event: "dialFailed",
    upstream: "a:1",
    reason: "connect_refused",
    detail: "",
    slot: 0,
  });
  observer.on({
    event: "dialFailed",
    upstream: "a:1",
    reason: "connect_refused",
    detail: "",
    slot: 0,
  });
  observer.on({ event: "poolEmpty" });
  observer.on({ event: "poolRefilled" });
  observer.flush();
  observer.flush();
  expect(lines.slice(2)).toEqual([
    "warn: upstream a:1: a dial failed once more, last: connect_refused",
    "info: the pool has segments again: ringway reads and accepts again",
  ]);
});

test("a slab is a line at debug", () => {
  const { lines, observer } = record(4);
  observer.on({ event: "poolGrew", bytes: 3 * 1_048_576 });
  expect(lines).toEqual(["debug: the pool grew to 3 MiB"]);
});

test("a worker that has met a defect is told with what became of its relays, and its stack", () => {
  const { lines, observer } = record(3);
  observer.on({
    event: "workerFailed",
    worker: 2,
    error: "Error: a defect\n    at turn (loop.ts:1)",
    relays: 7,
    replacedAfterMs: 0,
  });
  observer.on({
    event: "workerFailed",
    worker: 1,
    error: "Error: another",
    relays: 1,
    replacedAfterMs: 5_000,
  });
  expect(lines).toEqual([
    "error: worker 2 met a defect and ended 7 relays; a new worker starts at once",
    "error: Error: a defect\n    at turn (loop.ts:1)",
    "error: worker 1 met a defect and ended 1 relay; a new worker starts in 5s",
    "error: Error: another",
  ]);
});

test("an address of an upstream's name that is not well is a line", () => {
  const { lines, observer } = record(3);
  const event = { listener: "main", upstream: "db:5432", address: "10.0.0.5" };
  observer.on({
    event: "addressChanged",
    ...event,
    isWell: false,
    why: "3 checks failed: timeout",
  });
  observer.on({
    event: "addressChanged",
    ...event,
    isWell: true,
    why: "2 checks succeeded: +PONG",
  });
  expect(lines).toEqual([
    "warn: main: upstream db:5432: its address 10.0.0.5 is down: 3 checks failed: timeout",
    "info: main: upstream db:5432: its address 10.0.0.5 is up: 2 checks succeeded: +PONG",
  ]);
});

test("several primaries are told by their names, and that it is over", () => {
  const { lines, observer } = record(3);
  observer.on({ event: "primariesChanged", listener: "main", upstreams: ["a:1", "b:1"] });
  observer.on({ event: "primariesChanged", listener: "main", upstreams: ["a:1", "b:1", "c:1"] });
  observer.on({ event: "primariesChanged", listener: "main", upstreams: ["b:1"] });
  expect(lines).toEqual([
    "warn: main: a:1 and b:1 both claim to be the primary: writes may go to either",
    "warn: main: a:1, b:1, c:1 all claim to be the primary: writes may go to any of them",
    "info: main: at most one upstream claims to be the primary again",
  ]);
});

test("a host name with other addresses is a line, its first ones at debug", () => {
  const { lines, observer } = record(4);
  const addresses = ["10.0.0.1", "::1"];
  observer.on({ event: "nameChanged", name: "a.test", addresses, isNews: false });
  observer.on({ event: "nameChanged", name: "a.test", addresses, isNews: true });
  const many = Array.from({ length: 2_000 }, (_, index) => `10.0.0.${index}`);
  observer.on({ event: "nameChanged", name: "b.test", addresses: many, isNews: true });
  observer.on({ event: "nameFailing", name: "a.test", why: "no answer from DNS in time" });
  expect(lines).toEqual([
    "debug: host a.test resolves to 10.0.0.1, ::1 now",
    "info: host a.test resolves to 10.0.0.1, ::1 now",
    `info: host b.test resolves to ${many.slice(0, 8).join(", ")} and 1,992 more now`,
    "warn: host a.test: no answer from DNS in time; ringway keeps its last addresses",
  ]);
});

test("a service with other members is a line, its first ones at debug", () => {
  const { lines, observer } = record(4);
  const name = "_redis._tcp.a.test";
  const added = ["10.0.0.7:6379", "10.0.0.8:6379"];
  observer.on({ event: "serviceChanged", name, count: 2, added, removed: [], isNews: false });
  observer.on({
    event: "serviceChanged",
    name,
    count: 2,
    added: ["b:1"],
    removed: ["a:1"],
    isNews: true,
  });
  observer.on({ event: "serviceChanged", name, count: 1, added: [], removed: [], isNews: true });
  const many = Array.from({ length: 256 }, (_, index) => `10.0.0.${index}:1`);
  observer.on({
    event: "serviceChanged",
    name,
    count: 256,
    added: many,
    removed: [],
    isNews: true,
  });
  observer.on({ event: "serviceFailing", name, why: "no answer from DNS in time" });
  observer.on({ event: "serviceTrouble", name, what: "b:1 is this very proxy: left out" });
  const changed = `service ${name} changed:`;
  expect(lines).toEqual([
    `debug: ${changed} +10.0.0.7:6379, 10.0.0.8:6379 (2 members now)`,
    `info: ${changed} +b:1 −a:1 (2 members now)`,
    `info: ${changed} other weights (1 member now)`,
    `info: ${changed} +${many.slice(0, 8).join(", ")} and 248 more (256 members now)`,
    `warn: service ${name}: no answer from DNS in time; ringway keeps its last members`,
    `warn: service ${name}: b:1 is this very proxy: left out`,
  ]);
});

test("of upstreams without end none is forgotten of which something is held back", () => {
  const { lines, observer } = record(3);
  for (let round = 0; round < 2; round++) {
    for (let port = 0; port < 2_000; port++) {
      observer.on({
        event: "dialFailed",
        upstream: `a:${port}`,
        reason: "connect_refused",
        detail: "",
        slot: 0,
      });
    }
  }
  observer.flush();
  expect(lines.filter((line) => line.endsWith("connect_refused"))).toHaveLength(4_000);
});

test("an upstream whose ejection is over may be tried again, which is not to say that it is up", () => {
  const { lines, observer } = record(3);
  const event = { listener: "main", upstream: "db:5432", from: "ejected", to: "up" } as const;
  observer.on({ event: "upstreamChanged", ...event, why: "its ejection is over", isUntried: true });
  observer.on({ event: "upstreamChanged", ...event, why: "a dial was answered" });
  expect(lines).toEqual([
    "info: main: upstream db:5432 may be tried again: its ejection is over",
    "info: main: upstream db:5432 is up: a dial was answered",
  ]);
});

test("that nobody is left to relay to is an error, and its end no more than news", () => {
  const { lines, observer } = record(3);
  for (const isLacking of [true, false]) {
    observer.on({ event: "upstreamsLacking", listener: "main", isLacking });
  }
  expect(lines).toEqual([
    "error: main: no upstream takes new relays",
    "info: main: an upstream takes new relays again",
  ]);
});
