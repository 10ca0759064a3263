import { Phase } from "../../src/flow/flow.ts";
import { RelayPhase } from "../../src/flow/relay.ts";
import { holds } from "../model/fuzz.ts";
import type { SimulatedCarrier } from "./carrier.ts";
import { FLOW_LIMIT, type SimulatedConduit } from "./conduit.ts";
import type { SimulatedLane } from "./end.ts";

/** What is true of every relay after every step. */
export function checkRelays({ copies, ledger, memory }: SimulatedCarrier): void {
  for (const copy of copies) holds(!copy.lacksEnd, "a mirror is told the end as its upstream is");
  let up = 0;
  let down = 0;
  for (const conduit of ledger.running) {
    up += conduit.up.queue.size;
    down += conduit.down.queue.size;
    checkDial(conduit);
    checkHeader(conduit);
    checkLane(conduit, conduit.up);
    checkLane(conduit, conduit.down);
  }
  holds(memory.up.held === up, "what is held upwards is queued");
  holds(memory.down.held === down, "what is held downwards is queued");
}

function checkHeader({ ageMs, listener, up }: SimulatedConduit): void {
  holds(up.steps === null || ageMs <= listener.stepsMs, "no step is waited for too long");
}

function checkDial({ attempts, relay, untried }: SimulatedConduit): void {
  holds(attempts.length <= 4, "a dial has a few attempts at a time");
  holds(relay.dialing || attempts.length === 0, "only a dial under way has attempts");
  holds(untried.length === 0 || attempts.length > 0, "only a dial under way has addresses to try");
}

function checkLane({ relay }: SimulatedConduit, lane: SimulatedLane): void {
  const { flow, queue, source, target } = lane;
  holds(flow.size <= FLOW_LIMIT, "a flow holds at most its limit");
  const isCounted = flow.phase === Phase.Open || flow.phase === Phase.Draining;
  const isTold = !isCounted || queue.size === flow.size || lane.steps !== null;
  holds(isTold, "the queue holds what the flow counts");
  const isBeingSent = target?.holdsQueue ?? false;
  if (relay.phase !== RelayPhase.Relaying) return;
  holds(isCounted || isBeingSent || queue.size === 0, "of a flow that is over nothing is held");
  if (flow.phase === Phase.Ended && target !== null && relay.reason === null) {
    const { finSent, isBroken } = target.connection;
    holds(finSent || isBroken, "an end that has come is passed on");
  }
  if (flow.over) return;
  const isServed = source === null || source.isReceivePending || lane.isResting;
  holds(!flow.receiving || isServed, "a receive that the flow waits for is under way");
  const isSent = target === null || target.isSendPending || lane.isResting || flow.size === 0;
  holds(!flow.sending || lane.discards || isSent, "a send that the flow waits for is under way");
}
