import { cleanUp, cleanUpOrThrow, forEach, type Step } from "../../base/clean-up.ts";
import type { Held } from "../held.ts";
import { CqeWord } from "./abi.ts";
import type { Acceptor } from "./acceptor.ts";
import type { UringHall } from "./conduit.ts";
import type { Kernel, Sockets } from "./kernel.ts";
import type { Memory } from "./memory.ts";
import { opensDescriptor, operationOf } from "./ticket.ts";
import { unseen } from "./unseen.ts";

/** Cancelled operations complete in the first or in the second entry to the kernel. */
const LOOKS = 2;

/** The parts of a loop that must be released, or told. */
interface Possessions {
  readonly acceptor: Acceptor;
  readonly kernel: Kernel;
  readonly sockets: Sockets;
  readonly hall: UringHall;
  readonly memory: Memory;
  /** The record of its descriptors. */
  readonly held: Held;
  /** Writes the figures that are not counted as they happen. */
  readonly tellFigures: () => void;
}

/** The steps by which a loop that has met a defect releases everything and reports its relays. */
export function* lettingGo(loop: Possessions): Iterable<Step> {
  const { acceptor, kernel, sockets, hall, memory, held } = loop;
  // Descriptors of a completion whose handling met the defect.
  yield* forEach(
    () => (held.ring === null ? [] : unseen(held, held.ring)),
    (descriptor) => held.took(descriptor),
  );
  yield () => acceptor.cancelAccepts();
  // If the ring itself has failed, what only it knows is out of reach.
  yield () => closeUnknown(kernel, sockets, held);
  // Whatever state relays are in, these are all descriptors that the loop has.
  yield* forEach(
    () => held.left(kernel.nextEntry - kernel.unsubmitted),
    (descriptor) => resetNow(sockets, held, descriptor),
  );
  yield () => kernel.close();
  yield () => memory.forsake();
  yield* hall.telling();
  yield () => loop.tellFigures();
}

/**
 * Submits what was prepared, and resets connections that were accepted or opened and that only the
 * ring knows yet: once the ring is gone, their peers would wait forever.
 *
 * Cancel the accepts first. The loop takes no completions any more.
 */
function closeUnknown(kernel: Kernel, sockets: Sockets, held: Held): void {
  const failures: unknown[] = [];
  for (let looks = 0; looks < LOOKS; looks++) {
    kernel.enter(0, 0, Infinity);
    for (let at = kernel.completion(); at >= 0; at = kernel.completion()) {
      const operation = operationOf(kernel.cqes[at + CqeWord.UserDataLow] as number);
      const descriptor = kernel.cqeResults[at + CqeWord.Result] as number;
      if (descriptor < 0 || !opensDescriptor(operation)) continue;
      held.took(descriptor);
      failures.push(...cleanUp([() => resetNow(sockets, held, descriptor)]));
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Closes a connection by RST, or a listening socket, at once and without the ring. */
function resetNow(sockets: Sockets, held: Held, descriptor: number): void {
  cleanUpOrThrow([
    () => {
      if (!held.listens(descriptor)) sockets.resetOnClose(descriptor);
    },
    () => {
      held.closed(descriptor);
      sockets.closeNow(descriptor);
    },
  ]);
}
