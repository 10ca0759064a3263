import { cleanUp, cleanUpOrThrow, forEach } from "../../base/clean-up.ts";
import { closeNow, SocketOption, setOption, unmap, viewMapped } from "../../system/linux.ts";
import type { Held } from "../held.ts";
import { unseen, wordsOf } from "./unseen.ts";

/**
 * Closes by RST what a dead thread has left behind: its connections and listening sockets, those
 * that only its ring knows, and the ring. A thread that has cleaned up leaves nothing.
 *
 * Call it once the thread has ended: by then the kernel has ended all its operations.
 *
 * @returns what has gone wrong; each step runs whatever happens to the others
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
      const { ringDescriptor } = held;
      held.ringGone();
      if (ringDescriptor >= 0) closeNow(ringDescriptor);
    },
    () => {
      if (ring === null) return;
      held.ringClosed();
      unmap(viewMapped(ring.ring.address, ring.ring.bytes));
      unmap(viewMapped(ring.entries.address, ring.entries.bytes));
    },
  ]);

  function resetOrphan(descriptor: number): void {
    if (!held.listens(descriptor)) setOption(descriptor, SocketOption.linger, 1, 0);
    held.closed(descriptor);
    closeNow(descriptor);
  }
}
