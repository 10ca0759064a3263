import { describe, expect, test } from "bun:test";
import type { Reason } from "../../base/reason.ts";
import { TestClock } from "../../base/test-clock.ts";
import { type Endable, Ending } from "./ending.ts";

/** An engine whose relays are busy until they are asked to end. */
class Stage implements Disposable {
  readonly clock = new TestClock();
  readonly running = new Set<Relay>();
  overs = 0;
  readonly ending = new Ending<Relay>(this.running, () => void this.overs++, this.clock);
  readonly ends: string[] = [];

  relay(reason: Reason | null = null): Relay {
    const relay = new Relay(this, reason);
    this.running.add(relay);
    this.ending.begun(relay);
    return relay;
  }

  end(relay: Relay, how: string): void {
    if (!this.running.delete(relay)) throw new Error("ends twice");
    this.ends.push(how);
    this.ending.ended(relay);
  }

  [Symbol.dispose](): void {
    this.clock[Symbol.dispose]();
  }
}

class Relay implements Endable {
  readonly movedBytes = 0;
  readonly clientBytes = 0;
  isCarrying = true;
  readonly awaitsAnswer = false;
  readonly upstreamSlot = 0;
  readonly listener = { account: { name: "main" } };

  constructor(
    private readonly stage: Stage,
    readonly reason: Reason | null,
  ) {}

  retire(reason: string): void {
    this.stage.end(this, `retired: ${reason}`);
  }

  terminate(reason: string): void {
    this.stage.end(this, `cut: ${reason}`);
  }

  giveUpDial(): boolean {
    return false;
  }
}

describe("a stop", () => {
  test("cuts what still runs when its time is over, and what comes later", () => {
    using stage = new Stage();
    stage.relay();
    stage.ending.stop(1_000);
    stage.relay();
    stage.clock.pass(999);
    expect([stage.running.size, stage.overs]).toEqual([2, 0]);
    stage.clock.pass(1);
    expect([stage.running.size, stage.overs]).toEqual([0, 1]);
    stage.relay();
    expect(stage.ends).toEqual(["cut: drain", "cut: drain", "cut: drain"]);
    expect(stage.ending.cutCount).toBe(3);
  });

  test("has cut only whom it has given the reason to end", () => {
    using stage = new Stage();
    stage.relay("client_reset");
    stage.ending.stop(0);
    expect([stage.running.size, stage.ending.cutCount, stage.overs]).toEqual([0, 0, 1]);
  });

  test("that is asked for again can only be sooner", () => {
    using stage = new Stage();
    stage.relay();
    stage.ending.stop(1_000);
    stage.ending.stop(10_000);
    stage.clock.pass(500);
    stage.ending.stop(100);
    stage.clock.pass(99);
    expect(stage.running.size).toBe(1);
    stage.clock.pass(1);
    expect(stage.running.size).toBe(0);
    stage.ending.stop(0);
    stage.clock.pass(20_000);
    expect([stage.overs, stage.ending.cutCount, stage.clock.alarmCount]).toEqual([1, 1, 0]);
  });

  test("ends idle ones before, at the pace of its new time", () => {
    using stage = new Stage();
    for (let count = 0; count < 20; count++) stage.relay().isCarrying = false;
    stage.ending.stop(1_000_000);
    stage.clock.pass(2_000);
    expect(stage.ends).toEqual(["retired: drain"]);
    stage.ending.stop(1_000);
    stage.clock.pass(800);
    expect(stage.ends).toEqual(Array(20).fill("retired: drain"));
    expect(stage.ending.cutCount).toBe(0);
  });
});

test("selected relays end, and the others do not", () => {
  using stage = new Stage();
  stage.relay();
  stage.ending.drop({ listener: "another" }, 0);
  expect(stage.running.size).toBe(1);
  stage.ending.drop({ slot: 0 }, 100);
  stage.clock.pass(100);
  expect(stage.ends).toEqual(["cut: upstream_gone"]);
});
