import type { Reason } from "../base/reason.ts";
import type { Stage, Visitor } from "./stage.ts";
import type { StepPlan } from "./step.ts";
import { Steps, type StepsOwner } from "./steps.ts";

/** A client that goes through its listener's steps. */
export interface Stepping extends Visitor, StepsOwner {
  readonly clientAddress: Visitor["clientAddress"];
  /** Milliseconds since it was accepted. */
  readonly ageMs: number;
  /** Its step has timed out, or another client needs its place (`preamble_full`). */
  stepLate(reason: Reason): void;
  /** What it sends goes to these steps until they are over. */
  expectSteps(steps: Steps): void;
  /** It has passed all steps, or one has refused it. */
  stepsOver(steps: Steps): void;
}

/** Clients in one step, which all get the same time for it. */
interface Row<T> {
  add(client: T): void;
  delete(client: T): void;
  readonly size: number;
  /** The client that has been in the step for longest. */
  readonly first: T | undefined;
}

/** What steps read comes in a client's first packet: after this much silence it hardly will. */
const PATIENCE_MS = 1_000;

/**
 * Leads each client through its listener's steps and applies their timeouts. The number of clients
 * in steps is bounded: if one more comes, the oldest is refused, unless it is younger than a
 * second. Younger ones stay because many may come at once (a load balancer restarts) before ringway
 * has read from any of them.
 *
 * Owner: a listener.
 */
export class InSteps<T extends Stepping> implements Stage<T> {
  private readonly rows: readonly Row<T>[];

  /**
   * @param most clients in steps before the oldest has to go, at least 1
   * @param rowOf makes a queue with a timeout for each client
   */
  constructor(
    private readonly plans: readonly StepPlan[],
    private readonly most: number,
    rowOf: (spanMs: number, onLate: (client: T) => void) => Row<T>,
  ) {
    this.rows = plans.map(({ timeoutMs }) =>
      rowOf(timeoutMs, (client) => client.stepLate("preamble_timeout")),
    );
  }

  receive(client: T): void {
    const steps = new Steps(this.plans, client);
    steps.begin();
    if (steps.isOver) client.stepsOver(steps);
    else client.expectSteps(steps);
  }

  /** A client begins the step at `place` of the list. */
  begins(client: T, place: number): void {
    this.delete(client);
    const { first } = this;
    if (this.size >= this.most && first !== undefined && first.ageMs >= PATIENCE_MS) {
      first.stepLate("preamble_full");
    }
    this.rows[place]?.add(client);
  }

  /** A client is no longer in any step. */
  delete(client: T): void {
    for (const row of this.rows) row.delete(client);
  }

  private get size(): number {
    return this.rows.reduce((sum, row) => sum + row.size, 0);
  }

  private get first(): T | undefined {
    let oldest: T | undefined;
    for (const { first } of this.rows) {
      if (first !== undefined && first.ageMs >= (oldest?.ageMs ?? 0)) oldest = first;
    }
    return oldest;
  }
}
