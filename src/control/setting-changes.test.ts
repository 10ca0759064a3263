import { expect, test } from "bun:test";
import { secretKeys } from "../base/secret-keys.ts";
import { uringDefaults } from "../config/defaults.ts";
import { readDocument } from "../config/document.ts";
import type { WantedListener } from "../config/options.ts";
import { Problems } from "../config/sourced.ts";
import { validate } from "../config/validate.ts";
import { listenerChanges, proxyChanges } from "./setting-changes.ts";

/** The listener of a file. */
function listenerOf(settings: object): WantedListener {
  const problems = new Problems();
  const document = { listen: ":1", upstream: "a:1", ...settings };
  const { listeners } = validate({}, readDocument(document, "f", {}, problems), problems);
  return listeners[0] as WantedListener;
}

/** What a reload from one to the other changes, as `name: before → after`. */
function changed(before: object, after: object): string[] {
  return listenerChanges(listenerOf(before), listenerOf(after)).map(
    (one) => `${one.setting}: ${one.before} → ${one.after}`,
  );
}

test.each<[object, object, string[]]>([
  [{}, { connectTimeout: "3s" }, ["connectTimeout: 5s → 3s"]],
  [{}, { connectTimeout: 3000 }, ["connectTimeout: 5s → 50m"]],
  [{ idleTimeout: "1h" }, {}, ["idleTimeout: 1h → off"]],
  [{ idleTimeout: 3600 }, { idleTimeout: 3600.4 }, ["idleTimeout: 3600000 → 3600400"]],
  [{}, { mode: "oneway" }, ["mode: bidirectional → oneway"]],
  [
    {},
    { balance: "hash", boundedLoad: 1.25 },
    ["balance: round-robin → hash", "boundedLoad: off → 1.25"],
  ],
  [
    {},
    { tries: 4, queueSize: 5, queueTimeout: "2s" },
    ["tries: 3 → 4", "queueTimeout: off → 2s", "queueSize: 1,024 → 5"],
  ],
  [{}, { holdTimeout: "1m", dialBudget: "2m" }, ["dialBudget: off → 2m", "holdTimeout: off → 1m"]],
  [{}, { allow: "10.0.0.0/8,file:/a" }, ["allow: none → 10.0.0.0/8, file:/a"]],
  [{}, { refuse: "5s" }, ["refuse: reset → 5s"]],
  [{}, { upRate: "1MiB", clientRate: 0.5 }, ["clientRate: off → 0.5", "upRate: off → 1MiB/s"]],
  [{}, { check: "redis-primary" }, ["check: none → redis-primary"]],
  [
    { check: "tcp" },
    { check: "tcp", checkInterval: "5s", checkAddress: ":9" },
    ["checkInterval: 2s → 5s", "checkAddress: none → :9"],
  ],
  [
    {},
    { check: "tcp", checkTls: true, checkTlsVerify: false },
    ["check: none → tcp", "checkTls: as upstreamTls → on", "checkTlsVerify: on → off"],
  ],
  [{}, { ejectAfter: 0 }, ["ejectAfter: 3 → 0"]],
  [{}, { onDown: "close", onRemove: "5s" }, ["onDown: keep → close", "onRemove: keep → 5s"]],
  [{}, { unixMode: "0660" }, ["unixMode: 0600 → 0660"]],
  [{}, { mirror: "b:1" }, ["mirror: none → b:1"]],
  [
    { upstream: ["a:1", "b:1"] },
    { upstream: [{ address: "a:1", weight: 2, backup: false, maxRelays: 5 }, "c:1"] },
    [
      "upstream a:1 weight: 1 → 2",
      "upstream a:1 maxRelays: 0 → 5",
      "upstream b:1: there → not there",
      "upstream c:1: not there → there",
    ],
  ],
  [
    { check: "tcp" },
    { check: "tcp", upstream: { address: "a:1", check: "redis", onDown: "close" } },
    ["upstream a:1 onDown: as its listener → close", "upstream a:1 check: as its listener → redis"],
  ],
])("%j to %j is told by the names and in the words of the file", (before, after, told) => {
  expect(changed(before, after)).toEqual(told);
  expect(changed(after, after)).toEqual([]);
});

test("a secret is told to be another one, and not repeated", () => {
  const redis = (checkPassword: string) => ({ check: "redis", checkPassword });
  expect(changed(redis("hunter2"), redis("hunter3"))).toEqual([
    "checkPassword: (not shown) → (not shown)",
  ]);
  expect(changed({ check: "redis" }, redis("hunter3"))).toEqual([
    "checkPassword: none → (not shown)",
  ]);
  const send = (checkSend: string) => ({ check: "send-expect", checkSend, checkExpect: "hunter4" });
  const told = changed(send("hunter2"), send("hunter3")).join();
  expect(told).toContain("checkSend");
  const own = (checkPassword: string) => ({
    upstream: { address: "a:1", check: "redis" },
    checkPassword,
  });
  const all = [told, ...changed(own("hunter2"), own("hunter3")), ...changed({}, own("hunter5"))];
  expect(all.join()).not.toContain("hunter");
  expect(secretKeys).toContain("checkPassword");
});

test("settings of the whole proxy, with their units", () => {
  const before = {
    workers: 1,
    drainTimeoutMs: 10_000,
    memory: { segmentSize: 65_536, segmentCount: 64 },
    uring: { ...uringDefaults, waitTimeoutMicros: 100 },
  };
  const after = {
    workers: 4,
    drainTimeoutMs: 60_000,
    memory: { segmentSize: 131_072, segmentCount: 64 },
    uring: { ...uringDefaults, waitTimeoutMicros: 50 },
  };
  expect(proxyChanges(before, after)).toEqual([
    { setting: "drainTimeout", before: "10s", after: "1m" },
    { setting: "segmentSize", before: "64KiB", after: "128KiB" },
    { setting: "workers", before: "1", after: "4" },
    { setting: "uring.waitTimeout", before: "100us", after: "50us" },
  ]);
});
