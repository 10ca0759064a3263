import type { Chain } from "../chain.ts";
import type { UringEnd } from "../end.ts";
import type { Loop } from "../loop.ts";
import { Operation } from "../ticket.ts";
import type { Sender } from "./sender.ts";

/** One SEND_ZC of the first chunk. */
export class ZeroCopySender implements Sender {
  readonly hidesResets = true;
  readonly canBePrompt = false;

  constructor(private readonly loop: Loop) {}

  start(end: UringEnd, queue: Chain): number {
    const { firstAddress, firstSize } = queue;
    const { descriptor, generation } = end;
    const low = end.ticket(Operation.Send);
    this.loop.prepare.sendZeroCopy(descriptor, firstAddress, firstSize, low, generation);
    return firstSize;
  }

  done(): void {}

  close(): void {}
}
