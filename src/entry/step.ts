import type { Reason } from "../base/reason.ts";
import type { ClientAddress } from "./access/client-address.ts";
import type { ProxyHeader } from "./proxy-protocol/header.ts";
import type { Hello } from "./tls-hello/hello.ts";

/** What steps have learned about a client. Each kind of step has a member here. */
export interface Learned {
  /** The PROXY header that the client began with. */
  readonly header?: ProxyHeader;
  /** What its ClientHello says, or that it does not speak TLS. */
  readonly hello?: Hello;
}

/**
 * A step's answer to the bytes that it was fed. `consumed` counts from the step's first byte and
 * never falls: these bytes belong to the step and reach neither the next step nor the flow.
 */
export type StepAnswer =
  /** The step needs more bytes. `reply` is sent to the client. */
  | { readonly is: "more"; readonly consumed: number; readonly reply?: Uint8Array }
  /** The step is over. The bytes after `consumed` belong to the next step, or to the flow. */
  | {
      readonly is: "done";
      readonly consumed: number;
      readonly learned: Learned;
      readonly reply?: Uint8Array;
    }
  /** The client is refused. `reply` is sent before the connection is closed. */
  | { readonly is: "refused"; readonly reason: Reason; readonly reply?: Uint8Array };

/**
 * Reads what a client sends before the first bytes of its flow: a PROXY header, a ClientHello, a
 * request for TLS. A step does no I/O, reads no clock, and serves one client.
 *
 * There are three shapes, and any mixture of them:
 *
 *     consumes bytes               PROXY header     done { consumed: size of the header }
 *     reads without consuming      ClientHello      done { consumed: 0 }
 *     replies, then continues      Postgres         done { consumed: 8, reply: "N" }
 */
export interface Step {
  /** The most bytes that it reads before it decides; a client that sends more is refused. */
  readonly most: number;
  /**
   * Reads the next bytes of the stream, at least 1. Each byte comes once, in order. The step keeps
   * no reference to them. Not called again after `done` or `refused`.
   */
  feed(bytes: Uint8Array): StepAnswer;
  /**
   * The step is undecided, and no more bytes come, or they come too late.
   *
   * @param why the reason for a refusal
   */
  giveUp(why: Reason): StepAnswer & { readonly is: "done" | "refused" };
}

/** One place in a listener's list of steps. Owner: a listener. */
export interface StepPlan {
  /** Milliseconds that a client has for this step, from its beginning, at least 1. */
  readonly timeoutMs: number;
  /**
   * Makes the step of a client.
   *
   * @param client who the client is, according to the steps before
   * @returns null if the client needs no such step; a reason if it is refused
   */
  stepFor(client: ClientAddress): Step | Reason | null;
}
