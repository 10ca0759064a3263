import type { Reason } from "../base/reason.ts";
import type { ClientAddress } from "./access/client-address.ts";
import type { ProxyHeader } from "./proxy-protocol/header.ts";
import type { Hello } from "./tls-hello/hello.ts";

/** What steps have learned of a client. Each kind of step has a member of its own here. */
export interface Learned {
  /** The PROXY header that the client began with. */
  readonly header?: ProxyHeader;
  /** What its ClientHello says, or that it does not speak TLS. */
  readonly hello?: Hello;
}

/**
 * What a step says to the bytes that it was fed. `consumed` counts from the step's first byte on: these
 * bytes are the step's own, and never reach the next step or the flow. It never falls.
 */
export type StepAnswer =
  /** The step needs more bytes. `reply` is sent to the client. */
  | { readonly is: "more"; readonly consumed: number; readonly reply?: Uint8Array }
  /** The step is over. Whatever stands behind `consumed` belongs to the next step, or to the flow. */
  | {
      readonly is: "done";
      readonly consumed: number;
      readonly learned: Learned;
      readonly reply?: Uint8Array;
    }
  /** The client may not come in. `reply` is sent before the connection is closed. */
  | { readonly is: "refused"; readonly reason: Reason; readonly reply?: Uint8Array };

/**
 * Reads what a client sends before the first bytes of its flow: a PROXY header, a ClientHello, a request
 * for TLS. It has no I/O and no clock, and is used for one client only.
 *
 * There are three shapes, and any mixture of them:
 *
 *     takes bytes away             PROXY header     done { consumed: size of the header }
 *     reads without taking         ClientHello      done { consumed: 0 }
 *     answers, and then goes on    Postgres         done { consumed: 8, reply: "N" }
 */
export interface Step {
  /** Bytes that it may read before it answers `done` or `refused`; a client that sends more is refused. */
  readonly most: number;
  /**
   * Reads the next bytes of the stream, at least 1: each byte comes once, in order. Nothing of them is kept by
   * reference. Not called again after `done` or `refused`.
   */
  feed(bytes: Uint8Array): StepAnswer;
  /**
   * No more bytes come, or not in time, and the step has not been decided.
   *
   * @param why the reason, if the client is refused for it
   * @param isSilent it has sent nothing more: no bytes lie in the kernel that ringway had no memory to read. If some
   *   do, a client must not count as one that has sent nothing
   */
  giveUp(why: Reason, isSilent: boolean): StepAnswer & { readonly is: "done" | "refused" };
}

/** One place in a listener's list of steps. Owner: a listener. */
export interface StepPlan {
  /** Milliseconds that a client has for this step from its beginning on, at least 1. */
  readonly timeoutMs: number;
  /**
   * What a client has to go through here.
   *
   * @param client as the steps before this one have told who that is
   * @returns null for nothing; a reason when the client may not come in at all
   */
  stepFor(client: ClientAddress): Step | Reason | null;
}
