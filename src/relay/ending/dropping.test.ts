import { describe, expect, test } from "bun:test";
import type { Reason } from "../../base/reason.ts";
import { TestClock } from "../../base/test-clock.ts";
import { type Droppable, Dropping } from "./dropping.ts";

/** An engine with relays of two listeners and three upstreams. */
class Stage implements Disposable {
  readonly clock = new TestClock();
  readonly running = new Set<Relay>();
  readonly dropping = new Dropping<Relay>(this.clock);
  /** How each relay ended, by its name. */
  readonly ends: Record<string, string> = {};

  relay(name: string, upstreamSlot: number | null, listener = "one"): Relay {
    const relay = new Relay(name, this, upstreamSlot, { account: { name: listener } });
    this.running.add(relay);
    return relay;
  }

  end(relay: Relay, how: string): void {
    if (!this.running.delete(relay)) throw new Error(`${relay.name} ends twice`);
    this.ends[relay.name] = how;
    this.dropping.ended(relay);
  }

  [Symbol.dispose](): void {
    this.clock[Symbol.dispose]();
  }
}

class Relay implements Droppable {
  movedBytes = 0;
  clientBytes = 0;
  isCarrying = false;
  awaitsAnswer = false;
  isDialing = false;

  constructor(
    readonly name: string,
    private readonly stage: Stage,
    public upstreamSlot: number | null,
    readonly listener: Droppable["listener"],
  ) {}

  retire(reason: Reason): void {
    this.stage.end(this, `retired: ${reason}`);
  }

  terminate(reason: Reason): void {
    this.stage.end(this, `terminated: ${reason}`);
  }

  giveUpDial(): boolean {
    if (!this.isDialing) return false;
    this.isDialing = false;
    this.upstreamSlot = 9;
    return true;
  }
}

describe("the relays of an upstream", () => {
  test("end at once, and no others", () => {
    using stage = new Stage();
    stage.relay("a", 1);
    stage.relay("b", 2);
    stage.relay("c", 1, "other");
    stage.relay("d", null);
    stage.dropping.drop(stage.running, { slot: 1 }, 0);
    const gone = "terminated: upstream_gone";
    expect(stage.ends).toEqual({ a: gone, c: gone });
    expect(stage.clock.alarmCount).toBe(0);
  });

  test("end in their time, idle ones in an orderly way and before", () => {
    using stage = new Stage();
    for (const name of ["a", "b", "c", "d"]) stage.relay(name, 1);
    stage.relay("busy", 1).isCarrying = true;
    stage.relay("other", 2);
    stage.dropping.drop(stage.running, { slot: 1 }, 10_000);
    expect(stage.ends).toEqual({});
    stage.clock.pass(9_999);
    const orderly = "retired: upstream_gone";
    expect(stage.ends).toMatchObject({ a: orderly, b: orderly, c: orderly });
    expect(stage.ends.busy).toBeUndefined();
    stage.clock.pass(1);
    expect(stage.ends.busy).toBe("terminated: upstream_gone");
    expect(stage.running.size).toBe(1);
  });

  test("that come later, or end by themselves, are left alone", () => {
    using stage = new Stage();
    const early = stage.relay("early", 1);
    stage.dropping.drop(stage.running, { slot: 1 }, 1_000);
    stage.end(early, "by itself");
    // The same object may carry the next client, and the upstream be back.
    stage.running.add(early);
    stage.relay("late", 1);
    stage.clock.pass(2_000);
    expect(stage.ends).toEqual({ early: "by itself" });
    expect(stage.running.size).toBe(2);
  });

  test("that only dial it go on with another one, whatever the time", () => {
    using stage = new Stage();
    const [one, other] = [stage.relay("one", 1), stage.relay("other", 1)];
    one.isDialing = true;
    other.isDialing = true;
    stage.dropping.drop(stage.running, { slot: 1 }, 1_000);
    expect([one.isDialing, other.isDialing]).toEqual([false, false]);
    stage.clock.pass(2_000);
    stage.dropping.drop(stage.running, { slot: 1 }, 0);
    expect(stage.ends).toEqual({});
  });
});

describe("the relays of a listener", () => {
  test("end for another reason, those that dial as well", () => {
    using stage = new Stage();
    stage.relay("a", 1);
    stage.relay("dials", 1).isDialing = true;
    stage.relay("waits", null);
    stage.relay("other", 1, "other");
    stage.dropping.drop(stage.running, { listener: "one" }, 0);
    const drain = "terminated: drain";
    expect(stage.ends).toEqual({ a: drain, dials: drain, waits: drain });
  });
});

test("several selections at the same time do not meet", () => {
  using stage = new Stage();
  stage.relay("a", 1).isCarrying = true;
  stage.relay("b", 2).isCarrying = true;
  stage.dropping.drop(stage.running, { slot: 1 }, 1_000);
  stage.dropping.drop(stage.running, { slot: 2 }, 3_000);
  stage.dropping.drop(stage.running, { listener: "one" }, 2_000);
  stage.clock.pass(1_000);
  expect(Object.keys(stage.ends)).toEqual(["a"]);
  stage.clock.pass(1_000);
  expect(stage.ends.b).toBe("terminated: drain");
  stage.clock.pass(2_000);
  expect(stage.running.size).toBe(0);
});

test("those that were to end go on when that is taken back, and only those", () => {
  using stage = new Stage();
  stage.relay("kept", 1);
  stage.relay("ended", 2);
  const late = stage.relay("by itself", 1);
  stage.dropping.drop(stage.running, { slot: 1 }, 5_000);
  stage.dropping.drop(stage.running, { slot: 2 }, 5_000);
  stage.clock.pass(500);
  stage.end(late, "finished");
  stage.dropping.spare({ slot: 1 });
  stage.dropping.spare({ listener: "1" });
  stage.clock.pass(10_000);
  expect(stage.ends).toEqual({ "by itself": "finished", ended: "retired: upstream_gone" });
  stage.dropping.drop(stage.running, { slot: 1 }, 0);
  expect(stage.ends.kept).toBe("terminated: upstream_gone");
});
