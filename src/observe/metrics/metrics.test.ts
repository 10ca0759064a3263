import { describe, expect, test } from "bun:test";
import { parseExposition, sampleValue } from "../../../test/fixtures/exposition.ts";
import { listenerFigures } from "../../counts/figures.ts";
import type { EngineStats } from "../../relay/ledger/stats.ts";
import { engineStats, flowStats, relaySummary, valkeyStats } from "../test-figures.ts";
import { figures } from "./figures.ts";
import { Metrics } from "./metrics.ts";
import { openDescriptors } from "./process.ts";
import type { UpstreamFigures } from "./snapshot.ts";

const build = { version: "1.2.3", engine: "uring" };
const ring = {
  submissions: 900,
  completions: 400,
  silentSends: 300,
  receivesWithoutBuffer: 2,
  overflows: 1,
};
const upstreams = [
  {
    upstream: "10.0.0.1:6379",
    ended: { client_fin: 3, drain: 1 },
    upBytes: 10,
    downBytes: 2 ** 40,
  },
  { upstream: null, ended: {}, upBytes: 7, downBytes: 0 },
];
const busy = engineStats({
  relays: { accepted: 9, running: 5, ended: 4, reasons: { client_fin: 3, drain: 1 } },
  listeners: [
    {
      listener: "redis",
      ...listenerFigures.none(),
      accepted: 9,
      running: 5,
      waiting: 2,
      dials: 11,
      tlsHandshakes: 8,
      tlsResumed: 3,
      tls12: 2,
      upstreams,
      valkey: valkeyStats({
        clients: 7,
        clientsWaiting: 1,
        repliesOwed: 9,
        sharedConnections: 2,
        leasedConnections: 3,
        idleConnections: 4,
        lostConnections: 5,
        ownErrors: 6,
        slowClients: 8,
        commands: [
          {
            command: "GET",
            relayed: 1,
            calls: 10,
            errors: 2,
            requestBytes: 300,
            replyBytes: 4_000,
            upstreamMs: 2_500,
            waitMs: 50,
            upstreamTimes: [1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3],
            waitTimes: [10],
          },
        ],
      }),
    },
  ],
  up: flowStats({ receives: 100, sends: 90, pauses: 3, poolEmpty: 1, lostBytes: 11 }),
  down: flowStats({ receives: 200, sends: 190, pauses: 4 }),
  loop: { turns: 50, events: 300 },
  ring,
  mirrors: [
    {
      listener: "redis",
      mirror: "m:1",
      begun: 12,
      running: 2,
      completed: 7,
      dropped: { slow: 3 },
      bytes: 77,
    },
  ],
  memory: { ...engineStats().memory, mirrorBytes: 1_024 },
  acceptPauses: 2,
  routeFailures: 6,
});

const known: readonly UpstreamFigures[] = [
  {
    listener: "redis",
    upstream: "a:1",
    isOpen: false,
    health: "down",
    running: 4,
    effectiveWeight: 0.5,
    addresses: [
      { address: "10.0.0.1", health: "up" },
      { address: "10.0.0.2", health: "down" },
      { address: "10.0.0.3", health: "unknown" },
    ],
    primaries: 1,
  },
];

const engines = [{ name: "uring", listeners: 2, relays: { accepted: 9, running: 5 } }];
const certificates = [
  { listener: "redis", name: "a.test", expiresAt: 3_000 },
  { listener: "redis", name: "a.test", expiresAt: 2_000 },
];
const quiet = { engines, certificates, accepts: true, accessLog: null, logLinesDropped: 5 };

async function read(
  metrics: Metrics,
  stats: EngineStats = busy,
  accessLog: { written: number; dropped: number } | null = { written: 20, dropped: 4 },
) {
  return parseExposition(
    await metrics.text(
      {
        stats,
        engines,
        certificates,
        upstreams: known,
        accepts: true,
        accessLog,
        logLinesDropped: 5,
      },
      build,
    ),
  );
}

describe("what the engine counts", async () => {
  const families = await read(new Metrics());

  test.each([
    ["ringway_relays_accepted_total", { listener: "redis" }, 9],
    ["ringway_relays_running", { listener: "redis" }, 5],
    ["ringway_relays_waiting", { listener: "redis" }, 2],
    ["ringway_dials_total", { listener: "redis" }, 11],
    ["ringway_tls_handshakes_total", { listener: "redis", version: "1.2" }, 2],
    ["ringway_tls_handshakes_total", { listener: "redis", version: "1.3" }, 6],
    ["ringway_tls_resumed_total", { listener: "redis" }, 3],
    ["ringway_certificate_expiry_timestamp_seconds", { listener: "redis", name: "a.test" }, 2],
    ["ringway_upstream_up", { listener: "redis", upstream: "a:1" }, 0],
    ["ringway_upstream_relays_running", { listener: "redis", upstream: "a:1" }, 4],
    ["ringway_upstream_weight", { listener: "redis", upstream: "a:1" }, 0.5],
    ["ringway_upstream_address_up", { listener: "redis", address: "10.0.0.1" }, 1],
    ["ringway_upstream_address_up", { upstream: "a:1", address: "10.0.0.2" }, 0],
    ["ringway_upstream_primaries", { listener: "redis", upstream: "a:1" }, 1],
    ["ringway_relays_ended_total", { reason: "client_fin", upstream: "10.0.0.1:6379" }, 3],
    ["ringway_relays_ended_total", { reason: "drain", listener: "redis" }, 1],
    ["ringway_bytes_total", { direction: "up", upstream: "10.0.0.1:6379" }, 10],
    ["ringway_bytes_total", { direction: "down", upstream: "10.0.0.1:6379" }, 2 ** 40],
    ["ringway_bytes_total", { direction: "up", upstream: "" }, 7],
    ["ringway_lost_bytes_total", { direction: "up" }, 11],
    ["ringway_receives_total", { direction: "up" }, 100],
    ["ringway_sends_total", { direction: "down" }, 190],
    ["ringway_pauses_total", { direction: "down" }, 4],
    ["ringway_pool_waits_total", { direction: "up" }, 1],
    ["ringway_accepting", {}, 1],
    ["ringway_accept_pauses_total", {}, 2],
    ["ringway_route_failures_total", {}, 6],
    ["ringway_mirror_copies_total", { listener: "redis", mirror: "m:1" }, 12],
    ["ringway_mirror_copies_running", { listener: "redis", mirror: "m:1" }, 2],
    ["ringway_mirror_copies_dropped_total", { mirror: "m:1", reason: "slow" }, 3],
    ["ringway_mirror_bytes_total", { listener: "redis", mirror: "m:1" }, 77],
    ["ringway_mirror_memory_bytes", {}, 1_024],
    ["ringway_engine_listeners", { engine: "uring" }, 2],
    ["ringway_engine_relays_running", { engine: "uring" }, 5],
    ["ringway_engine_relays_accepted_total", { engine: "uring" }, 9],
    ["ringway_pool_bytes", {}, 0],
    ["ringway_segments", {}, 4_096],
    ["ringway_segments_leased", {}, 0],
    ["ringway_segments_leased_max", {}, 0],
    ["ringway_turns_total", {}, 50],
    ["ringway_events_total", {}, 300],
    ["ringway_ring_submissions_total", {}, 900],
    ["ringway_ring_completions_total", {}, 400],
    ["ringway_ring_silent_sends_total", {}, 300],
    ["ringway_ring_receives_without_buffer_total", {}, 2],
    ["ringway_ring_overflows_total", {}, 1],
    ["ringway_access_log_lines_total", {}, 20],
    ["ringway_access_log_lines_dropped_total", {}, 4],
    ["ringway_log_lines_dropped_total", {}, 5],
    ["ringway_valkey_clients", { listener: "redis" }, 7],
    ["ringway_valkey_clients_waiting", { listener: "redis" }, 1],
    ["ringway_valkey_replies_owed", { listener: "redis" }, 9],
    ["ringway_valkey_connections", { listener: "redis", kind: "shared" }, 2],
    ["ringway_valkey_connections", { listener: "redis", kind: "leased" }, 3],
    ["ringway_valkey_connections", { listener: "redis", kind: "idle" }, 4],
    ["ringway_valkey_connections_lost_total", { listener: "redis" }, 5],
    ["ringway_valkey_own_errors_total", { listener: "redis" }, 6],
    ["ringway_valkey_slow_clients_total", { listener: "redis" }, 8],
    ["ringway_valkey_commands_total", { listener: "redis", command: "GET" }, 10],
    ["ringway_valkey_relayed_total", { command: "GET" }, 1],
    ["ringway_valkey_command_errors_total", { command: "GET" }, 2],
    ["ringway_valkey_request_bytes_total", { command: "GET" }, 300],
    ["ringway_valkey_reply_bytes_total", { command: "GET" }, 4_000],
    ["ringway_valkey_upstream_seconds_bucket", { command: "GET", le: "0.00005" }, 1],
    ["ringway_valkey_upstream_seconds_bucket", { command: "GET", le: "0.0002" }, 7],
    ["ringway_valkey_upstream_seconds_bucket", { command: "GET", le: "1" }, 7],
    ["ringway_valkey_upstream_seconds_bucket", { command: "GET", le: "+Inf" }, 10],
    ["ringway_valkey_upstream_seconds_sum", { listener: "redis", command: "GET" }, 2.5],
    ["ringway_valkey_upstream_seconds_count", { listener: "redis", command: "GET" }, 10],
    ["ringway_valkey_wait_seconds_sum", { listener: "redis", command: "GET" }, 0.05],
    ["ringway_build_info", { version: "1.2.3", engine: "uring", bun: Bun.version }, 1],
  ])("%s %j", (name, labels, value) => {
    expect(sampleValue(families, name, labels)).toBe(value);
  });

  test("no figure is left out above, and no name is against the conventions", () => {
    for (const { name } of figures) expect(families.has(name)).toBe(true);
    for (const [name, { type, help }] of families) {
      expect(name).toMatch(/^(ringway|process)_[a-z_]+$/);
      expect(help).toEndWith(".");
      expect(name.endsWith("_total")).toBe(type === "counter");
      if (type === "histogram") expect(name).toEndWith("_seconds");
    }
  });
});

test("of a listener with several addresses each upstream is told once, for all of them", async () => {
  const [one] = known;
  if (one === undefined) throw new Error("an upstream");
  const other = {
    ...one,
    isOpen: true,
    health: "unchecked" as const,
    running: 3,
    effectiveWeight: 1,
  };
  const upstreams = [one, other, { ...other, upstream: "b:1" }, { ...other, upstream: "b:1" }];
  const snapshot = { ...quiet, stats: busy, upstreams };
  const families = parseExposition(await new Metrics().text(snapshot, build));
  const of = (upstream: string) =>
    ["up", "open", "relays_running", "weight"].map((name) =>
      sampleValue(families, `ringway_upstream_${name}`, { listener: "redis", upstream }),
    );
  expect(of("a:1")).toEqual([0, 0, 7, 0.5]);
  expect(of("b:1")).toEqual([1, 1, 6, 1]);
});

test("of very many certificates those are told that expire first", async () => {
  const certificates = Array.from({ length: 3_000 }, (_, index) => {
    return { listener: "redis", name: `n${index}`, expiresAt: (5_000 - index) * 1_000 };
  });
  const snapshot = { ...quiet, stats: busy, upstreams: known, certificates };
  const families = parseExposition(await new Metrics().text(snapshot, build));
  const { samples = [] } = families.get("ringway_certificate_expiry_timestamp_seconds") ?? {};
  expect(samples).toHaveLength(1_000);
  expect(samples.every(({ value }) => value <= 3_001)).toBe(true);
});

test("asked again, values are those of now", async () => {
  const metrics = new Metrics();
  await read(metrics);
  const [one] = busy.listeners;
  if (one === undefined) throw new Error("a listener");
  const listeners = [{ ...one, accepted: 12 }];
  const later = await read(metrics, { ...busy, listeners, loop: { turns: 49, events: 301 } });
  expect(sampleValue(later, "ringway_relays_accepted_total")).toBe(12);
  expect(sampleValue(later, "ringway_events_total")).toBe(301);
  // An estimate that was corrected: a counter does not fall.
  expect(sampleValue(later, "ringway_turns_total")).toBe(50);
});

test("two that ask at once get the same", async () => {
  const metrics = new Metrics();
  const snapshot = { ...quiet, stats: busy, upstreams: known };
  const [one, two] = await Promise.all([
    metrics.text(snapshot, build),
    metrics.text(snapshot, build),
  ]);
  const own = (text: string) => text.split("\n").filter((line) => line.startsWith("ringway"));
  expect(own(one)).toEqual(own(two));
});

test("what is not there is not told", async () => {
  const families = await read(new Metrics(), engineStats(), null);
  expect([...families.keys()].filter((name) => /ring_|access_log/.test(name))).toEqual([]);
  expect(families.get("ringway_relays_running")?.samples).toEqual([]);
});

test("times of ended relays", async () => {
  const metrics = new Metrics();
  metrics.relayEnded({ relay: relaySummary({ dialMs: 2, durationMs: 30 }) });
  metrics.relayEnded({ relay: relaySummary({ dialMs: 0.1, durationMs: 7_200_000 }) });
  metrics.relayEnded({ relay: relaySummary({ dialMs: null, durationMs: 1, upstream: null }) });
  const families = await read(metrics);
  const labels = { listener: "127.0.0.1:6380", upstream: "127.0.0.1:6379" };
  const dial = (le: string) =>
    sampleValue(families, "ringway_dial_seconds_bucket", { ...labels, le });
  expect([dial("0.00025"), dial("0.001"), dial("0.0025"), dial("+Inf")]).toEqual([1, 1, 2, 2]);
  expect(sampleValue(families, "ringway_dial_seconds_sum", labels)).toBeCloseTo(0.0021);
  expect(sampleValue(families, "ringway_dial_seconds_count")).toBe(2);
  expect(sampleValue(families, "ringway_relay_seconds_sum", labels)).toBeCloseTo(7_200.03);
  expect(sampleValue(families, "ringway_relay_seconds_count", { upstream: "" })).toBe(1);
});

test("what is told between two answers is in the second, whatever it is", async () => {
  const metrics = new Metrics();
  const count = async (name: string) => sampleValue(await read(metrics), name);
  metrics.relayEnded({ relay: relaySummary({ durationMs: 30 }) });
  expect(await count("ringway_relay_seconds_count")).toBe(1);
  expect(await count("ringway_relay_seconds_count")).toBe(1);
  metrics.relayEnded({ relay: relaySummary({ durationMs: 30 }) });
  expect(await count("ringway_relay_seconds_count")).toBe(2);
  metrics.dialFailed({ upstream: "db:5432", reason: "connect_refused" });
  expect(await count("ringway_dial_failures_total")).toBe(1);
  metrics.dialFailed({ upstream: "db:5432", reason: "connect_refused" });
  expect(await count("ringway_dial_failures_total")).toBe(2);
});

test("what is forgotten is not in the next answer, though nothing was told since", async () => {
  const metrics = new Metrics();
  for (let i = 0; i < 300; i++)
    metrics.relayEnded({ relay: relaySummary({ upstream: `a:${i + 1}` }) });
  const pairs = async (upstreams: typeof known) => {
    const snapshot = { ...quiet, stats: busy, upstreams };
    const families = parseExposition(await metrics.text(snapshot, build));
    const { samples = [] } = families.get("ringway_relay_seconds") ?? {};
    return samples.filter(({ name }) => name.endsWith("_count")).length;
  };
  expect(await pairs(Array(100).fill(known[0]))).toBe(300);
  expect(await pairs(known)).toBeLessThan(300);
});

test("dials that failed, and accepting that is paused", async () => {
  const metrics = new Metrics();
  metrics.dialFailed({ upstream: "db:5432", reason: "connect_refused" });
  metrics.dialFailed({ upstream: "db:5432", reason: "connect_refused" });
  metrics.acceptPaused();
  let families = await read(metrics);
  const labels = { upstream: "db:5432", reason: "connect_refused" };
  expect(sampleValue(families, "ringway_dial_failures_total", labels)).toBe(2);
  expect(sampleValue(families, "ringway_accepting")).toBe(0);
  metrics.acceptResumed();
  families = await read(metrics);
  expect(sampleValue(families, "ringway_accepting")).toBe(1);
});

test("whatever a path has in it, labels hold it", async () => {
  const listener = 'unix:/a"\\\n}';
  const stats = engineStats({
    listeners: [{ listener, ...listenerFigures.none(), accepted: 1, upstreams: [], valkey: null }],
  });
  const metrics = new Metrics();
  metrics.relayEnded({ relay: relaySummary({ listener, upstream: "\n# EOF\n" }) });
  const families = await read(metrics, stats);
  expect(sampleValue(families, "ringway_relays_accepted_total", { listener })).toBe(1);
  expect(sampleValue(families, "ringway_relay_seconds_count", { upstream: "\n# EOF\n" })).toBe(1);
});

test("the process's figures are true", async () => {
  const families = await read(new Metrics());
  const value = (name: string) => sampleValue(families, name);
  const now = Date.now() / 1_000;
  expect(value("process_start_time_seconds")).toBeGreaterThan(now - 3_600);
  expect(value("process_start_time_seconds")).toBeLessThanOrEqual(Math.ceil(now));
  const { rss } = process.memoryUsage();
  expect(value("process_resident_memory_bytes") / rss).toBeWithin(0.5, 2);
  const { user, system } = process.cpuUsage();
  const seconds = (user + system) / 1e6;
  expect(value("process_cpu_seconds_total")).toBeWithin(seconds / 2, seconds + 0.001);
  if (process.platform !== "linux") return;
  expect(value("process_open_fds")).toBeWithin(3, 1_000);
  expect(value("process_max_fds")).toBeGreaterThan(value("process_open_fds"));
  expect([...families.keys()].filter((name) => name.startsWith("process_")).sort()).toEqual([
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
  ]);
});

test("series of upstreams that have gone do not pile up", async () => {
  const metrics = new Metrics();
  const seriesOf = async () => {
    const text = await metrics.text({ ...quiet, stats: busy, upstreams: known }, build);
    const count = (name: string) => text.split("\n").filter((line) => line.startsWith(name)).length;
    return ["ringway_dial_seconds_sum", "ringway_relay_seconds_sum", "ringway_dial_failures"].map(
      count,
    );
  };
  metrics.relayEnded({ relay: relaySummary({ listener: "redis", upstream: null }) });
  for (let port = 1; port <= 10_000; port++) {
    const upstream = `10.0.0.2:${port}`;
    metrics.dialFailed({ upstream, reason: "connect_refused" });
    metrics.dialFailed({ upstream, reason: "connect_timeout" });
    metrics.relayEnded({ relay: relaySummary({ listener: "redis", upstream }) });
  }
  // One that is there, 256 that have gone, for each of them two reasons; and who had no upstream.
  expect(await seriesOf()).toEqual([258, 258, 514]);
  metrics.relayEnded({ relay: relaySummary({ listener: "redis", upstream: "10.0.0.2:1" }) });
  expect(await seriesOf()).toEqual([258, 258, 514]);
});

test("descriptors that nobody can count are no failure", async () => {
  expect(openDescriptors("/nowhere")).toBeNull();
  if (process.platform === "linux") expect(openDescriptors()).toBeGreaterThan(3);
});

test("relays are counted by route, and those without one are not", async () => {
  const metrics = new Metrics();
  for (const route of ["a.test", "*.b.test", "a.test", null]) {
    metrics.relayEnded({ relay: relaySummary({ listener: "web", route, tlsName: "secret.test" }) });
  }
  const families = await read(metrics);
  const count = (route: string) =>
    sampleValue(families, "ringway_route_relays_total", { listener: "web", route });
  expect([count("a.test"), count("*.b.test")]).toEqual([2, 1]);
  expect(families.get("ringway_route_relays_total")?.samples).toHaveLength(2);
  // What clients ask for is in no label.
  expect(JSON.stringify([...families])).not.toContain("secret.test");
});
