import { Opcode, Priority } from "../../src/engine/uring/abi.ts";
import { Operation, operationOf } from "../../src/engine/uring/ticket.ts";
import type { File } from "./descriptor-table.ts";
import type { Submission } from "./submission.ts";

/** An operation that was submitted and is not over. */
export class InFlight {
  /** It does nothing before that time. */
  notBefore = 0;
  /** Its last completion is on its way: nothing more can be done to it. */
  isOver = false;
  /** When its latest completion shows: those of one operation keep their order. */
  lastDue = 0;
  /** What poll(2) had said when it was told last. */
  toldMask = 0;
  /** A receive has looked for a buffer once, and waits for its socket now. */
  isTried = false;
  /** What a send sends, once that was looked up, and how much of it was taken so far. */
  pieces: readonly Uint8Array[] | null = null;
  done = 0;
  /** A zero-copy send has told what was taken: its bytes are in use until so many are acknowledged. */
  usedUntil: number | null = null;
  /** A connect's outcome; null while nobody has answered, undefined before it was tried. */
  verdict: number | null | undefined;

  /** The ticket that its completions carry, as a key. */
  readonly ticket: number;

  constructor(
    readonly entry: Submission,
    readonly file: File | null,
    readonly isMultishot: boolean,
  ) {
    this.ticket = ticketKey(entry.low, entry.high);
  }

  /** It is over, and nobody waits for its completion. */
  get isTold(): boolean {
    return this.isOver && operationOf(this.entry.low) === Operation.Ignored;
  }
}

/** A ticket as a key, for sets that are made in every turn: generations are small, so that it is exact. */
export function ticketKey(low: number, high: number): number {
  return high * 2 ** 32 + low;
}

/** A ticket as a part of a name. */
export function ticketName(low: number, high: number): string {
  return `${low}:${high}`;
}

/** Whether it sends, in whichever way. */
export function isSend({ opcode }: Submission): boolean {
  return opcode === Opcode.Send || opcode === Opcode.SendMessage || isZeroCopy(opcode);
}

/** Whether the bytes are used after the send itself is over. */
export function isZeroCopy(opcode: Opcode): boolean {
  return opcode === Opcode.SendZeroCopy || opcode === Opcode.SendMessageZeroCopy;
}

/** Whether it receives, in whichever way. */
export function isReceive({ opcode }: Submission): boolean {
  return opcode === Opcode.Receive || opcode === Opcode.ReceiveMessage;
}

export function isBundle({ priority }: Submission): boolean {
  return (priority & Priority.Bundle) !== 0;
}

export function isMultishotReceive({ priority }: Submission): boolean {
  return (priority & Priority.ReceiveMultishot) !== 0;
}

export function isMultishotAccept({ priority }: Submission): boolean {
  return (priority & Priority.AcceptMultishot) !== 0;
}
