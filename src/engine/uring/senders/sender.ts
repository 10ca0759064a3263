import type { Chain, ChainHost } from "../chain.ts";
import type { Prepare } from "../prepare.ts";
import type { TicketOwner } from "../ticket.ts";

/** The part of an end that a send uses. */
export interface SendingEnd extends TicketOwner {
  readonly descriptor: number;
  /** The send is over at its submission, silently if it was taken whole. */
  readonly isPrompt: boolean;
  /** What the sender keeps for the send in flight, such as its `struct msghdr`. */
  message: number;
}

/** The part of the loop that senders use. */
export interface SenderHost extends ChainHost {
  readonly prepare: Prepare;
  /** See {@link Kernel.registerBuffers}. */
  registerBuffers(group: number, address: number, entries: number): number;
  /** See {@link Kernel.unregisterBuffers}. */
  unregisterBuffers(group: number): void;
}

/** A way to send what is queued for an end. */
export interface Sender {
  /** Its sends may consume a reset silently, so that a receive takes it for the end. */
  readonly hidesResets: boolean;
  /** It respects {@link SendingEnd.isPrompt}. */
  readonly canBePrompt: boolean;
  /** Prepares a send of the queue's first chunks. @returns how many bytes it asks for */
  start(end: SendingEnd, queue: Chain): number;
  /** The send has completed: `sent` of `asked` bytes were taken. */
  done(end: SendingEnd, sent: number, asked: number): void;
  /** Frees its memory. Nothing may be in flight. */
  close(): void;
}
