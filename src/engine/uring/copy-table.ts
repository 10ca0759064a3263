import type { Backlog } from "../../memory/backlog.ts";
import { ANSWER_BYTES } from "../../relay/mirror/copies.ts";
import { type Mapping, mapMemory, unmap } from "../../system/linux.ts";
import { type CopyHost, UringCopy } from "./copy.ts";
import { Operation } from "./ticket.ts";

/** The copies of a loop by slots, and the memory for mirrors' answers. Owner: the loop. */
export class CopyTable {
  private readonly slots: UringCopy[] = [];
  private mapping: Mapping | null = null;

  constructor(private readonly loop: CopyHost) {}

  /** A copy with a slot of its own. */
  add(backlog: Backlog): UringCopy {
    const copy = new UringCopy(this.loop, this, this.slots.length, backlog);
    this.slots.push(copy);
    return copy;
  }

  /** Memory for all mirrors' answers, which are discarded. */
  get scratch(): Mapping {
    this.mapping ??= mapMemory(ANSWER_BYTES);
    return this.mapping;
  }

  /** Handles a completion of a copy's operation. */
  completed(operation: Operation, slot: number, generation: number, result: number): void {
    const copy = this.slots[slot];
    // A copy is reused only once none of its operations is in flight.
    if (copy === undefined || copy.generation !== generation) return;
    switch (operation) {
      case Operation.MirrorSend:
        copy.sendCompleted(result);
        return;
      case Operation.MirrorReceive:
        copy.receiveCompleted(result);
        return;
    }
  }

  /** Frees its memory. Nothing may be in flight. */
  close(): void {
    if (this.mapping !== null) unmap(this.mapping);
  }
}
