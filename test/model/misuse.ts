import { Side } from "../../src/base/reason.ts";
import { Effect, type Flow } from "../../src/flow/flow.ts";
import type { Relay } from "../../src/flow/relay.ts";
import type { FlowClass } from "./flow-property.ts";

/** Something that an engine must never do, and that is stopped by an assertion. */
export interface Misuse<T> {
  what: string;
  /** What the assertion says. */
  says: string;
  misuse: (fresh: () => T) => void;
}

/** Fresh flows take receives of up to 4 bytes and hold 8. */
export function flowMisuses(FlowUnderTest: FlowClass): Misuse<Flow>[] {
  return [
    {
      what: "a receive of nothing",
      says: "flow: 1 <= receiveMax <= limit",
      misuse: () => void new FlowUnderTest(0, 8),
    },
    {
      what: "a limit below one receive",
      says: "flow: 1 <= receiveMax <= limit",
      misuse: () => void new FlowUnderTest(9, 8),
    },
    {
      what: "less than nothing queued",
      says: "flow: receives fit the limit",
      misuse: () => void new FlowUnderTest(4, 8, -1),
    },
    {
      what: "a receive that may exceed the limit",
      says: "flow: receives fit the limit",
      misuse: () => void new FlowUnderTest(4, 8, 5),
    },
    {
      what: "opening a flow that lives",
      says: "open: was over",
      misuse: (fresh) => opened(fresh()).open(false, false),
    },
    {
      what: "opening a flow whose last receive is in flight",
      says: "open: nothing in flight",
      misuse(fresh) {
        const flow = opened(fresh());
        flow.abort();
        flow.open(false, false);
      },
    },
    {
      what: "opening a flow whose last send is in flight",
      says: "open: nothing in flight",
      misuse(fresh) {
        const flow = fresh();
        flow.open(false, true);
        flow.abort();
        flow.stopped();
        flow.open(false, false);
      },
    },
    ...receiveMisuses,
    ...sendMisuses,
  ];
}

const receiveMisuses: Misuse<Flow>[] = [
  {
    what: "received without a receive",
    says: "received: a receive is in flight",
    misuse: (fresh) => withoutReceive(fresh()).received(1),
  },
  {
    what: "received nothing",
    says: "received: 1..receiveMax bytes",
    misuse: (fresh) => opened(fresh()).received(0),
  },
  {
    what: "received more than a receive can bring",
    says: "received: 1..receiveMax bytes",
    misuse: (fresh) => opened(fresh()).received(5),
  },
  {
    what: "flushed although a receive is in flight",
    says: "flushed: no receive is in flight",
    misuse: (fresh) => opened(fresh()).flushed(1, 9),
  },
  {
    what: "stopped without a receive",
    says: "stopped: a receive is in flight",
    misuse: (fresh) => withoutReceive(fresh()).stopped(),
  },
];

const sendMisuses: Misuse<Flow>[] = [
  {
    what: "sent without a send",
    says: "sent: a send is in flight",
    misuse: (fresh) => opened(fresh()).sent(0),
  },
  {
    what: "sent more than was queued",
    says: "sent: not more than was queued",
    misuse(fresh) {
      const flow = opened(fresh());
      flow.received(2);
      flow.sent(3);
    },
  },
  {
    what: "sent less than nothing",
    says: "sent: not more than was queued",
    misuse(fresh) {
      const flow = opened(fresh());
      flow.received(2);
      flow.sent(-1);
    },
  },
  {
    what: "ended without an end in flight",
    says: "ended: the end is in flight, after the last byte",
    misuse: (fresh) => opened(fresh()).ended(),
  },
  {
    what: "ended before the last byte",
    says: "ended: the end is in flight, after the last byte",
    misuse(fresh) {
      const flow = opened(fresh());
      flow.received(2);
      flow.ended();
    },
  },
];

/** Fresh relays are free. */
export const relayMisuses: Misuse<Relay>[] = [
  {
    what: "accepting into a slot that has a tenant",
    says: "accepted: the slot is free",
    misuse(fresh) {
      const relay = fresh();
      relay.accepted(true);
      relay.accepted(true);
    },
  },
  {
    what: "flows that start by themselves",
    says: "accepted: everything waits for the first receive",
    misuse(fresh) {
      const relay = fresh();
      relay.down.open = () => Effect.Receive;
      relay.accepted(true);
    },
  },
  {
    what: "dialed without a dial",
    says: "dialed: a dial is in flight",
    misuse(fresh) {
      const relay = fresh();
      relay.accepted(false);
      relay.dialed();
    },
  },
  {
    what: "dialFailed without a dial",
    says: "dialFailed: a dial is in flight",
    misuse(fresh) {
      const relay = fresh();
      relay.accepted(false);
      relay.dialFailed("connect_refused", false);
    },
  },
  {
    what: "settling ends that nobody reported",
    says: "settle: both flows ended because an end was seen",
    misuse(fresh) {
      const relay = fresh();
      relay.accepted(false);
      relay.up.abort();
      relay.down.abort();
      relay.settle();
    },
  },
  {
    what: "terminating a slot without a tenant",
    says: "terminate: there is a tenant",
    misuse: (fresh) => void fresh().terminate("drain"),
  },
  {
    what: "freeing a relay that lives",
    says: "free: after close, once",
    misuse(fresh) {
      const relay = fresh();
      relay.accepted(false);
      relay.free();
    },
  },
  {
    what: "freeing a relay that is not joined",
    says: "free: after close, once",
    misuse(fresh) {
      const relay = fresh();
      relay.accepted(false);
      relay.terminate("drain");
      relay.free();
    },
  },
  {
    what: "freeing a relay twice",
    says: "free: after close, once",
    misuse(fresh) {
      const relay = fresh();
      relay.accepted(false);
      relay.terminate("drain");
      relay.from(Side.Client).stopped();
      relay.from(Side.Upstream).stopped();
      relay.settle();
      relay.free();
      relay.free();
    },
  },
];

/** What the misuse led to: the assertion's words, or what happened instead. */
export function outcome<T>(misuse: Misuse<T>, fresh: () => T): string {
  try {
    misuse.misuse(fresh);
  } catch (error) {
    // By name, because a mutant brings its own copy of the class.
    if (error instanceof Error && error.name === "AssertionError") return error.message;
    return `threw ${error}`;
  }
  return "no assertion";
}

function opened(flow: Flow): Flow {
  flow.open(false, false);
  return flow;
}

/** Open, with no receive in flight although it could read: there is no memory for one. */
function withoutReceive(flow: Flow): Flow {
  flow.open(true, false);
  flow.starve();
  flow.stopped();
  return flow;
}
