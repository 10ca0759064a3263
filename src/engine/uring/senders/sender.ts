import type { Chain } from "../chain.ts";
import type { UringEnd } from "../end.ts";

/** How what is queued for an end is sent. */
export interface Sender {
  /** Its sends may meet a reset without saying so at once: then a receive takes it for the end. */
  readonly hidesResets: boolean;
  /** It heeds {@link UringEnd.isPrompt}. */
  readonly canBePrompt: boolean;
  /** Prepares a send of the first chunks of the queue. @returns how many bytes it asks for */
  start(end: UringEnd, queue: Chain): number;
  /** That send has completed: `sent` bytes were taken, of `asked`. */
  done(end: UringEnd, sent: number, asked: number): void;
  /** Gives back what it has. Nothing is in flight. */
  close(): void;
}
