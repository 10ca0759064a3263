import { expect, test } from "bun:test";
import type { FullReason, Reason } from "../base/reason.ts";
import { TestClock } from "../base/test-clock.ts";
import { edgeDefaults, listenerDefaults } from "../config/defaults.ts";
import type { ListenerOptions } from "../config/options.ts";
import { type Entrant, EntryQueue } from "./entry-queue.ts";

/** A listener with so many places, whose clients wait. */
class Stage implements Disposable {
  readonly clock = new TestClock();
  readonly watched = new Set<Client>();
  readonly queue = new EntryQueue<Client>(
    null,
    {
      waits: (client) => this.watched.add(client),
      waitsNoMore: (client) => this.watched.delete(client),
    },
    this.clock,
  );
  readonly told: [string, Reason | null][] = [];
  room = 0;
  lack: FullReason = "listener_full";
  waitingCount = 0;

  come(name: string, queueMax = 10): boolean {
    const options: ListenerOptions = {
      ...listenerDefaults,
      address: { kind: "tcp", host: "::", port: 1 },
      upstreams: [],
      edge: { ...edgeDefaults, fullTimeoutMs: 1_000 },
      dial: { ...listenerDefaults.dial, queueMax },
    };
    const count = {
      waits: (change: 1 | -1) => {
        this.waitingCount += change;
      },
    };
    const client = new Client(name, this);
    return this.queue.add(client, this.lack, options, count);
  }

  [Symbol.dispose](): void {
    this.clock[Symbol.dispose]();
  }
}

class Client implements Entrant {
  isLeaving = false;
  isWaiting = false;

  constructor(
    readonly name: string,
    private readonly stage: Stage,
  ) {}

  askToEnter(): Reason | null {
    if (this.name === "denied") return "access_denied";
    if (this.stage.room === 0) return this.stage.lack;
    this.stage.room--;
    return null;
  }

  admittedOrNot(refused: Reason | null): void {
    this.stage.told.push([this.name, refused]);
  }
}

test("clients are admitted in order while there is room", () => {
  using stage = new Stage();
  for (const name of ["a", "denied", "b", "c"]) expect(stage.come(name)).toBe(true);
  expect([stage.queue.lacking, stage.waitingCount, stage.watched.size]).toEqual([
    "listener_full",
    4,
    4,
  ]);
  stage.room = 2;
  stage.queue.roomMade();
  stage.queue.roomMade();
  stage.clock.pass(0);
  expect(stage.told).toEqual([
    ["a", null],
    ["denied", "access_denied"],
    ["b", null],
  ]);
  // Room that another worker makes is found without a word.
  stage.room = 1;
  stage.clock.pass(100);
  expect(stage.told.at(-1)).toEqual(["c", null]);
  expect([stage.queue.lacking, stage.waitingCount, stage.watched.size]).toEqual([null, 0, 0]);
  expect(stage.clock.alarmCount).toBe(0);
});

test("the wait has a bound and an end, and a client that leaves takes no place", () => {
  using stage = new Stage();
  expect([stage.come("a", 2), stage.come("b", 2), stage.come("c", 2)]).toEqual([true, true, false]);
  const [leaver] = stage.watched;
  if (leaver !== undefined) leaver.isLeaving = true;
  stage.clock.pass(900);
  expect(stage.told).toEqual([]);
  stage.clock.pass(200);
  expect(stage.told).toEqual([["b", "listener_full"]]);
  expect([stage.waitingCount, stage.watched.size]).toEqual([0, 0]);
});

test("a client that waited in vain learns which limit was reached last: the listener's, or the total", () => {
  using stage = new Stage();
  stage.come("a");
  stage.lack = "total_full";
  stage.clock.pass(500);
  expect(stage.queue.lacking).toBe("total_full");
  stage.clock.pass(600);
  expect(stage.told).toEqual([["a", "total_full"]]);
});
