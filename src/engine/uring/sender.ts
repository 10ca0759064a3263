import { assert } from "../../assert.ts";
import type { UringSend } from "../../config/options.ts";
import { type Mapping, mapMemory, unmap } from "../linux.ts";
import { IOVEC_SIZE, MSGHDR_SIZE, Priority } from "./abi.ts";
import { BufferRing } from "./buffer-ring.ts";
import type { Chain } from "./chain.ts";
import { NONE } from "./chunks.ts";
import type { UringEnd } from "./end.ts";
import type { Loop } from "./loop.ts";
import { Operation } from "./ticket.ts";

/** How what is queued for an end is sent. */
export interface Sender {
  /** Its sends may meet a reset without saying so at once: then a receive takes it for the end. */
  readonly hidesResets: boolean;
  /** It heeds {@link UringEnd.isPrompt}. */
  readonly canBePrompt: boolean;
  /** Prepares a send of the first chunks of the queue. @returns how many bytes it asks for */
  start(end: UringEnd, queue: Chain): number;
  /** That send has completed: `sent` bytes were taken, of `asked`. */
  done(end: UringEnd, sent: number, asked: number): void;
  /** Gives back what it has. Nothing is in flight. */
  close(): void;
}

/** The sender that an option names. */
export function createSender(kind: UringSend, loop: Loop): Sender {
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

/** One SEND of the first chunk, or a SENDMSG of all of them when there are several. */
class PlainSender implements Sender {
  readonly hidesResets = false;
  readonly canBePrompt = true;
  private readonly several: MessageSender;

  constructor(private readonly loop: Loop) {
    this.several = new MessageSender(loop, false);
  }

  start(end: UringEnd, queue: Chain): number {
    if (queue.count > 1) return this.several.start(end, queue);
    const { firstAddress, firstSize } = queue;
    const { descriptor, generation, isPrompt } = end;
    const low = end.ticket(Operation.Send);
    this.loop.prepare.send(descriptor, firstAddress, firstSize, isPrompt, low, generation);
    return firstSize;
  }

  done(end: UringEnd): void {
    if (end.message !== NONE) this.several.done(end);
  }

  close(): void {
    this.several.close();
  }
}

/** One SEND_ZC of the first chunk. */
class ZeroCopySender implements Sender {
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

/** Most pieces that one message gathers. */
const PIECES_MAX = 16;
/** Bytes of a slot: a header and its pieces, on a boundary of 64. */
const SLOT_SIZE = 64 + PIECES_MAX * IOVEC_SIZE;
const SLOTS_PER_MAPPING = 128;

/**
 * One SENDMSG of up to 16 chunks: a `struct msghdr` that lists them.
 *
 *     slot   [ msghdr: 56 bytes, 8 unused ][ iovec 0 ][ iovec 1 ]…[ iovec 15 ]
 *
 * A slot is leased while its send is in flight.
 */
class MessageSender implements Sender {
  readonly hidesResets: boolean;
  readonly canBePrompt: boolean;
  private readonly mappings: Mapping[] = [];
  private readonly words: Uint32Array[] = [];
  private readonly free: number[] = [];

  constructor(
    private readonly loop: Loop,
    private readonly isZeroCopy: boolean,
  ) {
    assert(MSGHDR_SIZE <= 64, "slot: the header fits");
    this.hidesResets = isZeroCopy;
    this.canBePrompt = !isZeroCopy;
  }

  start(end: UringEnd, queue: Chain): number {
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

  done(end: UringEnd): void {
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

/** Entries of an end's own ring. */
const RING_ENTRIES = 64;
/** A ring begins on a page. */
const PAGE = 4096;
const RINGS_PER_MAPPING = 64;
/** Groups below are those that are received into; so many there can be in all. */
const FIRST_GROUP = 16;
const GROUPS_MAX = 65_536;

/**
 * SENDs that take their bytes from a ring of provided buffers, one ring per end: the first chunk,
 * or as many as there are (bundle). All of them are asked for with MSG_WAITALL, as a ring that was
 * sent in part could not be told from one that was not; where that happens nevertheless (an end that
 * is gone) the ring is made anew.
 *
 * A ring takes a page and a group's number, so that the ends of 32,760 relays can have one; others
 * send without.
 */
class RingSender implements Sender {
  readonly hidesResets = true;
  readonly canBePrompt = false;
  private readonly mappings: Mapping[] = [];
  private readonly rings = new Map<number, EndRing>();
  private readonly plain: PlainSender;

  constructor(
    private readonly loop: Loop,
    private readonly isBundle: boolean,
  ) {
    this.plain = new PlainSender(loop);
  }

  start(end: UringEnd, queue: Chain): number {
    const ring = this.ringOf(end);
    if (ring === null) return this.plain.start(end, queue);
    const { chunks, memory, prepare } = this.loop;
    let size = 0;
    let left = this.isBundle ? RING_ENTRIES : 1;
    for (let chunk = queue.first; chunk !== NONE && left > 0; left--) {
      const start = chunks.start[chunk] as number;
      const length = (chunks.end[chunk] as number) - start;
      ring.push(memory.address(chunks.buffer[chunk] as number, start), length);
      size += length;
      chunk = chunks.next[chunk] as number;
    }
    ring.publish();
    const priority = this.isBundle ? Priority.Bundle : Priority.None;
    const { descriptor, generation } = end;
    const low = end.ticket(Operation.Send);
    prepare.sendFromGroup(descriptor, ring.group, priority, low, generation);
    return size;
  }

  done(end: UringEnd, sent: number, asked: number): void {
    if (end.message !== NONE) this.plain.done(end);
    else if (sent !== asked) this.rings.get(end.slot)?.renew();
  }

  close(): void {
    this.plain.close();
    for (const mapping of this.mappings) unmap(mapping);
  }

  private ringOf({ slot: key }: UringEnd): EndRing | null {
    const known = this.rings.get(key);
    if (known !== undefined) return known;
    const group = FIRST_GROUP + key;
    if (group >= GROUPS_MAX) return null;
    const place = this.rings.size % RINGS_PER_MAPPING;
    if (place === 0) this.mappings.push(mapMemory(RINGS_PER_MAPPING * PAGE));
    const mapping = this.mappings[this.mappings.length - 1] as Mapping;
    const ring = new EndRing(this.loop, group, mapping, place * PAGE);
    this.rings.set(key, ring);
    return ring;
  }
}

/** The ring of provided buffers that is sent from to one end. Empty whenever no send is in flight. */
class EndRing {
  private readonly ring: BufferRing;

  constructor(
    private readonly loop: Loop,
    readonly group: number,
    private readonly mapping: Mapping,
    private readonly offset: number,
  ) {
    this.ring = new BufferRing(mapping, offset, RING_ENTRIES);
    this.register();
  }

  push(address: number, length: number): void {
    const { ring } = this;
    ring.push(address >>> 0, Math.floor(address / 2 ** 32), length, ring.place);
  }

  publish(): void {
    this.ring.publish();
  }

  /** Empties it. */
  renew(): void {
    this.loop.unregisterBuffers(this.group);
    this.ring.reset();
    this.register();
  }

  private register(): void {
    const address = this.mapping.address + this.offset;
    const result = this.loop.registerBuffers(this.group, address, RING_ENTRIES);
    if (result < 0) throw new Error(`a ring of provided buffers was refused: errno ${-result}`);
  }
}
