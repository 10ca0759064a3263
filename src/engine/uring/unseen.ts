import { viewMapped } from "../../system/linux.ts";
import type { Held, RingLayout } from "../held.ts";
import { CQE_SIZE, CqeWord } from "./abi.ts";
import { opensDescriptor, operationOf } from "./ticket.ts";

/**
 * Descriptors in completions whose handling has not noted them. The kernel still shows all
 * completions since the last entry to it, also those that were handled meanwhile.
 */
export function* unseen(held: Held, ring: RingLayout): Iterable<number> {
  const words = wordsOf(ring);
  const { buffer } = viewMapped(ring.ring.address, ring.ring.bytes);
  const cqes = new Int32Array(buffer, ring.cqes, ((ring.cqMask + 1) * CQE_SIZE) / 4);
  const tail = words.at(ring.cqTail);
  for (let head = words.at(ring.cqHead); head !== tail; head = (head + 1) | 0) {
    const at = ((head & ring.cqMask) * CQE_SIZE) / 4;
    const descriptor = cqes[at + CqeWord.Result] as number;
    const operation = operationOf((cqes[at + CqeWord.UserDataLow] as number) >>> 0);
    if (descriptor >= 0 && opensDescriptor(operation) && !held.hasSeen(descriptor)) {
      yield descriptor;
    }
  }
}

/** Reads the words of a ring by their offsets in bytes. */
export function wordsOf({ ring }: RingLayout) {
  const words = new Int32Array(viewMapped(ring.address, ring.bytes).buffer);
  return { at: (place: number) => Atomics.load(words, place >>> 2) };
}
