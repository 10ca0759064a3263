import { assert } from "../../../assert.ts";
import { type Mapping, mapMemory, unmap } from "../../../system/linux.ts";
import { IOVEC_SIZE, MSGHDR_SIZE } from "../abi.ts";
import type { Chain } from "../chain.ts";
import { NONE } from "../chunks.ts";
import { Operation } from "../ticket.ts";
import type { Sender, SenderHost, SendingEnd } from "./sender.ts";

/** Most pieces of one message. */
const PIECES_MAX = 16;
/** Bytes of a slot: a header and its pieces, aligned to 64. */
const SLOT_SIZE = 64 + PIECES_MAX * IOVEC_SIZE;
const SLOTS_PER_MAPPING = 128;

/**
 * One SENDMSG of up to 16 chunks: a `struct msghdr` that lists them.
 *
 *     slot   [ msghdr: 56 bytes, 8 unused ][ iovec 0 ][ iovec 1 ]…[ iovec 15 ]
 *
 * A slot is leased while its send is in flight.
 */
export class MessageSender implements Sender {
  readonly hidesResets: boolean;
  readonly canBePrompt: boolean;
  private readonly mappings: Mapping[] = [];
  private readonly words: Uint32Array[] = [];
  private readonly free: number[] = [];

  constructor(
    private readonly loop: SenderHost,
    private readonly isZeroCopy: boolean,
  ) {
    assert(MSGHDR_SIZE <= 64, "slot: the header fits");
    this.hidesResets = isZeroCopy;
    this.canBePrompt = !isZeroCopy;
  }

  start(end: SendingEnd, queue: Chain): number {
    if (this.free.length === 0) this.grow();
    const slot = this.free.pop() as number;
    end.message = slot;
    const mapping = Math.floor(slot / SLOTS_PER_MAPPING);
    const offset = (slot % SLOTS_PER_MAPPING) * SLOT_SIZE;
    const words = this.words[mapping] as Uint32Array;
    const header = (this.mappings[mapping] as Mapping).address + offset;
    const { chunks, memory } = this.loop;
    let size = 0;
    let pieces = 0;
    let at = (offset + 64) >>> 2;
    for (let chunk = queue.first; chunk !== NONE && pieces < PIECES_MAX; pieces++) {
      const start = chunks.start[chunk] as number;
      const length = (chunks.end[chunk] as number) - start;
      const address = memory.address(chunks.buffer[chunk] as number, start);
      words[at] = address >>> 0;
      words[at + 1] = Math.floor(address / 2 ** 32);
      words[at + 2] = length;
      words[at + 3] = 0;
      at += IOVEC_SIZE / 4;
      size += length;
      chunk = chunks.next[chunk] as number;
    }
    // msg_iov at byte 16, msg_iovlen at byte 24; all else stays zero.
    const first = offset >>> 2;
    words[first + 4] = (header + 64) >>> 0;
    words[first + 5] = Math.floor((header + 64) / 2 ** 32);
    words[first + 6] = pieces;
    const { prepare } = this.loop;
    const { descriptor, generation, isPrompt } = end;
    const low = end.ticket(Operation.Send);
    if (this.isZeroCopy) prepare.sendMessageZeroCopy(descriptor, header, low, generation);
    else prepare.sendMessage(descriptor, header, isPrompt, low, generation);
    return size;
  }

  done(end: SendingEnd): void {
    this.free.push(end.message);
    end.message = NONE;
  }

  close(): void {
    for (const mapping of this.mappings) unmap(mapping);
  }

  private grow(): void {
    const first = this.mappings.length * SLOTS_PER_MAPPING;
    const mapping = mapMemory(SLOTS_PER_MAPPING * SLOT_SIZE);
    this.mappings.push(mapping);
    this.words.push(new Uint32Array(mapping.buffer));
    for (let i = SLOTS_PER_MAPPING - 1; i >= 0; i--) this.free.push(first + i);
  }
}
