import { expect, test } from "bun:test";
import { noFaults } from "../kernel/faults.ts";
import { Port } from "../kernel/world.ts";
import { Life } from "./life.ts";
import type { Story } from "./story.ts";

// Stories that have shown a fault of the relay layer once.

/** Nothing special happens to one client. */
const plain: Story = {
  seed: 1,
  faults: noFaults(),
  clients: 1,
  mode: "bidirectional",
  endings: ["fin"],
  upstreams: [{ kind: "tcp", host: "10.9.9.9", port: Port.Answers }],
  slowPercent: 0,
  resetPercent: 0,
  totalMax: 100,
  fullPercent: 20,
  stormMs: 20,
  stopsEarly: false,
  drainMs: 0,
  limitsReceives: false,
  memory: 16 * 4096,
  descriptors: 100_000,
  upstreamInside: false,
  connectTimeoutMs: 5_000,
  halfCloseTimeoutMs: 600_000,
  idleTimeoutMs: 0,
  clientIdleTimeoutMs: 0,
  upstreamIdleTimeoutMs: 0,
  lifetimeMs: 0,
  holdMs: 0,
  maxRelays: 0,
  queueMs: 0,
  queueMax: 1_000,
  tries: 3,
  retries: 0,
  budgetMs: 0,
  upRate: 0,
  downRate: 0,
  routes: "none",
  names: false,
  helloMs: 40,
  drips: false,
  request: false,
  peek: 0,
  mirror: null,
  edge: null,
  operator: false,
};

const open: NonNullable<Story["edge"]> = {
  proxyProtocol: "off",
  believesFew: false,
  preambleTimeoutMs: 5_000,
  sendProxyProtocol: "off",
  hosts: 5,
  denies: false,
  maxRelays: 0,
  totalRelays: 0,
  maxRelaysPerClient: 0,
  maxRelaysPerNetwork: 0,
  clientRate: 0,
  networkRate: 0,
  whenFull: "refuse",
  fullTimeoutMs: 30_000,
  refusal: "reset",
};

/** Runs a story. @returns why its relays have ended */
function reasonsOf(story: Partial<Story>): readonly (string | null)[] {
  const life = new Life({ ...plain, ...story });
  life.run();
  return life.ended.map(({ reason }) => reason);
}

const slow: Story["upstreams"] = [{ kind: "tcp", host: "slow.test", port: Port.Answers }];

test("who waits for a place for longer than its dials may take is dialled for all the same", () => {
  const edge = { ...open, maxRelays: 1, whenFull: "wait" as const };
  const upstreams = slow;
  const reasons = reasonsOf({ seed: 3, clients: 2, upstreams, budgetMs: 100, edge });
  expect(reasons).toHaveLength(2);
  expect(reasons).not.toContain("no_upstream");
});

test("who waits for room at an upstream has no more time than all its dials and waits", () => {
  const reasons = reasonsOf({
    ...{ seed: 3, clients: 2, upstreams: slow, maxRelays: 1 },
    ...{ queueMs: 10_000, budgetMs: 100 },
  });
  expect(reasons).toContain("queue_timeout");
});

test("a thousand clients that send a byte a second of their hellos are let go in time, and hold little", () => {
  const clients = 1_000;
  const life = new Life({
    ...plain,
    clients,
    names: true,
    drips: true,
    helloMs: 5_000,
    memory: clients * 16 + 16 * 4096,
    endings: ["stay"],
    stormMs: 20_000,
    drainMs: 100,
  });
  life.run();
  const reasons = Map.groupBy(life.ended, ({ reason }) => reason);
  const late = reasons.get("tls_hello_timeout") ?? [];
  // A few do not speak TLS, which one byte tells.
  expect(late.length).toBeGreaterThan(clients / 2);
  expect(Math.max(...late.map(({ durationMs }) => durationMs))).toBeLessThan(6_000);
  expect(late.every(({ dials }) => dials === 0)).toBe(true);
});
