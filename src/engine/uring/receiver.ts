import type { UringOptions } from "../../config/options.ts";
import { type Mapping, mapMemory, unmap } from "../../system/linux.ts";
import { Priority, RECVMSG_OUT_SIZE } from "./abi.ts";
import type { Group } from "./group.ts";
import type { Prepare } from "./prepare.ts";
import { Operation, type TicketOwner } from "./ticket.ts";

/**
 * How ends receive: by RECV or RECVMSG, once or until it is cancelled, into one buffer or a bundle.
 * Into large buffers it is always once at a time: bulk is bounded by what one receive may take. With a
 * rate it is so many bytes, by RECV and once.
 */
export class Receiver {
  private readonly smallPriority: number;
  private readonly isMultishot: boolean;
  /** A `struct msghdr` of zeros, which says that nobody asks for names or control data. */
  private readonly header: Mapping | null;

  constructor(
    private readonly loop: { readonly prepare: Prepare },
    { receive, receiveBundles, receiveMessages }: UringOptions,
  ) {
    this.isMultishot = receive === "multishot";
    this.smallPriority =
      (this.isMultishot ? Priority.ReceiveMultishot : Priority.None) |
      (receiveBundles ? Priority.Bundle : Priority.None);
    this.header = receiveMessages ? mapMemory(PAGE) : null;
  }

  /**
   * Prepares a receive from an end into buffers of the group.
   *
   * @param isQuiet nothing is there yet: it is not worth a look before it is waited for
   * @param most bytes that it may bring; 0 for any number
   */
  start(
    end: TicketOwner & { readonly descriptor: number },
    group: Group,
    isLarge: boolean,
    isQuiet: boolean,
    most: number,
  ): void {
    const { descriptor, generation } = end;
    const { prepare } = this.loop;
    // One buffer at a time where few are left: a multishot receive would take them all at once.
    const isCareful = isLarge || group.low || most > 0;
    const priority =
      (isCareful ? Priority.None : this.smallPriority) |
      (isQuiet ? Priority.PollFirst : Priority.None);
    const low = end.ticket(Operation.Receive);
    if (this.header === null || most > 0) {
      prepare.receive(descriptor, group.id, most, priority, low, generation);
    } else {
      const { address } = this.header;
      prepare.receiveMessage(descriptor, address, group.id, priority, low, generation);
    }
  }

  /** Bytes at the beginning of what a receive has brought that are not the source's. */
  prefix(group: Group, isLarge: boolean, most: number): number {
    const isMultishot = this.isMultishot && !isLarge && !group.low && most === 0;
    return this.header !== null && isMultishot ? RECVMSG_OUT_SIZE : 0;
  }

  close(): void {
    if (this.header !== null) unmap(this.header);
  }
}

const PAGE = 4096;
