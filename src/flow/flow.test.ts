import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { flowProperty } from "../../test/model/flow-property.ts";
import { FUZZ_TIMEOUT_MS, fuzz } from "../../test/model/fuzz.ts";
import { flowMisuses, outcome } from "../../test/model/misuse.ts";
import { FlowCount, flowFigures } from "../counts/figures.ts";
import { Effect, Flow, Phase } from "./flow.ts";

/** A flow as in the sockets engine: it holds what one receive brings. */
function openFlow(receiveMax = 4, limit = receiveMax): Flow {
  const flow = new Flow(receiveMax, limit);
  expect(flow.open(false, false)).toBe(Effect.Receive);
  return flow;
}

test("a life story: three bytes arrive, leave in two sends, and the end follows them", () => {
  const flow = openFlow();
  expect(flow.received(3)).toBe(Effect.Send);
  expect([flow.receiving, flow.sending, flow.size]).toEqual([false, true, 3]);

  expect(flow.sent(1)).toBe(Effect.Send);
  expect([flow.receiving, flow.sending, flow.size]).toEqual([false, true, 2]);

  expect(flow.sent(2)).toBe(Effect.Receive);
  expect([flow.receiving, flow.sending, flow.size]).toEqual([true, false, 0]);

  expect(flow.sourceEnded()).toBe(Effect.End);
  expect([flow.receiving, flow.sending, flow.over]).toEqual([false, true, false]);

  flow.ended();
  expect(flow.phase).toBe(Phase.Ended);
  expect([flow.idle, flow.over]).toEqual([true, true]);
  expect([flow.receivedBytes, flow.sentBytes, flow.lostBytes]).toEqual([3, 3, 0]);
  expect([flow.receiveCount, flow.sendCount]).toEqual([1, 2]);
});

describe("receiving", () => {
  test("with room for a second receive, the source is read while bytes wait", () => {
    const flow = openFlow(4, 8);
    expect(flow.received(4)).toBe(Effect.Send | Effect.Receive);
    expect(flow.received(4)).toBe(Effect.None);
    expect(flow.size).toBe(8);
    expect(flow.sent(3)).toBe(Effect.Send);
    expect(flow.sent(1)).toBe(Effect.Send | Effect.Receive);
  });

  test("room that is kept for a last flush is not received into", () => {
    const flow = new Flow(4, 8, 0);
    expect(flow.open(false, false)).toBe(Effect.Receive);
    expect(flow.received(1)).toBe(Effect.Send);
    expect(flow.receiving).toBe(false);
    expect(flow.sent(1)).toBe(Effect.Receive);
  });

  test("a finished send does not ask for a second receive (liburing #1338)", () => {
    const flow = openFlow(4, 8);
    flow.received(4);
    expect(flow.receiving).toBe(true);
    expect(flow.sent(4)).toBe(Effect.None);
    expect(flow.receiving).toBe(true);
  });

  test("a receive that was stopped is asked for again, unless there is no memory", () => {
    const flow = openFlow();
    expect(flow.stopped()).toBe(Effect.Receive);
    flow.starve();
    expect(flow.receiving).toBe(true);
    expect(flow.stopped()).toBe(Effect.None);
    expect([flow.idle, flow.starved, flow.starvedCount]).toEqual([true, true, 1]);
    expect(flow.fed()).toBe(Effect.Receive);
    expect(flow.fed()).toBe(Effect.None);
  });

  test("without memory, what is queued still leaves and the end follows", () => {
    const flow = openFlow();
    flow.received(2);
    flow.starve();
    flow.starve();
    expect(flow.starvedCount).toBe(1);
    expect(flow.sent(2)).toBe(Effect.None);
    expect(flow.sourceEnded()).toBe(Effect.End);
  });

  test("bytes that come while the target is being dialled wait for it", () => {
    const flow = new Flow(4, 4);
    expect(flow.open(true, true)).toBe(Effect.None);
    expect(flow.received(4)).toBe(Effect.None);
    expect(flow.sourceEnded()).toBe(Effect.None);
    expect(flow.sent(0)).toBe(Effect.Send);
    expect(flow.sent(4)).toBe(Effect.End);
  });
});

describe("the end", () => {
  test("waits for the last byte, and is asked for once", () => {
    const flow = openFlow();
    flow.received(4);
    expect(flow.sourceEnded()).toBe(Effect.None);
    expect(flow.phase).toBe(Phase.Draining);
    expect(flow.sent(3)).toBe(Effect.Send);
    expect(flow.sent(1)).toBe(Effect.End);
    expect(flow.fed()).toBe(Effect.None);
    flow.ended();
    expect(flow.sourceEnded()).toBe(Effect.None);
  });

  test("what a reset source flushes unasked is kept as far as the limit allows", () => {
    const flow = openFlow();
    flow.received(3);
    expect(flow.flushed(2, 9)).toBe(1);
    expect(flow.flushed(2, 9)).toBe(0);
    expect([flow.size, flow.receivedBytes, flow.lostBytes]).toEqual([4, 7, 3]);
    expect(flow.receiveCount).toBe(3);
    expect(flow.sourceEnded()).toBe(Effect.None);
    expect(flow.sent(3)).toBe(Effect.Send);
    expect(flow.sent(1)).toBe(Effect.End);
  });

  test("what is flushed is kept as far as there is memory for it", () => {
    const flow = new Flow(4, 8, 0);
    flow.open(false, false);
    expect(flow.received(4)).toBe(Effect.Send);
    expect(flow.flushed(4, 3)).toBe(3);
    expect(flow.flushed(4, 0)).toBe(0);
    expect([flow.size, flow.lostBytes]).toEqual([7, 5]);
  });

  test("behind a lost byte nothing is kept and nothing received: no hole in the stream", () => {
    const flow = new Flow(4, 8, 4);
    flow.open(false, false);
    flow.starve();
    flow.received(4);
    expect(flow.flushed(4, 1)).toBe(1);
    // The target makes room and memory comes back, but three bytes are missing by now.
    expect(flow.sent(4)).toBe(Effect.Send);
    expect(flow.flushed(4, 9)).toBe(0);
    expect(flow.fed()).toBe(Effect.None);
    expect(flow.sent(1)).toBe(Effect.None);
    expect(flow.sourceEnded()).toBe(Effect.End);
    expect([flow.sentBytes, flow.lostBytes]).toEqual([5, 7]);
  });

  test("what is flushed to a flow that does not read any more is lost", () => {
    const flow = openFlow();
    flow.sourceEnded();
    expect(flow.flushed(2, 9)).toBe(0);
    flow.abort();
    expect(flow.flushed(2, 9)).toBe(0);
    expect([flow.size, flow.lostBytes]).toEqual([0, 4]);
  });
});

describe("abort", () => {
  test("gives up what is queued and waits for what is in flight", () => {
    const flow = openFlow(4, 8);
    flow.received(3);
    expect(flow.abort()).toBe(3);
    expect([flow.over, flow.idle, flow.size, flow.lostBytes]).toEqual([true, false, 0, 3]);
    expect(flow.received(2)).toBe(Effect.None);
    expect([flow.over, flow.idle, flow.lostBytes]).toEqual([true, false, 5]);
    expect(flow.sent(3)).toBe(Effect.None);
    expect([flow.over, flow.idle, flow.size]).toEqual([true, true, 0]);
    expect(flow.receivedBytes).toBe(flow.sentBytes + flow.lostBytes);
  });

  test("of an end in flight leaves the flow aborted; of an ended flow does nothing", () => {
    const flow = openFlow();
    flow.sourceEnded();
    flow.abort();
    flow.ended();
    expect([Phase[flow.phase], flow.idle]).toEqual(["Aborted", true]);

    const done = openFlow();
    done.sourceEnded();
    done.ended();
    expect(done.abort()).toBe(0);
    expect(Phase[done.phase]).toBe("Ended");
  });

  test("is followed by a new life with every counter at zero", () => {
    const flow = openFlow();
    flow.received(3);
    flow.starve();
    flow.abort();
    flow.sent(0);
    flow.receiveShortCount = flow.sendCount = flow.sendShortCount = flow.pauseCount = 1;
    expect(flow.open(false, false)).toBe(Effect.Receive);
    const opened = { ...flow };
    const fresh = new Flow(4, 4);
    fresh.open(false, false);
    expect(opened).toEqual({ ...fresh });
  });
});

test("a crowded queue stops its source like a starved one, and counts as a pause", () => {
  const flow = openFlow();
  flow.crowd();
  flow.crowd();
  expect(flow.received(1)).toBe(Effect.Send);
  expect(flow).toMatchObject({ receiving: false, pauseCount: 1, starvedCount: 0 });
  expect(flow.sent(1)).toBe(Effect.None);
  expect(flow.fed()).toBe(Effect.Receive);
});

describe("an assertion stops", () => {
  for (const misuse of flowMisuses(Flow)) {
    test(misuse.what, () => {
      expect(outcome(misuse, () => new Flow(4, 8))).toBe(misuse.says);
    });
  }
});

test(
  "the rules hold after every step of every life",
  () => {
    fc.assert(flowProperty(Flow), fuzz(20_000));
  },
  FUZZ_TIMEOUT_MS,
);

test("flows add their counts to the totals at once, and their bytes to an account", () => {
  const totals = new Float64Array(flowFigures.size);
  const account = new Float64Array(1);
  const flows = [new Flow(4, 8), new Flow(4, 8)];
  for (const flow of flows) {
    flow.totals = totals;
    flow.open(true, false);
    flow.received(4);
    flow.receivedShort();
    flow.account = account;
    flow.sent(3);
    flow.sentShort();
    flow.sent(0);
    flow.received(2);
    flow.starve();
    flow.starve();
    flow.paused();
    flow.stopped();
    flow.flushed(1, 0);
    flow.abort();
  }
  const { size } = flowFigures;
  const counts = new Float64Array(2 * size);
  for (const [index, flow] of flows.entries()) flow.writeCounts(counts, index * size);
  const [one, other] = [flowFigures.read(counts), flowFigures.read(counts, size)];
  const few = { shortReceives: 1, sends: 1, shortSends: 1, pauses: 1, poolEmpty: 1 };
  const bytes = { receivedBytes: 7, sentBytes: 3, discardedBytes: 0, lostBytes: 4 };
  expect(one).toEqual({ receives: 3, ...few, ...bytes });
  expect(other).toEqual(one);
  flowFigures.add(one, other);
  expect(flowFigures.read(totals)).toEqual(one);
  expect([...account]).toEqual([6]);
});

test("a crowded queue is added up as a pause, and what comes after an abort as lost", () => {
  const flow = openFlow();
  flow.totals = new Float64Array(flowFigures.size);
  flow.crowd();
  flow.abort();
  flow.received(2);
  expect(flow.totals[FlowCount.pauses]).toBe(1);
  expect(flow.totals[FlowCount.lostBytes]).toBe(2);
});
