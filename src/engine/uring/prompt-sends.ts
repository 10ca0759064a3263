import type { UringEnd } from "./end.ts";

/** A copy waits for a prompt send to be over, and so for the loop to wake; this long at most. */
const COPY_WAIT_MICROS = 1_000;

/** Sends that complete silently at their submission, unless a completion says otherwise. */
export class PromptSends {
  /** How many were silent. */
  silent = 0;
  private readonly ends: UringEnd[] = [];
  /** One of them has a copy. */
  private isCopying = false;

  get isEmpty(): boolean {
    return this.ends.length === 0;
  }

  /** Microseconds after which a copy must learn that they are over. */
  get dueMicros(): number {
    return this.isCopying ? COPY_WAIT_MICROS : Infinity;
  }

  /** An end has prepared one. @param isCopied a copy waits for its completion */
  add(end: UringEnd, isCopied: boolean): void {
    this.ends.push(end);
    if (isCopied) this.isCopying = true;
  }

  /** They are over, and those that were not taken whole have completed. */
  conclude(): void {
    const { ends } = this;
    for (let i = 0; i < ends.length; i++) {
      if ((ends[i] as UringEnd).promptSent()) this.silent++;
    }
    ends.length = 0;
    this.isCopying = false;
  }
}
