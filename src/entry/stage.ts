import type { Reason } from "../base/reason.ts";
import type { ClientAddress } from "./access/client-address.ts";

/** A client on its way in. Stages that need more of it extend this. */
export interface Visitor {
  /** Who it is, as far as ringway knows; null if it had reset before it was accepted. */
  readonly clientAddress: ClientAddress | null;
  /** The client is about to end: whatever a stage finds out comes too late. */
  readonly isLeaving: boolean;
  /** It has passed its stage: the next one begins, or what it has come for. */
  pass(): void;
  /** It is refused. @param isTold whether it was sent a reply, which a reset might overtake */
  refuse(reason: Reason, isTold?: boolean): void;
}

/**
 * One thing that happens to a client before its upstream is dialled. A stage stores nothing about a
 * client in itself. Owner: a listener.
 */
export interface Stage<C extends Visitor> {
  /** The client has reached this stage, which passes it on or refuses it, unless it leaves. */
  receive(client: C): void;
}
