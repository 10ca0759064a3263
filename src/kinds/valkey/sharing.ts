import type { Login } from "./login.ts";
import type { UpstreamConnection, Waiting } from "./upstream-connection.ts";

/** A client that shares connections. */
export interface Sharer extends Waiting {
  /** The shared connection that owes it replies, or did last. */
  shared: UpstreamConnection | null;
  /** No upstream could be reached. */
  notReached(connection: UpstreamConnection): void;
}

/**
 * Makes sure that a client has a shared connection that takes requests. It moves to another one only while it is owed
 * nothing, so that its replies come in order.
 *
 * @returns false while there is none; then the client is resumed, or told that nothing was reached
 */
export function hasShared(client: Sharer, login: Login, isOwed: boolean): boolean {
  const { shared: before } = client;
  const isGood = before !== null && !before.isOver;
  if (!isGood || (!isOwed && (before.isRetired || before.isStalled))) {
    if (isOwed) return false;
    const next = login.sharedFor();
    if (next.isOver) {
      client.notReached(next);
      return false;
    }
    client.shared = next;
  }
  const shared = client.shared as UpstreamConnection;
  if (shared.isRetired) return false;
  if (!shared.takesRequests) shared.waiting.add(client);
  return shared.takesRequests;
}
