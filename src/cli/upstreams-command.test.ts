import { expect, test } from "bun:test";
import type { UpstreamView } from "../control/upstream-view.ts";
import { healthText, renderUpstreams } from "./upstreams-command.ts";

const view: UpstreamView = {
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
  running: 0,
  maxRelays: 0,
  lastCheck: null,
  trouble: null,
  addresses: [],
  primaries: null,
  healthForMs: 12_000,
};

test("a line for each, with what its last check has found", () => {
  const lastCheck = {
    ok: false,
    inconclusive: false,
    detail: "connect: ECONNREFUSED",
    durationMs: 1,
    atMs: 5,
  };
  const upstreams: UpstreamView[] = [
    { ...view, running: 1_234, weight: 10, effectiveWeight: 2.5 },
    { ...view, id: 17, upstream: "unix:/run/\u001b[2Jx", isBackup: true, maxRelays: 100 },
    { ...view, id: 2, state: "maintenance", health: "down", isOpen: false, lastCheck },
  ];
  expect(renderUpstreams(upstreams).split("\n")).toEqual([
    "id  listener  upstream              state              weight  running  health",
    " 0  main      10.0.0.5:6379         ready        10 (now 2.5)    1,234  up for 12s",
    "17  main      unix:/run/\\u001b[2Jx  ready            1 backup    0/100  up for 12s",
    " 2  main      10.0.0.5:6379         maintenance             1        0  down for 12s: connect: ECONNREFUSED",
    "",
  ]);
});

test("a member of a service stands with it", () => {
  const text = renderUpstreams([{ ...view, service: "_redis._tcp.example.org" }]);
  expect(text).toContain("10.0.0.5:6379 of _redis._tcp.example.org  ready");
});

test("a name that cannot be resolved is told, but not beside a check that says the same", () => {
  const one: UpstreamView = { ...view, health: "unknown", trouble: "unknown host" };
  expect(healthText(one)).toBe("unknown for 12s: unknown host");
  const lastCheck = { ok: false, inconclusive: false, detail: "DNS", durationMs: 1, atMs: 5 };
  expect(healthText({ ...one, health: "down", lastCheck })).toBe("down for 12s: DNS");
});

test("a name has its addresses behind it, each with its health", () => {
  const lastCheck = null;
  const addresses = [
    { address: "10.0.0.5", health: "up", isCurrent: true, lastCheck },
    { address: "10.0.0.6", health: "down", isCurrent: true, lastCheck },
    { address: "10.0.0.7", health: "up", isCurrent: false, lastCheck },
    { address: "10.0.0.8", health: "unknown", isCurrent: true, lastCheck },
  ] as const;
  expect(healthText({ ...view, addresses })).toBe(
    "up for 12s [10.0.0.5 up, 10.0.0.6 down, 10.0.0.7 up (not in DNS any more), 10.0.0.8]",
  );
  const many = Array.from({ length: 12 }, () => addresses[3]);
  expect(healthText({ ...view, addresses: many })).toEndWith("10.0.0.8 and 4 more]");
});

test("none is a sentence", () => {
  expect(renderUpstreams([])).toBe("no listener has an upstream\n");
});
