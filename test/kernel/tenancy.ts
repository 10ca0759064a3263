import { Operation, operationOf, slotOf } from "../../src/engine/uring/ticket.ts";
import type { Connection } from "./connection.ts";
import { ticketName } from "./operation.ts";

/** Who waits for an attempt to connect, as its tickets will name it. */
export interface AttemptTenant {
  readonly tenancy: string;
  /** The client of which it is to get a copy; null for an upstream. */
  readonly copyOf: Connection | null;
}

/** What has an end, as its tickets name it. */
export interface RelayTenant {
  readonly tenancy: string;
  /** The ticket of a receive from the relay's other end. */
  readonly partner: number;
}

/** The two ends of one tenancy of a slot, by its tickets. */
export interface Tenancy {
  client: Connection | null;
  /** The one that is relayed to: it may be dialled by several attempts, most of them in vain. */
  upstream: Connection | null;
  /** When the last attempt began. */
  dialledAt: number;
  /** An operation of it failed for no cause of its ends: how it ends is no longer told by them. */
  isExcused: boolean;
}

/** Who has these tickets: a slot and its generation. Copies and attempts have slots of their own. */
export function tenancyName(low: number, high: number): string {
  const kind = isOfCopy(low) ? "copy " : isOfAttempt(low) ? "attempt " : "";
  return `${kind}${ticketName(slotOf(low), high)}`;
}

/** Whether it is an operation of a copy to a mirror. */
export function isOfCopy(low: number): boolean {
  return operationOf(low) >= Operation.MirrorSend;
}

/** Whether it is an operation of an end of a relay. */
export function isOfEnd(low: number): boolean {
  const operation = operationOf(low);
  return operation >= Operation.Receive && operation <= Operation.Watch;
}

/** Whether it is an operation of an attempt to connect. */
export function isOfAttempt(low: number): boolean {
  return operationOf(low) === Operation.Socket || operationOf(low) === Operation.Connect;
}
