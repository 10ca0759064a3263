import { describe, expect, test } from "bun:test";
import type { ListenerDocument } from "../../admin/listener-document.ts";
import { sample } from "../../admin/sample.ts";
import { urgencyOf } from "../../admin/standing.ts";
import type { StateDocument } from "../../admin/state.ts";
import type { UpstreamView } from "../../control/upstream-view.ts";
import { relayStatistics, statistics } from "../../observe/statistics.ts";
import { engineStats, flowStats, relaySummary } from "../../observe/test-figures.ts";
import { widthOf } from "../text-table.ts";
import { frame, type Line, type Size, type View } from "./frame.ts";

const listener: ListenerDocument = {
  name: "main",
  listen: "127.0.0.1:0",
  address: "127.0.0.1:6380",
  mode: "bidirectional",
  engine: "uring",
  upstreams: [],
  upstreamInside: false,
  mirror: null,
  routes: [],
  connectTimeoutMs: 5_000,
  halfCloseTimeoutMs: 60_000,
  accepting: true,
};

const upstream: UpstreamView = {
  id: 0,
  listener: "main",
  upstream: "10.0.0.5:6379",
  service: null,
  isBackup: false,
  weight: 1,
  effectiveWeight: 1,
  state: "ready",
  health: "up",
  isOpen: true,
  running: 7,
  maxRelays: 0,
  lastCheck: { ok: true, inconclusive: false, detail: "+PONG", durationMs: 1, atMs: 1 },
  trouble: null,
  addresses: [],
  primaries: null,
  healthForMs: 200_000,
};

interface Counts {
  readonly relays?: number;
  readonly upstreams?: readonly UpstreamView[];
  readonly listeners?: readonly ListenerDocument[];
}

function stateAt(durationMs: number, { relays = 0, upstreams, listeners }: Counts): StateDocument {
  const stats = engineStats({
    durationMs,
    relays: { accepted: relays + durationMs / 100, running: relays, ended: 0, reasons: {} },
    up: flowStats({ receivedBytes: (durationMs / 1_000) * 1_048_576 }),
    down: flowStats({ receivedBytes: (durationMs / 100) * 1_048_576 }),
  });
  return {
    version: "1.2.3",
    pid: 1,
    status: "ready",
    standing: { kind: "ready", text: "ready" },
    startedAt: 0,
    uptimeMs: durationMs,
    engine: { name: "uring", why: "", notes: [], workers: 2 },
    engines: [],
    drainTimeoutMs: 0,
    mayChange: true,
    listeners: [...(listeners ?? [listener])],
    upstreams: (upstreams ?? [upstream]).map((one) => ({ ...one, urgency: urgencyOf(one) })),
    totals: statistics(stats, [], []),
    latency: { relays: 9, dialMs: null, firstByteMs: { p50: 0.42, p99: 12.3 } },
    process: { residentBytes: 0 },
  };
}

function viewOf(counts: Counts = {}, parts: Partial<View> = {}): View {
  const { relays = 0 } = counts;
  const all = Array.from({ length: relays }, (_, index) =>
    relayStatistics(
      relaySummary({
        id: index + 1,
        client: `127.0.0.1:${50_000 + (index % 10_000)}`,
        durationMs: 61_000,
        reason: null,
        up: flowStats({ receivedBytes: 1_536 }),
        down: flowStats({ receivedBytes: 10 * 1_048_576 }),
      }),
    ),
  );
  const [before, state] = [stateAt(59_000, counts), stateAt(60_000, counts)];
  return {
    state,
    sample: sample(1, before, state),
    relays: { running: relays, matching: relays, relays: all },
    rates: new Map([[1, 2_048]]),
    order: { sort: "bytes", isReversed: false },
    trouble: null,
    ...parts,
  };
}

function texts(lines: readonly Line[]): string[] {
  return lines.map(({ text }) => text);
}

const endless: Size = { columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY };

test("80 × 24", () => {
  const lines = frame(viewOf({ relays: 2 }), { columns: 80, rows: 24 });
  expect(lines.slice(0, 9)).toEqual([
    { text: "ringway 1.2.3 ready, up 1m, uring, 2 workers", look: "plain" },
    {
      text: "relays 2  accepted 10/s  up 1 MiB/s  down 10 MiB/s  first byte p50 0.42ms",
      look: "strong",
    },
    { text: "listener  address         new clients  mode", look: "head" },
    { text: "main      127.0.0.1:6380  accepted     bidirectional", look: "plain" },
    {
      text: "upstream       listener  state  health     running  weight  check",
      look: "head",
    },
    {
      text: "10.0.0.5:6379  main      ready  up 3m 20s        7       1  +PONG",
      look: "plain",
    },
    {
      text: "relay  client           upstream           age        up      down        rate",
      look: "head",
    },
    {
      text: "    1  127.0.0.1:50000  127.0.0.1:6379   1m 1s   1.5 KiB    10 MiB     2 KiB/s",
      look: "plain",
    },
    {
      text: "    2  127.0.0.1:50001  127.0.0.1:6379   1m 1s   1.5 KiB    10 MiB           -",
      look: "plain",
    },
  ]);
  expect(lines).toHaveLength(24);
  expect(lines[23]).toEqual({
    text: "2 relays by bytes | q quit  b bytes  d age  c client  i id  r reverse",
    look: "faint",
  });
});

test("the keys fit 80 columns, beside a count of 10,000", () => {
  const lines = texts(frame(viewOf({ relays: 10_000 }), { columns: 80, rows: 50 }));
  expect(lines[49]).toEndWith(
    "of 10,000 relays by bytes | q quit  b bytes  d age  c client  i id  r reverse",
  );
});

test("40 × 10: what matters least is left out, and relays keep their place", () => {
  const many = Array.from({ length: 9 }, (_, id) => ({ ...upstream, id }));
  const lines = frame(viewOf({ relays: 50, upstreams: many }), { columns: 40, rows: 10 });
  expect(texts(lines)).toEqual([
    "ringway 1.2.3 ready, up 1m, uring, 2 wo…",
    "relays 50  accepted 10/s  up 1 MiB/s",
    "upstream (2 of 9)  health     running",
    "10.0.0.5:6379      up 3m 20s        7",
    "10.0.0.5:6379      up 3m 20s        7",
    "client                 up      down",
    "127.0.0.1:50000   1.5 KiB    10 MiB",
    "127.0.0.1:50001   1.5 KiB    10 MiB",
    "127.0.0.1:50002   1.5 KiB    10 MiB",
    "3 of 50 relays by bytes | q quit  b byt…",
  ]);
});

test("200 × 50 shows everything of 10,000 relays that fits, and says so", () => {
  const view = viewOf({ relays: 10_000 });
  const lines = frame(view, { columns: 200, rows: 50 });
  expect(lines).toHaveLength(50);
  expect(lines[1]?.text).toEndWith("first byte p50 0.42ms  p99 12ms");
  expect(lines[48]?.text).toContain("127.0.0.1:50041");
  expect(lines[49]?.text).toStartWith("42 of 10,000 relays by bytes | q quit");
});

test("no relays, no upstreams, and without a terminal", () => {
  const view = viewOf({ upstreams: [] }, { order: { sort: "client", isReversed: true } });
  expect(texts(frame(view, endless)).slice(2)).toEqual([
    "listener  address         new clients  mode",
    "main      127.0.0.1:6380  accepted     bidirectional",
    "relay  client  upstream     age        up      down        rate",
    "0 relays by client, reversed",
  ]);
});

test("what needs looking at comes first and stands out; so do a drain and no answer", () => {
  const lastCheck = { ...upstream.lastCheck, ok: false, detail: "connect: ECONNREFUSED" };
  const upstreams = [
    upstream,
    { ...upstream, upstream: "drained:1", state: "drain" },
    { ...upstream, upstream: "rebuilt:1", state: "maintenance", health: "unknown" },
    { ...upstream, upstream: "ejected:1", health: "ejected" },
    {
      ...upstream,
      upstream: "nohost:1",
      health: "unknown",
      lastCheck: null,
      trouble: "unknown host",
    },
    { ...upstream, upstream: "down:1", health: "down", lastCheck },
  ] as UpstreamView[];
  const view = viewOf({ upstreams, listeners: [{ ...listener, name: null, accepting: false }] });
  const lines = frame(view, endless);
  expect(lines[3]).toMatchObject({
    look: "faint",
    text: expect.stringMatching(/^127.0.0.1:6380 {2}127.0.0.1:6380 {2}drained/),
  });
  expect(lines.slice(5, 11).map(({ text, look }) => [text.split(" ")[0], look])).toEqual([
    ["down:1", "bad"],
    ["ejected:1", "bad"],
    ["nohost:1", "bad"],
    ["drained:1", "faint"],
    ["rebuilt:1", "faint"],
    ["10.0.0.5:6379", "plain"],
  ]);
  expect(lines[5]?.text).toEndWith("connect: ECONNREFUSED");
  expect(lines[7]?.text).toEndWith("unknown host");
  expect(lines[0]?.text).toContain("ready, 1 of 6 upstreams down, up 1m");
  const draining = { ...view, state: { ...view.state, status: "draining" as const } };
  expect(frame(draining, endless)[0]).toMatchObject({ look: "bad" });
  const trouble = "no proxy answers";
  expect(frame({ ...view, trouble }, endless)[0]).toEqual({ look: "bad", text: trouble });
});

describe("whatever the terminal's size", () => {
  const upstreams = Array.from({ length: 40 }, (_, id) => ({ ...upstream, id }));
  const listeners = Array.from({ length: 40 }, () => listener);
  const views = [
    viewOf(),
    viewOf({ relays: 300 }),
    viewOf({ relays: 1, upstreams, listeners }),
    viewOf({ relays: 300, upstreams, listeners }),
    viewOf({ upstreams, listeners: [] }),
  ];

  test("it is full and nothing sticks out", () => {
    for (const view of views) {
      for (const rows of [1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 24, 50, 120]) {
        for (const columns of [1, 2, 9, 20, 40, 79, 80, 200]) {
          const lines = frame(view, { columns, rows });
          expect(lines).toHaveLength(rows);
          expect(Math.max(...lines.map(({ text }) => widthOf(text)))).toBeLessThanOrEqual(columns);
        }
      }
    }
  });

  test("relays are seen from ten lines on", () => {
    for (const rows of [10, 12, 20, 30]) {
      const lines = texts(frame(views[3] as View, { columns: 80, rows }));
      expect(lines.filter((line) => line.includes("127.0.0.1:50")).length).toBeGreaterThan(2);
    }
  });
});

test("nothing that a terminal would obey gets through", () => {
  const evil = "x\u001b[2J\u001b]0;title\u0007\u009b1m\r\n\u202e";
  const relay = relayStatistics(relaySummary({ client: evil, upstream: evil, reason: null }));
  const lastCheck = { ok: false, inconclusive: false, detail: evil, durationMs: 1, atMs: 1 };
  const view = viewOf({
    upstreams: [{ ...upstream, upstream: evil, listener: evil, lastCheck }],
    listeners: [{ ...listener, name: evil, address: evil }],
  });
  const hostile: View = {
    ...view,
    state: { ...view.state, version: evil },
    relays: { running: 1, matching: 1, relays: [relay] },
  };
  for (const one of [hostile, { ...hostile, trouble: evil }]) {
    for (const size of [endless, { columns: 300, rows: 30 }, { columns: 40, rows: 10 }]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
      expect(texts(frame(one, size)).join("")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    }
  }
});
