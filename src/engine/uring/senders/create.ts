import type { UringSend } from "../../../config/options.ts";
import { MessageSender } from "./message.ts";
import { PlainSender } from "./plain.ts";
import { RingSender } from "./ring.ts";
import type { Sender, SenderHost } from "./sender.ts";
import { ZeroCopySender } from "./zero-copy.ts";

/** Creates the sender that an option names. */
export function createSender(kind: UringSend, loop: SenderHost): Sender {
  switch (kind) {
    case "plain":
      return new PlainSender(loop);
    case "message":
      return new MessageSender(loop, false);
    case "zerocopy":
      return new ZeroCopySender(loop);
    case "zerocopy-message":
      return new MessageSender(loop, true);
    case "ring":
      return new RingSender(loop, false);
    case "bundle":
      return new RingSender(loop, true);
  }
}
