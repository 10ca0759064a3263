import { type FullReason, isFull, type Reason } from "../base/reason.ts";
import type { ListenerOptions } from "../config/options.ts";
import type { Admission } from "./admission.ts";
import type { Stage, Visitor } from "./stage.ts";

/** A client that asks for admission. */
export interface Guest extends Visitor {
  /** Asks for admission, valid until the client ends. @returns why it is refused, or null */
  enter(admission: Admission, lacking: FullReason | null): Reason | null;
  /** From now on the client waits for room. */
  waitsToEnter(): void;
  /** Whether its bytes may wait meanwhile, as they would for an upstream. */
  readonly mayWait: boolean;
}

/** The queue of clients that wait for room. */
interface Queue<C, Count> {
  readonly lacking: FullReason | null;
  add(client: C, lack: FullReason, options: ListenerOptions, count: Count): boolean;
}

/**
 * Checks a client against access rules, limits and rates. If the listener says so, a client waits
 * while a limit is reached.
 */
export class Entering<C extends Guest, Count> implements Stage<C> {
  /** @param count counts the clients that wait */
  constructor(
    private readonly admission: Admission,
    private readonly queue: Queue<C, Count>,
    private readonly options: ListenerOptions,
    private readonly count: Count,
  ) {}

  receive(client: C): void {
    const { admission, count, options, queue } = this;
    const mayWait = options.edge.whenFull === "wait" && client.mayWait;
    const refused = client.enter(admission, mayWait ? queue.lacking : null);
    const waits = mayWait && isFull(refused) && queue.add(client, refused, options, count);
    if (waits) client.waitsToEnter();
    else if (refused === null) client.pass();
    else client.refuse(refused);
  }
}
