import type { Chain } from "../chain.ts";
import { Operation } from "../ticket.ts";
import type { Sender, SenderHost, SendingEnd } from "./sender.ts";

/** One SEND_ZC of the first chunk. */
export class ZeroCopySender implements Sender {
  readonly hidesResets = true;
  readonly canBePrompt = false;

  constructor(private readonly loop: SenderHost) {}

  start(end: SendingEnd, queue: Chain): number {
    const { firstAddress, firstSize } = queue;
    const { descriptor, generation } = end;
    const low = end.ticket(Operation.Send);
    this.loop.prepare.sendZeroCopy(descriptor, firstAddress, firstSize, low, generation);
    return firstSize;
  }

  done(): void {}

  close(): void {}
}
