import fc from "fast-check";
import { type Reason, Side } from "../../src/base/reason.ts";
import type { Relay } from "../../src/flow/relay.ts";
import { Pending } from "./flow-model.ts";
import { type FlowClass, type Flush, flushes, makeFlow, sizes } from "./flow-property.ts";
import { holds, within } from "./fuzz.ts";
import { RelayModel } from "./relay-model.ts";

/** The class under test: {@link Relay}, or a mutant of it. */
export type RelayClass = new (...flows: ConstructorParameters<typeof Relay>) => Relay;

/** One thing that may happen; skipped when it cannot happen now, as in `FlowStep`. */
export type RelayStep =
  | { does: "accept"; dials: boolean; prompt: boolean }
  | { does: "dialed" }
  | { does: "dialFailed"; reason: Reason; another: boolean }
  | { does: "receive"; side: Side; bytes: number }
  | { does: "stop"; side: Side }
  | { does: "send"; to: Side; bytes: number }
  | { does: "endCarriedOut"; to: Side }
  | { does: "fin"; side: Side }
  | { does: "reset"; side: Side; flushes: readonly Flush[]; late: boolean }
  | { does: "starve"; side: Side }
  | { does: "fed"; side: Side }
  | { does: "terminate"; reason: Reason }
  | { does: "settle" }
  | { does: "release" };

const side = fc.constantFrom(Side.Client, Side.Upstream);
const bytes = fc.nat({ max: 8 });
const bool = fc.boolean();
const dialReason = fc.constantFrom<Reason>("connect_refused", "connect_timeout");
const endReason = fc.constantFrom<Reason>("drain", "half_close_timeout");

function does<T extends string, R>(name: T, of: { [K in keyof R]: fc.Arbitrary<R[K]> }) {
  return fc.record({ does: fc.constant(name), ...of });
}

const step = fc.oneof(
  { weight: 12, arbitrary: does("receive", { side, bytes }) },
  { weight: 12, arbitrary: does("send", { to: side, bytes }) },
  { weight: 6, arbitrary: does("endCarriedOut", { to: side }) },
  { weight: 3, arbitrary: does("stop", { side }) },
  { weight: 3, arbitrary: does("starve", { side }) },
  { weight: 4, arbitrary: does("fed", { side }) },
  { weight: 3, arbitrary: does("fin", { side }) },
  { weight: 1, arbitrary: does("reset", { side, flushes, late: bool }) },
  { weight: 1, arbitrary: does("terminate", { reason: endReason }) },
  { weight: 2, arbitrary: does("settle", {}) },
  { weight: 4, arbitrary: does("release", {}) },
  { weight: 5, arbitrary: does("accept", { dials: bool, prompt: bool }) },
  { weight: 4, arbitrary: does("dialed", {}) },
  { weight: 2, arbitrary: does("dialFailed", { reason: dialReason, another: bool }) },
) as fc.Arbitrary<RelayStep>;

/** How a story is brought to its end: every one of these must lead to `Close`. */
type Ending = "both end" | "client resets" | "upstream resets" | "both reset" | "drain";
const ending = fc.constantFrom<Ending>(
  "both end",
  "client resets",
  "upstream resets",
  "both reset",
  "drain",
);

/** Every rule holds after every step of every story, and every story can be brought to its end. */
export function relayProperty(FlowUnderTest: FlowClass, RelayUnderTest: RelayClass) {
  const story = fc.array(step, { maxLength: 80, size: "max" });
  return fc.property(sizes, story, ending, (of, steps, last) => {
    const flow = () => makeFlow(FlowUnderTest, of);
    const life = new RelayLife(new RelayUnderTest(flow(), flow()), of.receiveBelow);
    life.model.check();
    life.take({ does: "accept", dials: true, prompt: false });
    for (const one of steps) life.take(one);
    life.finish(last);
  });
}

/** A relay's engine and its two ends, to which steps happen. */
class RelayLife {
  readonly model: RelayModel;

  constructor(relay: Relay, receiveBelow: number) {
    this.model = new RelayModel(relay, receiveBelow);
  }

  take(one: RelayStep): void {
    const { model } = this;
    if (one.does === "settle") model.settle();
    else if (model.free) {
      if (one.does === "accept") {
        model.prompt = one.prompt;
        model.accepted(one.dials);
      }
    } else if (model.closed && one.does === "release") model.release();
    else this.live(one);
    model.check();
  }

  /** What happens while there is a tenant. */
  private live(one: RelayStep): void {
    const { model } = this;
    switch (one.does) {
      case "dialed":
        if (model.dialing) model.dialed();
        break;
      case "dialFailed":
        if (model.dialing) model.dialFailed(one.reason, one.another);
        break;
      case "terminate":
        model.terminate(one.reason);
        break;
      case "fin":
        if (this.mayEnd(one.side)) model.sourceEnded(one.side);
        break;
      case "reset":
        if (model.end(one.side).here && !model.end(one.side).gone) this.reset(one);
        break;
      case "starve":
        model.fact(model.from(one.side), () => model.from(one.side).starve());
        break;
      case "fed":
        model.fact(model.from(one.side), () => model.from(one.side).fed());
        break;
      default:
        this.complete(one);
    }
  }

  /** The completions of what is in flight; after the end they come late, but they come. */
  private complete(one: RelayStep): void {
    const { model } = this;
    if (one.does === "receive" || one.does === "stop") {
      const from = model.from(one.side);
      // Without an end the receive only stands for the dial.
      if (!from.receiving || !model.end(one.side).here) return;
      if (one.does === "stop") model.fact(from, () => from.stopped());
      else model.fact(from, () => from.received(within(one.bytes, from.flow.receiveMax)));
    } else if (one.does === "send") {
      const to = model.to(one.to);
      if (to.pending !== Pending.Send) return;
      const taken = model.end(one.to).gone ? 0 : one.bytes % (to.offered.length + 1);
      model.fact(to, () => to.sent(taken));
    } else if (one.does === "endCarriedOut") {
      const to = model.to(one.to);
      if (to.pending === Pending.End) model.endCarriedOut(to);
    }
  }

  private mayEnd(side: Side): boolean {
    const { here, gone } = this.model.end(side);
    return here && !gone && !this.model.from(side).sourceOver;
  }

  /** RST: the last bytes come first, through the pending receive or, without one, unasked. */
  private reset(of: Extract<RelayStep, { does: "reset" }>): void {
    const { model } = this;
    const from = model.from(of.side);
    const last = from.sourceOver ? [] : of.flushes;
    const to = of.side === Side.Client ? Side.Upstream : Side.Client;
    for (const { size, memory, sent } of last) {
      const asked = from.receiving;
      if (asked) model.fact(from, () => from.received(within(size, from.flow.receiveMax)));
      else model.fact(from, () => from.flushed(size, memory));
      this.complete({ does: "send", to, bytes: sent });
    }
    model.reset(of.side, of.late);
  }

  /** Brings the story to its end: memory comes back, targets take all, completions come. */
  finish(last: Ending): void {
    const { model } = this;
    if (model.free) return;
    this.take({ does: "fed", side: Side.Client });
    this.take({ does: "fed", side: Side.Upstream });
    // A dial that is in flight is awaited first, except by those who do not wait.
    if (last === "both end" || last === "upstream resets") this.take({ does: "dialed" });
    this.end(last);
    for (let round = 0; round < 8; round++) this.pump();
    holds(model.closed, "a relay whose ends are gone and whose completions came is closed");
    if (!model.free) this.take({ does: "release" });
  }

  private end(last: Ending): void {
    const reset = { does: "reset", flushes: [], late: true } as const;
    const [client, upstream] = [Side.Client, Side.Upstream];
    if (last === "both end") {
      this.take({ does: "fin", side: client });
      this.take({ does: "fin", side: upstream });
    } else if (last === "drain") {
      this.take({ does: "terminate", reason: "drain" });
    }
    if (last === "upstream resets" || last === "both reset") {
      this.take({ ...reset, side: upstream });
    }
    if (last === "client resets" || last === "both reset") {
      this.take({ ...reset, side: client });
    }
  }

  /** Completes everything that is in flight, except receives from ends that may still speak. */
  private pump(): void {
    const { model } = this;
    this.take({ does: "dialFailed", reason: "connect_timeout", another: false });
    for (const to of [Side.Upstream, Side.Client]) {
      const flow = model.to(to);
      if (!model.closed) {
        this.take({ does: "send", to, bytes: flow.offered.length });
        this.take({ does: "endCarriedOut", to });
        if (model.terminated) this.take({ does: "stop", side: to });
      }
    }
  }
}
