import { expect, test } from "bun:test";
import { systemClock } from "../base/clock.ts";
import { listenerDefaults } from "../config/defaults.ts";
import { plainUpstream } from "../config/listeners.ts";
import { UpstreamChooser } from "../upstream/chooser.ts";
import { UpstreamTable } from "../upstream/table.ts";
import { Branches } from "./branch.ts";
import type { Waiter } from "./waiting-room.ts";

const table = new UpstreamTable(1);

function chooserOf(...ports: number[]): UpstreamChooser {
  const upstreams = ports.map((port, slot) => ({
    ...plainUpstream({ kind: "tcp", host: "10.0.0.1", port } as const),
    slot,
  }));
  return new UpstreamChooser(upstreams, listenerDefaults.balance, table);
}

const nowhere = chooserOf();

function branchesOf(
  labels: readonly string[],
  before: Branches<Waiter> | null = null,
): Branches<Waiter> {
  const routed = labels.map((label) => ({ route: { label }, chooser: chooserOf(1) }));
  return new Branches<Waiter>(chooserOf(1, 2), routed, nowhere, before, systemClock);
}

test("routes to all upstreams, and clients without one, go to the main branch", () => {
  const branches = branchesOf(["a"]);
  expect(branches.of(null)).toBe(branches.main);
  expect(branches.of("all")).toBe(branches.main);
  expect(branches.of("a")).not.toBe(branches.main);
  expect(branches.all).toEqual([branches.main, branches.of("a")]);
});

test("a reload keeps queues, and who waits there gets the new choosers", () => {
  const before = branchesOf(["a", "b"]);
  const after = branchesOf(["b", "a", "c"], before);
  for (const label of [null, "a", "b"]) {
    const [old, renewed] = [before.of(label), after.of(label)];
    expect(renewed.waiting).toBe(old.waiting);
    expect(old.choice.chooser).toBe(renewed.chooser);
    expect(old.chooser).not.toBe(renewed.chooser);
  }
});

test("who waits on a route that is no more finds no upstream", () => {
  const before = branchesOf(["a", "b"]);
  const gone = before.of("a");
  const after = branchesOf(["b"], before);
  expect(gone.choice.chooser).toBe(nowhere);
  expect(after.of("b").choice.chooser).not.toBe(nowhere);
  // One of the same name that comes later begins anew.
  expect(branchesOf(["a", "b"], after).of("a").waiting).not.toBe(gone.waiting);
});
