import type { Reason } from "../base/reason.ts";
import type { ClientAddress } from "./access/client-address.ts";

/** A client on its way in. What each stage needs of it beside this, the stage says. */
export interface Visitor {
  /** Who it is, as far as that is known; null when it had reset before it was accepted. */
  readonly clientAddress: ClientAddress | null;
  /** It is decided that it ends: whatever a stage finds out comes too late. */
  readonly isLeaving: boolean;
  /** It is through with its stage: the next one begins, or what the client has come for. */
  pass(): void;
  /** It may not come in. @param isTold it was sent a reply, which a reset might overtake */
  refuse(reason: Reason, isTold?: boolean): void;
}

/**
 * One thing that happens to a client before its upstream is dialled. Owner: a listener; what it knows of one
 * client, the client keeps.
 */
export interface Stage<C extends Visitor> {
  /** The client has come so far: sooner or later it is passed on or refused, unless it leaves before. */
  receive(client: C): void;
}
