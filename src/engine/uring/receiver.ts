import { Priority } from "./abi.ts";
import type { Group } from "./group.ts";
import type { Lane } from "./lane.ts";
import type { Loop } from "./loop.ts";
import { Operation } from "./ticket.ts";

/** How a lane receives. */
export interface Receiver {
  /** Prepares a receive from the lane's source into buffers of the group. */
  start(lane: Lane, group: Group, isLarge: boolean): void;
}

/** RECV: multishot from small buffers, once at a time into large ones. */
export class PlainReceiver implements Receiver {
  constructor(
    private readonly loop: Loop,
    private readonly isMultishot: boolean,
  ) {}

  start(lane: Lane, group: Group, isLarge: boolean): void {
    const { conduit } = lane;
    const priority = this.isMultishot && !isLarge ? Priority.ReceiveMultishot : Priority.None;
    const low = conduit.ticket(Operation.ReceiveUp + lane.direction);
    this.loop.prepare.receive(lane.source, group.id, priority, low, conduit.generation);
  }
}
