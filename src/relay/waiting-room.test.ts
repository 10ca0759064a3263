import { describe, expect, test } from "bun:test";
import type { Reason } from "../base/reason.ts";
import { TestClock } from "../base/test-clock.ts";
import { listenerDefaults } from "../config/defaults.ts";
import type { DialOptions } from "../config/options.ts";
import { type Waiter, WaitingRoom } from "./waiting-room.ts";

/** Upstreams with so much room, or none that can be reached, and the relays that wait for them. */
class Stage implements Disposable {
  readonly clock = new TestClock();
  /** Relays that may still go there; null: none can be reached. */
  room: number | null = 0;
  /** Who got there, and who did not, in order. */
  readonly served: string[] = [];
  readonly refused: [string, Reason][] = [];
  /** When they dialled, by the time since the start. */
  readonly dialedAt: number[] = [];
  readonly waiting: WaitingRoom<Relay>;
  /** How many wait, as the listener counts them. */
  waitingCount = 0;
  /** For relays that come now. */
  options: DialOptions;
  private readonly startedAt = this.clock.now();

  constructor(options: Partial<DialOptions>) {
    this.options = { ...listenerDefaults.dial, ...options };
    this.waiting = new WaitingRoom(() => this.room === 0, this.clock);
  }

  /** A client comes. */
  come(name: string): Relay {
    const relay = new Relay(name, this);
    if (this.waiting.hasQueue) relay.wait();
    else relay.dialAgain();
    return relay;
  }

  /** One has left an upstream. */
  leave(): void {
    this.room = (this.room ?? 0) + 1;
    this.waiting.roomMade();
  }

  get age(): number {
    return this.clock.now() - this.startedAt;
  }

  [Symbol.dispose](): void {
    this.clock[Symbol.dispose]();
  }
}

class Relay implements Waiter {
  waitsSince: number | null = null;
  waits = 0;
  isWaiting = false;
  retries = 0;
  lastFailure: Reason | null = null;
  hasTime = true;
  /** Of the one that it wants alone. */
  isFullThere: boolean | null = null;
  private readonly options: DialOptions;

  constructor(
    readonly name: string,
    private readonly stage: Stage,
  ) {
    this.options = stage.options;
  }

  dialAgain(): void {
    const { stage } = this;
    stage.dialedAt.push(stage.age);
    if (stage.room === null) this.lastFailure = "connect_refused";
    if (this.isFullThere ?? (stage.room === null || stage.room === 0)) {
      this.wait();
      return;
    }
    if (stage.room !== null) stage.room--;
    stage.served.push(this.name);
  }

  wait(): void {
    const why = this.stage.waiting.add(this, this.options, {
      waits: (change) => {
        this.stage.waitingCount += change;
      },
    });
    if (why !== null) this.notDialed(why);
  }

  notDialed(reason: Reason): void {
    this.stage.refused.push([this.name, reason]);
  }
}

describe("a relay that wants one certain upstream", () => {
  test("waits for room there, in order, and delays no other", () => {
    using stage = new Stage({ queueMs: 10_000, queueMax: 3 });
    stage.room = 5;
    const [one, two] = [new Relay("one", stage), new Relay("two", stage)];
    for (const relay of [one, two]) {
      relay.isFullThere = true;
      relay.wait();
    }
    expect(stage.waiting.hasQueue).toBe(false);
    stage.come("any");
    expect(stage.served).toEqual(["any"]);
    stage.clock.pass(1_000);
    expect([stage.served, stage.waitingCount]).toEqual([["any"], 2]);
    for (const relay of [one, two]) relay.isFullThere = false;
    stage.leave();
    stage.clock.pass(0);
    expect([stage.served, stage.waitingCount]).toEqual([["any", "one", "two"], 0]);
    stage.clock.pass(100);
    expect(stage.clock.alarmCount).toBe(0);
  });

  test("does not stand in the way of those that wait for any, nor they in its", () => {
    using stage = new Stage({ queueMs: 10_000, queueMax: 2 });
    const strict = new Relay("strict", stage);
    strict.isFullThere = true;
    strict.wait();
    stage.come("any");
    expect(stage.waitingCount).toBe(2);
    // The bound is for all that wait.
    stage.come("more");
    expect(stage.refused).toEqual([["more", "queue_full"]]);
    stage.leave();
    stage.clock.pass(0);
    expect(stage.served).toEqual(["any"]);
    strict.isFullThere = false;
    stage.clock.pass(100);
    expect(stage.served).toEqual(["any", "strict"]);
  });

  test("is refused for want of room there, at once or in the end", () => {
    using stage = new Stage({ queueMs: 500 });
    stage.room = 5;
    const relay = new Relay("late", stage);
    relay.isFullThere = true;
    relay.wait();
    stage.clock.pass(1_000);
    stage.options = listenerDefaults.dial;
    const other = new Relay("other", stage);
    other.isFullThere = true;
    other.wait();
    expect(stage.refused).toEqual([
      ["late", "queue_timeout"],
      ["other", "upstreams_full"],
    ]);
  });
});

describe("with retries", () => {
  test("a relay that reached no upstream tries again after a pause, a few times", () => {
    using stage = new Stage({ retries: 2, retryPauseMs: 1_000 });
    stage.room = null;
    stage.come("a");
    expect(stage.waitingCount).toBe(1);
    stage.clock.pass(10_000);
    expect(stage.dialedAt).toHaveLength(3);
    const [, second = 0, third = 0] = stage.dialedAt;
    expect(second).toBeWithin(700, 1_050);
    expect(third - second).toBeWithin(700, 1_050);
    expect(stage.refused).toEqual([["a", "connect_refused"]]);
    expect([stage.waitingCount, stage.clock.alarmCount]).toEqual([0, 0]);
  });

  test("it gets an upstream that is up by then", () => {
    using stage = new Stage({ retries: 1, retryPauseMs: 1_000 });
    stage.room = null;
    stage.come("a");
    stage.room = 1;
    stage.clock.pass(2_000);
    expect(stage.served).toEqual(["a"]);
  });

  test("a relay does not wait if it dialled none, has no time, or finds all full", () => {
    using stage = new Stage({ retries: 1, retryPauseMs: 1_000 });
    stage.room = null;
    new Relay("none", stage).wait();
    const late = new Relay("late", stage);
    late.hasTime = false;
    late.dialAgain();
    stage.room = 0;
    stage.come("full");
    expect(stage.refused).toEqual([
      ["none", "no_upstream"],
      ["late", "connect_refused"],
      ["full", "upstreams_full"],
    ]);
    expect(stage.waitingCount).toBe(0);
  });

  test("a client that is held is held first", () => {
    using stage = new Stage({ retries: 1, retryPauseMs: 1_000, holdMs: 5_000 });
    stage.room = null;
    stage.come("a");
    stage.clock.pass(5_500);
    expect(stage.refused).toEqual([]);
    const held = stage.dialedAt.length;
    stage.clock.pass(5_000);
    expect(stage.dialedAt.length).toBe(held + 1);
    expect(stage.refused).toEqual([["a", "hold_timeout"]]);
  });
});

describe("without a wish to wait", () => {
  test("all are refused at once, each with its reason", () => {
    using stage = new Stage({});
    stage.come("a");
    stage.room = null;
    stage.come("b");
    const none = new Relay("c", stage);
    none.wait();
    expect(stage.refused).toEqual([
      ["a", "upstreams_full"],
      ["b", "connect_refused"],
      ["c", "no_upstream"],
    ]);
    expect(stage.clock.alarmCount).toBe(0);
  });

  test("for room, those that were held are refused when there is an upstream without", () => {
    using stage = new Stage({ holdMs: 10_000 });
    stage.room = null;
    stage.come("a");
    stage.room = 0;
    stage.clock.pass(2_000);
    expect(stage.refused).toEqual([["a", "upstreams_full"]]);
  });
});

describe("for room", () => {
  test("relays wait in their order, and go on as soon as there is some", () => {
    using stage = new Stage({ queueMs: 10_000 });
    for (const name of ["a", "b", "c"]) stage.come(name);
    stage.clock.pass(500);
    expect(stage.served).toEqual([]);
    stage.leave();
    stage.clock.pass(0);
    expect(stage.served).toEqual(["a"]);
    stage.leave();
    stage.leave();
    stage.clock.pass(0);
    expect(stage.served).toEqual(["a", "b", "c"]);
    expect(stage.refused).toEqual([]);
    stage.clock.pass(100);
    expect(stage.clock.alarmCount).toBe(0);
  });

  test("no later relay overtakes them", () => {
    using stage = new Stage({ queueMs: 10_000 });
    stage.come("a");
    stage.come("b");
    stage.leave();
    // There is room for one, and it is not for the newcomer.
    stage.come("c");
    expect(stage.served).toEqual([]);
    stage.clock.pass(0);
    expect(stage.served).toEqual(["a"]);
    for (const _ of "bc") stage.leave();
    stage.clock.pass(0);
    expect(stage.served).toEqual(["a", "b", "c"]);
  });

  test("a relay of another worker that has left is noticed within 20 ms", () => {
    using stage = new Stage({ queueMs: 10_000 });
    stage.come("a");
    stage.clock.pass(500);
    stage.room = 1;
    stage.clock.pass(20);
    expect(stage.served).toEqual(["a"]);
  });

  test("they wait for their time and not longer", () => {
    using stage = new Stage({ queueMs: 1_000 });
    stage.come("a");
    stage.clock.pass(500);
    stage.come("b");
    stage.clock.pass(499);
    expect(stage.refused).toEqual([]);
    stage.clock.pass(21);
    expect(stage.refused).toEqual([["a", "queue_timeout"]]);
    stage.clock.pass(500);
    expect(stage.refused).toEqual([
      ["a", "queue_timeout"],
      ["b", "queue_timeout"],
    ]);
    expect(stage.waiting.hasQueue).toBe(false);
  });

  test("each as long as its listener said when it came", () => {
    using stage = new Stage({ queueMs: 1_000 });
    stage.come("a");
    stage.options = { ...stage.options, queueMs: 100 };
    stage.come("b");
    stage.clock.pass(120);
    expect(stage.refused).toEqual([["b", "queue_timeout"]]);
    stage.leave();
    stage.clock.pass(0);
    expect(stage.served).toEqual(["a"]);
  });

  test("so many and not more", () => {
    using stage = new Stage({ queueMs: 1_000, queueMax: 2 });
    const [a] = ["a", "b", "c"].map((name) => stage.come(name));
    expect(stage.refused).toEqual([["c", "queue_full"]]);
    expect(stage.waitingCount).toBe(2);
    stage.waiting.delete(a as Relay);
    stage.waiting.delete(a as Relay);
    expect(stage.waitingCount).toBe(1);
    stage.come("d");
    stage.come("e");
    expect(stage.waitingCount).toBe(2);
    expect(stage.refused.slice(1)).toEqual([["e", "queue_full"]]);
    // Those that are held are no queue.
    for (const _ of "bd") stage.leave();
    stage.clock.pass(0);
    expect(stage.served).toEqual(["b", "d"]);
    expect(stage.waitingCount).toBe(0);
  });

  test("a relay that has left is not served, and takes no room", () => {
    using stage = new Stage({ queueMs: 10_000 });
    const a = stage.come("a");
    stage.come("b");
    stage.waiting.delete(a);
    stage.leave();
    stage.clock.pass(0);
    expect(stage.served).toEqual(["b"]);
    expect(stage.waiting.hasQueue).toBe(false);
  });

  test("that there is none to be reached any more ends the wait, unless clients are held", () => {
    using stage = new Stage({ queueMs: 10_000 });
    stage.come("a");
    stage.come("b");
    stage.room = null;
    stage.clock.pass(20);
    expect(stage.refused).toEqual([
      ["a", "connect_refused"],
      ["b", "connect_refused"],
    ]);
  });
});

describe("for an upstream", () => {
  test("relays try again, at first soon and then about once a second", () => {
    using stage = new Stage({ holdMs: 60_000 });
    stage.room = null;
    stage.come("a");
    stage.clock.pass(30_000);
    const [first = 0, second = 0, third = 0] = stage.dialedAt;
    expect(first).toBe(0);
    expect(second).toBeGreaterThanOrEqual(37);
    expect(second).toBeLessThanOrEqual(63 + 20);
    expect(third - second).toBeLessThanOrEqual(125 + 20);
    const gaps = stage.dialedAt.slice(6).map((at, index) => at - (stage.dialedAt[index + 5] ?? 0));
    for (const gap of gaps) {
      expect(gap).toBeGreaterThanOrEqual(750);
      expect(gap).toBeLessThanOrEqual(1_270);
    }
    stage.room = 1;
    stage.clock.pass(1_270);
    expect(stage.served).toEqual(["a"]);
  });

  test("they do not all come at once", () => {
    using stage = new Stage({ holdMs: 60_000 });
    stage.room = null;
    for (let count = 0; count < 100; count++) stage.come(String(count));
    stage.clock.pass(5_000);
    stage.dialedAt.length = 0;
    stage.clock.pass(5_000);
    const together = Map.groupBy(stage.dialedAt, (at) => at).values();
    expect(Math.max(...together.map(({ length }) => length))).toBeLessThan(20);
  });

  test("they are held so long, and end for that after a last try, whatever has failed", () => {
    using stage = new Stage({ holdMs: 1_000 });
    stage.room = null;
    stage.come("a");
    stage.clock.pass(999);
    expect(stage.refused).toEqual([]);
    stage.clock.pass(21);
    expect(stage.refused).toEqual([["a", "hold_timeout"]]);
    expect(stage.dialedAt.at(-1)).toBeGreaterThanOrEqual(1_000);
  });

  test("a newcomer need not wait because they do", () => {
    using stage = new Stage({ holdMs: 60_000, queueMs: 1_000 });
    stage.room = null;
    stage.come("a");
    stage.clock.pass(5_000);
    stage.room = 2;
    stage.come("b");
    expect(stage.served).toEqual(["b"]);
    stage.clock.pass(1_270);
    expect(stage.served).toEqual(["b", "a"]);
  });

  test("a relay whose time is over does not wait", () => {
    using stage = new Stage({ holdMs: 60_000 });
    stage.room = null;
    const late = new Relay("a", stage);
    late.hasTime = false;
    late.dialAgain();
    expect(stage.refused).toEqual([["a", "connect_refused"]]);
  });
});

describe("whose time for all dials and waits is over", () => {
  test("waits no longer for room", () => {
    using stage = new Stage({ queueMs: 60_000, queueMax: 3 });
    const late = stage.come("late");
    stage.clock.pass(1_000);
    expect(stage.refused).toEqual([]);
    late.hasTime = false;
    stage.clock.pass(100);
    expect(stage.refused).toEqual([["late", "queue_timeout"]]);
    expect(stage.waitingCount).toBe(0);
  });

  test("gets no room that appears later, which is for the next relay", () => {
    using stage = new Stage({ queueMs: 60_000, queueMax: 3 });
    const late = stage.come("late");
    stage.come("next");
    late.hasTime = false;
    stage.leave();
    stage.clock.pass(0);
    expect(stage.refused).toEqual([["late", "queue_timeout"]]);
    expect(stage.served).toEqual(["next"]);
  });
});
