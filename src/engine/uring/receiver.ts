import type { UringOptions } from "../../config/options.ts";
import { type Mapping, mapMemory, unmap } from "../../system/linux.ts";
import { Priority, RECVMSG_OUT_SIZE } from "./abi.ts";
import type { Group } from "./group.ts";
import type { Prepare } from "./prepare.ts";
import { Operation, type TicketOwner } from "./ticket.ts";

/**
 * How ends receive: by RECV or RECVMSG, once or until cancelled, into one buffer or a bundle. Large
 * buffers always get single receives, because what one receive may take bounds bulk. With a rate it
 * is a limited number of bytes, by a single RECV.
 */
export class Receiver {
  private readonly smallPriority: number;
  private readonly isMultishot: boolean;
  /** A `struct msghdr` of zeros: no names and no control data are wanted. */
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
   * @param isQuiet no bytes are expected yet, so the kernel waits before its first look
   * @param most bytes to receive; 0: any number
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
    // If few buffers are left, one at a time: a multishot receive would take them all at once.
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

  /** Bytes of a header at the beginning of what a receive brings. */
  prefix(group: Group, isLarge: boolean, most: number): number {
    const isMultishot = this.isMultishot && !isLarge && !group.low && most === 0;
    return this.header !== null && isMultishot ? RECVMSG_OUT_SIZE : 0;
  }

  close(): void {
    if (this.header !== null) unmap(this.header);
  }
}

const PAGE = 4096;
