import fc from "fast-check";
import type { Flow } from "../../src/flow/flow.ts";
import { FlowModel, Pending } from "./flow-model.ts";
import { holds, within } from "./fuzz.ts";

/** The class under test: {@link Flow}, or a mutant of it. */
export type FlowClass = new (receiveMax: number, limit: number, receiveBelow?: number) => Flow;

/**
 * One thing that may happen. A step that cannot happen now is skipped, so that any list of steps is
 * a possible life and a shrunk one still makes sense; numbers are brought into the range in force.
 */
export type FlowStep =
  | { does: "open"; receivePending: boolean; dialPending: boolean }
  | { does: "receive"; bytes: number }
  | { does: "stop" }
  | { does: "send"; bytes: number }
  | { does: "endCarriedOut" }
  | { does: "fin" }
  | { does: "reset"; flushes: readonly Flush[] }
  | { does: "targetGone" }
  | { does: "starve" }
  | { does: "fed" };

const bytes = fc.nat({ max: 8 });
/** One chunk of what a reset flushes; unasked, it may be more than one receive brings. */
export interface Flush {
  size: number;
  /** Bytes that the pool can hold then. */
  memory: number;
  /** What the target takes before the next chunk. */
  sent: number;
}

export const flushes: fc.Arbitrary<Flush[]> = fc.array(
  fc.record({ size: fc.integer({ min: 1, max: 9 }), memory: bytes, sent: bytes }),
  { maxLength: 3 },
);

const flowStep: fc.Arbitrary<FlowStep> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ does: fc.constant("receive"), bytes }) },
  { weight: 8, arbitrary: fc.record({ does: fc.constant("send"), bytes }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant("endCarriedOut") }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("stop") }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("starve") }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant("fed") }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("fin") }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("reset"), flushes }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("targetGone") }) },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant("open"),
      receivePending: fc.boolean(),
      dialPending: fc.boolean(),
    }),
  },
) as fc.Arbitrary<FlowStep>;

/** How large a flow is made: see the constructor of {@link Flow}. */
export interface Sizes {
  receiveMax: number;
  limit: number;
  receiveBelow: number;
}

/**
 * One receive's worth; two, both to be received; two, one of them for a last flush (as in the
 * sockets engine); or anything else.
 */
export const sizes: fc.Arbitrary<Sizes> = fc
  .record({ receiveMax: fc.integer({ min: 1, max: 4 }), kind: fc.nat(3), more: fc.nat(4) })
  .map(({ receiveMax, kind, more }) => {
    if (kind === 0) return { receiveMax, limit: receiveMax, receiveBelow: 0 };
    if (kind === 1) return { receiveMax, limit: 2 * receiveMax, receiveBelow: receiveMax };
    if (kind === 2) return { receiveMax, limit: 2 * receiveMax, receiveBelow: 0 };
    return { receiveMax, limit: receiveMax + more + 1, receiveBelow: more };
  });

/** Makes a flow; where the third argument is what it would be anyway, the default is used. */
export function makeFlow(FlowUnderTest: FlowClass, of: Sizes): Flow {
  const { receiveMax, limit, receiveBelow } = of;
  if (receiveBelow === limit - receiveMax) return new FlowUnderTest(receiveMax, limit);
  return new FlowUnderTest(receiveMax, limit, receiveBelow);
}

/** Every rule holds after every step of every life, and every life can be brought to its end. */
export function flowProperty(FlowUnderTest: FlowClass) {
  const steps = fc.array(flowStep, { maxLength: 60, size: "max" });
  return fc.property(sizes, steps, (of, story) => {
    const life = new FlowLife(makeFlow(FlowUnderTest, of), of.receiveBelow);
    for (const step of story) {
      life.take(step);
      life.model.check();
    }
    life.finish();
  });
}

/** A flow's engine, source and target, to which steps happen. */
class FlowLife {
  readonly model: FlowModel;
  private wasReset = false;

  constructor(flow: Flow, receiveBelow: number) {
    this.model = new FlowModel(flow, receiveBelow, () => !this.wasReset);
    this.model.open(false, false);
    this.model.check();
  }

  take(step: FlowStep): void {
    const { model } = this;
    switch (step.does) {
      case "receive":
        if (model.receiving) model.received(within(step.bytes, model.flow.receiveMax));
        break;
      case "stop":
        if (model.receiving) model.stopped();
        break;
      case "send":
        this.completeSend(step.bytes);
        break;
      case "endCarriedOut":
        if (model.pending === Pending.End) model.endCarriedOut();
        break;
      case "fin":
        if (!model.sourceOver) model.endSource();
        break;
      case "reset":
        this.reset(step.flushes);
        break;
      case "targetGone":
        model.abort();
        break;
      case "starve":
        model.starve();
        break;
      case "fed":
        model.fed();
        break;
      case "open":
        if (!model.over || !model.idle) break;
        this.wasReset = false;
        model.open(step.receivePending, step.dialPending);
        break;
    }
  }

  /** The source sends FIN, memory comes back, the target takes everything: then it must end. */
  finish(): void {
    const { model } = this;
    this.take({ does: "fed" });
    this.take({ does: "fin" });
    // Everything that is queued leaves with one send; before it the dial, after it the end.
    for (let round = 0; round < 4; round++) {
      if (model.receiving) this.take({ does: "stop" });
      this.completeSend(model.offered.length);
      this.take({ does: "endCarriedOut" });
      model.check();
    }
    holds(model.over && model.idle, "a flow whose source ended and whose target takes all ends");
    const clean = !model.aborted && !this.wasReset;
    holds(!clean || model.fins === 1, "a clean end is a FIN");
    holds(!this.wasReset || model.fins === 0, "a reset is not a FIN");
    const known = model.delivered + model.lost === model.made;
    holds(model.aborted || known, "every byte was delivered or is accounted for");
  }

  private completeSend(size: number): void {
    const { model } = this;
    if (model.pending === Pending.Dial) model.sent(0);
    else if (model.pending === Pending.Send) model.sent(size % (model.offered.length + 1));
  }

  /** RST: the last bytes come first, through the pending receive or, without one, unasked. */
  private reset(last: readonly Flush[]): void {
    const { model } = this;
    if (model.sourceOver) return;
    for (const { size, memory, sent } of last) {
      if (model.receiving) model.received(within(size, model.flow.receiveMax));
      else model.flushed(size, memory);
      this.completeSend(sent);
    }
    this.wasReset = true;
    model.endSource();
  }
}
