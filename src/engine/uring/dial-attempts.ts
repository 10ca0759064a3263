import type { Encoded } from "./dialer.ts";
import { Operation } from "./ticket.ts";

/** One try to connect to one address. */
export class DialAttempt {
  /** What the kernel has of it; {@link Operation.Ignored} when that is nothing: it is free then. */
  operation = Operation.Ignored;
  /** Its socket, once that is open, until it is closed or the upstream's. */
  descriptor = -1;
  /** Where it goes to; null before the first one. */
  address: Encoded | null = null;
  /** Attempts of the conduit that began before. */
  turn = 0;

  /** @param number part of its tickets, and its place */
  constructor(readonly number: number) {}

  get isUnderWay(): boolean {
    return this.operation !== Operation.Ignored;
  }
}

/**
 * The attempts of a conduit's dial: one to a literal address, which is all that most conduits ever
 * have; several beside each other to a host name of several addresses.
 *
 * Owner: a conduit.
 */
export class DialAttempts {
  readonly all: DialAttempt[] = [new DialAttempt(0)];
  /** The addresses of the name that are still to be tried. */
  untried: readonly Encoded[] = NONE;
  private begun = 0;

  /** Begins one; the caller submits its first operation. */
  begin(address: Encoded): DialAttempt {
    const free = this.free();
    free.address = address;
    free.turn = this.begun++;
    free.operation = Operation.Socket;
    return free;
  }

  private free(): DialAttempt {
    for (const one of this.all) if (!one.isUnderWay) return one;
    const another = new DialAttempt(this.all.length);
    this.all.push(another);
    return another;
  }

  /** How many are under way. */
  get count(): number {
    let count = 0;
    for (const one of this.all) if (one.isUnderWay) count++;
    return count;
  }

  /** The one under way that began first; undefined when there is none. */
  get oldest(): DialAttempt | undefined {
    let oldest: DialAttempt | undefined;
    for (const one of this.all) {
      if (one.isUnderWay && (oldest === undefined || one.turn < oldest.turn)) oldest = one;
    }
    return oldest;
  }

  /** Nothing of them is left: only the first is kept, for the next dials. */
  clear(): void {
    this.all.length = 1;
    this.untried = NONE;
  }
}

const NONE: readonly Encoded[] = [];
