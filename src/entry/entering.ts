import { type FullReason, isFull, type Reason } from "../base/reason.ts";
import type { ListenerOptions } from "../config/options.ts";
import type { Admission } from "./admission.ts";
import type { Stage, Visitor } from "./stage.ts";

/** A client that asks to come in. */
export interface Guest extends Visitor {
  /** Asks for its place, and keeps it until it ends. @returns why it has none; null when it has */
  enter(admission: Admission, lacking: FullReason | null): Reason | null;
  /** It waits from now on until there is room. */
  waitsToEnter(): void;
  /** Its bytes may wait meanwhile, as those for an upstream do. */
  readonly mayWait: boolean;
}

/** The queue of the clients for which there is no room yet. */
interface Queue<C, Count> {
  readonly lacking: FullReason | null;
  add(client: C, lack: FullReason, options: ListenerOptions, count: Count): boolean;
}

/**
 * Asks whether a client may come in: access rules, limits, rates. Where the listener says so, a client that finds
 * all places taken waits for one.
 */
export class Entering<C extends Guest, Count> implements Stage<C> {
  /** @param count where those who wait are counted */
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
