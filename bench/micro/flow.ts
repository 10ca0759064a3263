import { flowFigures } from "../../src/counts/figures.ts";
import { Effect, Flow } from "../../src/flow/flow.ts";
import { sharedNumbers } from "../../src/relay/ledger/page.ts";
import type { Micro } from "./micro.ts";

const LIMIT = 1024 * 1024;
const CHUNK = 512;

const totals = sharedNumbers(flowFigures.size);
const account = sharedNumbers(1);

/** A flow that is added up as an engine's are. */
function newFlow(): Flow {
  const flow = new Flow(LIMIT / 2, LIMIT, 0);
  flow.totals = totals;
  flow.account = account;
  return flow;
}

/** A flow that is open with its first receive in flight, as after a dial. */
function openFlow(): Flow {
  const flow = newFlow();
  flow.open(false, false);
  return flow;
}

/** The state machine of one direction: what every chunk goes through, without its bytes. */
export const flowMicros: readonly Micro[] = [
  {
    name: "flow: receive a chunk, send all of it",
    expected: 4_000,
    run(count) {
      const flow = openFlow();
      let effects = 0;
      for (let i = 0; i < count; i++) {
        effects += flow.received(CHUNK) & ~Effect.Receive;
        effects += flow.sent(CHUNK) & ~Effect.Send;
        effects += flow.size;
      }
      return effects + flow.sentBytes / CHUNK;
    },
  },
  {
    name: "flow: receive a chunk, send it in two parts",
    expected: 512_000,
    run(count) {
      const flow = openFlow();
      for (let i = 0; i < count; i++) {
        flow.received(CHUNK);
        flow.sent(CHUNK / 2);
        flow.sent(CHUNK / 2);
      }
      return flow.sentBytes;
    },
  },
  {
    name: "flow: a whole life (open, chunk, end)",
    expected: 512_000,
    run(count) {
      const flow = newFlow();
      let bytes = 0;
      for (let i = 0; i < count; i++) {
        flow.open(false, false);
        flow.received(CHUNK);
        flow.sent(CHUNK);
        flow.sourceEnded();
        flow.ended();
        bytes += flow.sentBytes;
      }
      return bytes;
    },
  },
];
