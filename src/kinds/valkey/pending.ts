import type { Held } from "./requests.ts";

/**
 * What one client has asked and ringway has not sent yet: requests whose connection was lost, which go first, and the
 * one that was read last.
 */
export class Pending {
  private last: Held | null = null;
  private readonly again: Held[] = [];

  get isEmpty(): boolean {
    return this.next === null;
  }

  /** The request that is carried out next; null if there is none. */
  get next(): Held | null {
    return this.again[0] ?? this.last;
  }

  /** Nothing else is pending but what is asked again. */
  hold(held: Held): void {
    this.last = held;
  }

  askAgain(held: Held): void {
    this.again.push(held);
  }

  /** The next one is carried out. */
  done(): void {
    if (this.again.shift() === undefined) this.last = null;
  }

  clear(): void {
    this.last = null;
    this.again.length = 0;
  }
}
