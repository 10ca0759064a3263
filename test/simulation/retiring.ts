import type { Reason } from "../../src/base/reason.ts";
import { holds } from "../model/fuzz.ts";
import type { SimulatedConduit } from "./conduit.ts";

/**
 * A relay is ended because nothing of it is on its way: that has to be so.
 *
 * @param answersUntil before that nobody is who waits for an answer
 */
export function checkRetired(
  conduit: SimulatedConduit,
  reason: Reason,
  now: number,
  answersUntil: number,
): void {
  const { client, upstream, up, down, refusedFor, relay } = conduit;
  if (refusedFor !== null || up.steps !== null || relay.reason !== null) return;
  holds(up.queue.size + down.queue.size === 0, "who has queued bytes is not idle");
  for (const connection of [client?.connection, upstream?.connection]) {
    if (connection === undefined || connection.isBroken) continue;
    holds(connection.readable === 0, "who has bytes to be read is not idle");
    holds(connection.sent === connection.acked, "whose bytes have not left is not idle");
  }
  const isAsked = conduit.lastHeard === up && !up.discards && !down.discards;
  if (reason !== "drain" || !isAsked || upstream === null || upstream.connection.hasEnded) return;
  holds(now >= answersUntil - 1, "who waits for an answer is not idle");
}
