import { type Mapping, mapMemory, unmap } from "../../../system/linux.ts";
import { Priority } from "../abi.ts";
import { BufferRing } from "../buffer-ring.ts";
import type { Chain } from "../chain.ts";
import { NONE } from "../chunks.ts";
import { Operation } from "../ticket.ts";
import { PlainSender } from "./plain.ts";
import type { Sender, SenderHost, SendingEnd } from "./sender.ts";

/** Entries of an end's own ring. */
const RING_ENTRIES = 64;
/** Bytes of a page, on which each ring begins. */
const PAGE = 4096;
const RINGS_PER_MAPPING = 64;
/** Lower groups are for receives; this many groups can exist. */
const FIRST_GROUP = 16;
const GROUPS_MAX = 65_536;

/**
 * SENDs that take their bytes from a ring of provided buffers, one ring per end: the first chunk,
 * or as many as there are (bundle). They use MSG_WAITALL, because a partly sent ring could not be
 * told from an unsent one. If a send is cut short anyway, because the peer is gone, the ring is
 * emptied.
 *
 * A ring takes a page and a group's number, so the ends of 32,760 relays can have one; others send
 * without.
 */
export class RingSender implements Sender {
  readonly hidesResets = true;
  readonly canBePrompt = false;
  private readonly mappings: Mapping[] = [];
  private readonly rings = new Map<number, EndRing>();
  private readonly plain: PlainSender;

  constructor(
    private readonly loop: SenderHost,
    private readonly isBundle: boolean,
  ) {
    this.plain = new PlainSender(loop);
  }

  start(end: SendingEnd, queue: Chain): number {
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

  done(end: SendingEnd, sent: number, asked: number): void {
    if (end.message !== NONE) this.plain.done(end);
    else if (sent !== asked) this.rings.get(end.slot)?.renew();
  }

  close(): void {
    this.plain.close();
    for (const mapping of this.mappings) unmap(mapping);
  }

  private ringOf({ slot: key }: SendingEnd): EndRing | null {
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

/** One end's ring of provided buffers to send from. Empty whenever no send is in flight. */
class EndRing {
  private readonly ring: BufferRing;

  constructor(
    private readonly loop: SenderHost,
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
