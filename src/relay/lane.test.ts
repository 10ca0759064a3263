import { describe, expect, test } from "bun:test";
import { HELLO, HelloPlan, NO, REQUEST, RequestPlan } from "../../test/fixtures/test-steps.ts";
import { TestClock } from "../base/test-clock.ts";
import type { End, Queue } from "../engine/end.ts";
import { UNIX_CLIENT } from "../entry/access/client-address.ts";
import type { StepPlan } from "../entry/step.ts";
import { Steps } from "../entry/steps.ts";
import { Flow } from "../flow/flow.ts";
import { Lane, type LaneOwner } from "./lane.ts";
import { Meter } from "./ledger/meter.ts";
import { Pacer } from "./pacer.ts";

const LIMIT = 64 * 1024;

/** Bytes in an array. */
class Bytes implements Queue {
  readonly bytes: number[] = [];
  room = Infinity;
  isCrowded = false;
  isRoomy = true;
  isDry = false;

  get size(): number {
    return this.bytes.length;
  }

  consume(size: number): void {
    this.bytes.splice(0, size);
  }

  cut(size: number): void {
    this.bytes.splice(this.size - size);
  }

  views(from: number, size: number): Uint8Array[] {
    return [Uint8Array.from(this.bytes.slice(from, from + size))];
  }

  settleDown(): void {}

  clear(): void {
    this.bytes.length = 0;
  }
}

/** An end that writes down what it is asked for. */
class Scripted implements End {
  isReceiving = false;
  holdsQueue = false;
  readonly isInside = false;
  readonly asked: string[] = [];
  readonly unsent = 0;
  readonly unread = 0;
  readonly otherAddress = null;
  readonly ownAddress = null;

  constructor(readonly limitsReceives = false) {}

  keepUrgentBytes(): void {}

  sendFirst(): boolean {
    return true;
  }

  receive(most: number): void {
    if (this.isReceiving) return;
    this.isReceiving = true;
    this.asked.push(`receive ${most}`);
  }

  stop(): boolean {
    if (!this.isReceiving) return false;
    this.isReceiving = false;
    this.asked.push("stop");
    return true;
  }

  send(most: number): void {
    this.asked.push(`send ${most}`);
  }
}

/** A lane with both ends, and what was reported to its conduit. */
function scene(limitsReceives = false) {
  const told: string[] = [];
  const tell = (what: string) => () => void told.push(what);
  const owner: LaneOwner = {
    lastHeard: null,
    refusedFor: null,
    firstBytesOf: tell("first bytes"),
    stepsOver: tell("steps over"),
    end: tell("end"),
    sourceEnded: tell("source ended"),
    sourceReset: tell("source reset"),
    sourceBroken: tell("source broken"),
    targetLost: tell("target lost"),
    settle: tell("settle"),
  };
  const flow = new Flow(LIMIT / 2, LIMIT, 0);
  const queue = new Bytes();
  const lane: Lane<Scripted, Bytes> = new Lane(flow, queue, new Meter(512, LIMIT), owner);
  const source = new Scripted(limitsReceives);
  const target = new Scripted();
  flow.open(true, false);
  lane.target = target;
  lane.setSource(source, true);
  const receive = (...bytes: number[]) => {
    queue.bytes.push(...bytes);
    lane.received(bytes.length);
  };
  const goThrough = (...plans: StepPlan[]) => {
    const replies: Uint8Array[] = [];
    const steps = new Steps(plans, {
      clientAddress: UNIX_CLIENT,
      hasUnread: false,
      stepBegins() {},
      learn() {},
      reply: (bytes) => replies.push(bytes) > 0,
    });
    steps.begin();
    lane.steps = steps;
    return replies;
  };
  return { flow, goThrough, lane, queue, receive, source, target, told };
}

describe("a lane", () => {
  test("stops its source while bytes wait for its target, and goes on when they are taken", () => {
    const { flow, lane, receive, source, target, told } = scene();
    receive(1, 2, 3);
    expect(told).toEqual(["first bytes"]);
    expect([source.asked, target.asked]).toEqual([["receive 0", "stop"], ["send 0"]]);
    lane.sent(2, 3);
    expect(target.asked).toEqual(["send 0", "send 0"]);
    lane.sent(1, 1);
    expect(source.asked).toEqual(["receive 0", "stop", "receive 0"]);
    expect([flow.sentBytes, flow.sendShortCount, flow.pauseCount]).toEqual([3, 1, 1]);
  });

  test("keeps what comes unasked as far as there is room, and nothing behind a hole", () => {
    const { flow, queue, receive } = scene();
    receive(1);
    queue.room = 2;
    receive(2, 3, 4);
    expect(queue.bytes).toEqual([1, 2, 3]);
    queue.room = Infinity;
    receive(5);
    expect([queue.bytes, flow.lostBytes]).toEqual([[1, 2, 3], 2]);
  });

  test("keeps nothing when its flow was given up, unless the carrier still reads it", () => {
    const { flow, lane, queue, receive, target } = scene();
    receive(1, 2);
    target.holdsQueue = true;
    flow.abort();
    receive(3);
    lane.drop();
    expect(queue.bytes).toEqual([1, 2]);
    target.holdsQueue = false;
    lane.sent(2, 2);
    expect([queue.size, flow.sending, flow.sentBytes]).toEqual([0, false, 0]);
  });

  test("gives a mirror what was taken, and no more", () => {
    const { lane, receive } = scene();
    const copied: number[] = [];
    lane.copy = { push: (bytes: Uint8Array) => void copied.push(...bytes) } as never;
    receive(1, 2, 3);
    lane.sent(2, 3);
    expect(copied).toEqual([1, 2]);
  });

  test("discards bytes without a target, and counts them as sent", () => {
    const { flow, lane, queue, receive, source, target } = scene();
    lane.discards = true;
    receive(1, 2);
    receive(3);
    expect([flow.sentBytes, queue.size, target.asked]).toEqual([3, 0, []]);
    expect(source.asked).toEqual(["receive 0"]);
  });

  test("gives the flow what steps have left, and nothing that they have consumed", () => {
    const { flow, goThrough, lane, queue, receive, told } = scene();
    const replies = goThrough(new RequestPlan(), new HelloPlan());
    receive(...REQUEST.subarray(0, 3));
    receive(...REQUEST.subarray(3), HELLO);
    expect([queue.bytes, flow.receivedBytes, replies]).toEqual([[HELLO], 0, [NO]]);
    receive(1, 120, 7);
    expect([queue.bytes, flow.receivedBytes]).toEqual([[HELLO, 1, 120, 7], 4]);
    expect([told, lane.steps]).toEqual([["steps over"], null]);
  });

  test("gives the flow more at once than a receive may bring, when steps have left that", () => {
    const { flow, goThrough, queue, receive } = scene();
    goThrough(new HelloPlan());
    receive(HELLO);
    receive(2, ...Array<number>(LIMIT / 2).fill(0));
    expect(queue.size).toBe(LIMIT / 2 + 2);
    expect([flow.receivedBytes, flow.lostBytes, flow.size]).toEqual([queue.size, 0, queue.size]);
  });

  test("gives the flow what is there when no more comes, and each step is given up", () => {
    const { flow, goThrough, lane, queue, receive } = scene();
    goThrough(new RequestPlan(), new HelloPlan());
    receive(...REQUEST.subarray(0, 2));
    expect([queue.bytes, flow.receivedBytes]).toEqual([[0, 0], 0]);
    lane.giveUpStep("preamble_invalid", true);
    expect([queue.bytes, flow.receivedBytes, flow.sending]).toEqual([[0, 0], 2, true]);
  });

  test("keeps nothing for steps when its relay ends", () => {
    const { flow, goThrough, queue, receive } = scene();
    goThrough(new HelloPlan());
    receive(HELLO);
    flow.abort();
    queue.clear();
    receive(9, 9);
    expect([queue.size, flow.receiving, flow.receivedBytes]).toEqual([0, false, 0]);
  });

  test("is read no more while there is no memory", () => {
    const { flow, lane, source } = scene();
    lane.starve();
    expect([source.asked, flow.receiving]).toEqual([["receive 0", "stop"], false]);
    lane.feed();
    expect([source.asked.at(-1), flow.receiving]).toEqual(["receive 0", true]);
  });

  describe("with a rate", () => {
    const RATE = 64 * 1024;
    const BURST = RATE / 4;

    const bytes = Array<number>(BURST).fill(0);

    test("asks its source for no more than may come, and not while it rests", () => {
      using clock = new TestClock();
      const { flow, lane, receive, source } = scene(true);
      source.stop();
      lane.setPace(new Pacer(RATE, clock));
      lane.receiveStopped();
      expect(source.asked.at(-1)).toBe(`receive ${BURST}`);
      source.isReceiving = false;
      receive(...bytes);
      lane.sent(BURST, BURST);
      expect([source.asked.length, flow.receiving, lane.isResting]).toEqual([3, true, true]);
      clock.pass(100);
      expect([source.asked.length, lane.isResting]).toEqual([4, false]);
    });

    test("has its target take no more, where its source cannot be asked", () => {
      using clock = new TestClock();
      const { flow, lane, receive, source, target } = scene(false);
      lane.setPace(new Pacer(RATE, clock));
      receive(...bytes, 1, 2);
      expect(target.asked).toEqual([`send ${BURST}`]);
      lane.sent(BURST, BURST);
      expect([flow.sending, target.asked.length, lane.isResting]).toEqual([true, 1, true]);
      expect([flow.sendShortCount, source.asked.at(-1)]).toEqual([0, "stop"]);
      lane.hurry();
      expect(target.asked).toEqual([`send ${BURST}`, "send 0"]);
    });
  });
});
