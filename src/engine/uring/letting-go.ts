import { forEach, type Step } from "../../base/clean-up.ts";
import type { Held } from "../held.ts";
import type { Acceptor } from "./acceptor.ts";
import { closeUnknown } from "./close-unknown.ts";
import type { UringHall } from "./conduit.ts";
import type { Kernel, Sockets } from "./kernel.ts";
import type { Memory } from "./memory.ts";
import { resetNow } from "./reset-now.ts";
import { unseen } from "./unseen.ts";

/** What a loop has that somebody else may have a part of. */
interface Possessions {
  readonly acceptor: Acceptor;
  readonly kernel: Kernel;
  readonly sockets: Sockets;
  readonly hall: UringHall;
  readonly memory: Memory;
  /** Which descriptors are its own. */
  readonly held: Held;
  /** Writes down what is not counted where it happens. */
  readonly tellFigures: () => void;
}

/** The steps by which a loop that has met a defect lets everything go, and tells of its relays. */
export function* lettingGo(loop: Possessions): Iterable<Step> {
  const { acceptor, kernel, sockets, hall, memory, held } = loop;
  // Those that a completion has brought which has met the defect itself.
  yield* forEach(
    () => (held.ring === null ? [] : unseen(held, held.ring)),
    (descriptor) => held.took(descriptor),
  );
  yield () => acceptor.cancelAccepts();
  // It may be the ring that has failed: what only it has cannot be had then.
  yield () => closeUnknown(kernel, sockets, held);
  // Whatever state relays are in: this is all that the loop has.
  yield* forEach(
    () => held.left(kernel.nextEntry - kernel.unsubmitted),
    (descriptor) => resetNow(sockets, held, descriptor),
  );
  yield () => kernel.close();
  yield () => memory.forsake();
  yield* hall.telling();
  yield () => loop.tellFigures();
}
