import type { Chain } from "../chain.ts";
import { NONE } from "../chunks.ts";
import { Operation } from "../ticket.ts";
import { MessageSender } from "./message.ts";
import type { Sender, SenderHost, SendingEnd } from "./sender.ts";

/** One SEND of the first chunk, or a SENDMSG if there are several. */
export class PlainSender implements Sender {
  readonly hidesResets = false;
  readonly canBePrompt = true;
  private readonly several: MessageSender;

  constructor(private readonly loop: SenderHost) {
    this.several = new MessageSender(loop, false);
  }

  start(end: SendingEnd, queue: Chain): number {
    if (queue.count > 1) return this.several.start(end, queue);
    const { firstAddress, firstSize } = queue;
    const { descriptor, generation, isPrompt } = end;
    const low = end.ticket(Operation.Send);
    this.loop.prepare.send(descriptor, firstAddress, firstSize, isPrompt, low, generation);
    return firstSize;
  }

  done(end: SendingEnd): void {
    if (end.message !== NONE) this.several.done(end);
  }

  close(): void {
    this.several.close();
  }
}
