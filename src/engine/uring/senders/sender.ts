import type { Chain, ChainHost } from "../chain.ts";
import type { Prepare } from "../prepare.ts";
import type { TicketOwner } from "../ticket.ts";

/** What of an end a send needs. */
export interface SendingEnd extends TicketOwner {
  readonly descriptor: number;
  /** The send is over when it was submitted, silently if it was taken whole. */
  readonly isPrompt: boolean;
  /** What the sender keeps for the send in flight, such as its `struct msghdr`. */
  message: number;
}

/** What senders need of their loop. */
export interface SenderHost extends ChainHost {
  readonly prepare: Prepare;
  /** See {@link Kernel.registerBuffers}. */
  registerBuffers(group: number, address: number, entries: number): number;
  /** See {@link Kernel.unregisterBuffers}. */
  unregisterBuffers(group: number): void;
}

/** How what is queued for an end is sent. */
export interface Sender {
  /** Its sends may meet a reset without saying so at once: then a receive takes it for the end. */
  readonly hidesResets: boolean;
  /** It heeds {@link SendingEnd.isPrompt}. */
  readonly canBePrompt: boolean;
  /** Prepares a send of the first chunks of the queue. @returns how many bytes it asks for */
  start(end: SendingEnd, queue: Chain): number;
  /** That send has completed: `sent` bytes were taken, of `asked`. */
  done(end: SendingEnd, sent: number, asked: number): void;
  /** Gives back what it has. Nothing is in flight. */
  close(): void;
}
