import { cleanUp, cleanUpOrThrow, forEach } from "../../clean-up.ts";
import type { Held, RingLayout } from "../held.ts";
import { closeNow, SocketOption, setOption, unmap, viewMapped } from "../linux.ts";
import { CQE_SIZE, CqeWord } from "./abi.ts";
import { opensDescriptor } from "./close-unknown.ts";
import { operationOf } from "./ticket.ts";

/**
 * Closes by RST what a thread has left behind that is over: its connections and listening sockets,
 * those that only its ring knows, and the ring. Nothing is left by one that has cleaned up itself.
 *
 * To be called when the thread is no more: the kernel has ended all that it had of it by then.
 *
 * @returns what has gone wrong; no step is left out because of another one
 */
export function closeOrphans(held: Held): unknown[] {
  const { ring } = held;
  return cleanUp([
    () => {
      if (ring !== null) cleanUpOrThrow(forEach(() => unseen(held, ring), resetOrphan));
    },
    () => {
      const submitted = ring === null ? null : wordsOf(ring).at(ring.sqHead);
      cleanUpOrThrow(forEach(() => held.left(submitted), resetOrphan));
    },
    () => {
      if (ring === null) return;
      held.ringClosed();
      unmap(viewMapped(ring.ring.address, ring.ring.bytes));
      unmap(viewMapped(ring.entries.address, ring.entries.bytes));
    },
  ]);

  function resetOrphan(descriptor: number): void {
    held.closed(descriptor);
    // Of what is no connection the kernel refuses that.
    setOption(descriptor, SocketOption.linger, 1, 0);
    closeNow(descriptor);
  }
}

/** Descriptors that completions have brought which nobody has taken. */
function* unseen(held: Held, ring: RingLayout): Iterable<number> {
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

/** The words of a ring by their places in bytes. */
function wordsOf({ ring }: RingLayout) {
  const words = new Int32Array(viewMapped(ring.address, ring.bytes).buffer);
  return { at: (place: number) => Atomics.load(words, place >>> 2) };
}
