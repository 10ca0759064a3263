import type { Lane } from "./lane.ts";
import type { Loop } from "./loop.ts";
import { Operation } from "./ticket.ts";

/** How what a lane has queued is sent. */
export interface Sender {
  /** Prepares a send of the first chunks of the queue. @returns how many bytes it asks for */
  start(lane: Lane): number;
  /** That send has completed. */
  done(lane: Lane): void;
}

/** One SEND of the first chunk. */
export class PlainSender implements Sender {
  constructor(private readonly loop: Loop) {}

  start(lane: Lane): number {
    const { conduit, firstSize } = lane;
    const low = conduit.ticket(Operation.SendUp + lane.direction);
    const { prepare } = this.loop;
    prepare.send(lane.target, lane.firstAddress, firstSize, low, conduit.generation);
    return firstSize;
  }

  done(): void {}
}
