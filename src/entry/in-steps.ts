import type { Reason } from "../base/reason.ts";
import type { Stage, Visitor } from "./stage.ts";
import type { StepPlan } from "./step.ts";
import { Steps, type StepsOwner } from "./steps.ts";

/** A client that goes through its listener's steps. */
export interface Stepping extends Visitor, StepsOwner {
  readonly clientAddress: Visitor["clientAddress"];
  /** Milliseconds since it was accepted. */
  readonly ageMs: number;
  /** Its step has taken too long, or another client needs its place (`preamble_full`). */
  stepLate(reason: Reason): void;
  /** What it sends is for these steps, until they are over. */
  expectSteps(steps: Steps): void;
  /** It is through them, or was refused by one. */
  stepsOver(steps: Steps): void;
}

/** Clients that wait, each for the same span of time. */
interface Row<T> {
  add(client: T): void;
  delete(client: T): void;
  readonly size: number;
  /** Who waits for the longest time. */
  readonly first: T | undefined;
}

/** What steps read comes with the first segment: a client that has said nothing for so long hardly will. */
const PATIENCE_MS = 1_000;

/**
 * Has each client go through its listener's steps, and knows those that are in one, each with the time of that step. Their number has a bound: when one
 * more comes, the oldest one goes, unless it is younger than a second. Many may come at once, such as those of a
 * balancer that starts again, and ringway has not read any of them yet.
 *
 * Owner: a listener.
 */
export class InSteps<T extends Stepping> implements Stage<T> {
  private readonly rows: readonly Row<T>[];

  /**
   * @param most clients that may be in a step without anybody having to go, at least 1
   * @param rowOf makes a queue with a time for each client
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

  /** A client begins the step at this place of the list. */
  begins(client: T, place: number): void {
    this.delete(client);
    const { first } = this;
    if (this.size >= this.most && first !== undefined && first.ageMs >= PATIENCE_MS) {
      first.stepLate("preamble_full");
    }
    this.rows[place]?.add(client);
  }

  /** A client is in no step any more. */
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
