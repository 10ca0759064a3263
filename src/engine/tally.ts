import type { Flow } from "../flow/flow.ts";
import type { FlowStats } from "./engine.ts";

/** Figures of a direction in which nothing has happened. */
export function noFlowStats(): FlowStats {
  return {
    receives: 0,
    shortReceives: 0,
    sends: 0,
    shortSends: 0,
    pauses: 0,
    poolEmpty: 0,
    receivedBytes: 0,
    sentBytes: 0,
    discardedBytes: 0,
    lostBytes: 0,
  };
}

/**
 * The figures of one flow.
 *
 * @param discards its target is nobody: what it "sent" was thrown away
 */
export function flowStats(flow: Flow, discards: boolean): FlowStats {
  return {
    receives: flow.receiveCount,
    shortReceives: flow.receiveShortCount,
    sends: discards ? 0 : flow.sendCount,
    shortSends: flow.sendShortCount,
    pauses: flow.pauseCount,
    poolEmpty: flow.starvedCount,
    receivedBytes: flow.receivedBytes,
    sentBytes: discards ? 0 : flow.sentBytes,
    discardedBytes: discards ? flow.sentBytes : 0,
    lostBytes: flow.lostBytes,
  };
}

/** Adds `part` to `total`. */
export function addFlowStats(total: FlowStats, part: FlowStats): void {
  total.receives += part.receives;
  total.shortReceives += part.shortReceives;
  total.sends += part.sends;
  total.shortSends += part.shortSends;
  total.pauses += part.pauses;
  total.poolEmpty += part.poolEmpty;
  total.receivedBytes += part.receivedBytes;
  total.sentBytes += part.sentBytes;
  total.discardedBytes += part.discardedBytes;
  total.lostBytes += part.lostBytes;
}
