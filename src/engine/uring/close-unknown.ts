import { cleanUp } from "../../base/clean-up.ts";
import type { Held } from "../held.ts";
import { CqeWord } from "./abi.ts";
import type { Kernel, Sockets } from "./kernel.ts";
import { resetNow } from "./reset-now.ts";
import { Operation, operationOf } from "./ticket.ts";

/** What is cancelled completes in the first or in the second entry to the kernel. */
const LOOKS = 2;

/**
 * Submits what was prepared, and resets whoever was accepted, or what was opened, of which only the ring
 * knows yet. For a loop that has met a defect: with the ring gone their ends would wait for good.
 *
 * Accepting has to be cancelled before. Owner of the queues: the loop, which takes no completion any more.
 */
export function closeUnknown(kernel: Kernel, sockets: Sockets, held: Held): void {
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

/** Whether what it completes with, unless that is an error, is a descriptor that nobody else knows. */
export function opensDescriptor(operation: Operation): boolean {
  return operation === Operation.Accept || operation === Operation.Socket;
}
