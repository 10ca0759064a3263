import fc from "fast-check";
import type { Random } from "../fixtures/random.ts";

/** What may go wrong, each as the probability that it does where it can. */
export interface Faults {
  /** A receive brings less than there is, or a send takes less than it could: down to 1 byte. */
  short: number;
  /** A completion comes later than what it tells of, and after those of other operations. */
  delay: number;
  /** An operation waits although it could go on. */
  slow: number;
  /** A multishot operation ends after a success, as it does when the completion queue is full. */
  endMultishot: number;
  /** ENOBUFS although there are buffers. */
  noBuffers: number;
  /** A receive that brings nothing takes a buffer nevertheless. */
  emptyBuffer: number;
  /** EAGAIN or EINTR of a receive or a send. */
  again: number;
  /** EINTR of enter(2). */
  interrupted: number;
  /** EBUSY of enter(2): completions have to be taken first. */
  busy: number;
  /** Only a part of the submission queue is taken. */
  submitShort: number;
  /** ECANCELED although nobody has asked for that. */
  canceled: number;
  /** A cancellation comes too late: the operation goes on for a while, or is over just before. */
  cancelLate: number;
  /** EMFILE, ENFILE or ECONNABORTED of an accept. */
  accept: number;
  /** EMFILE or ENFILE of a new socket. */
  socket: number;
  /** EAFNOSUPPORT of a new socket. */
  family: number;
  /** ECONNREFUSED, ETIMEDOUT or EHOSTUNREACH of a connect, at once or later. */
  connect: number;
  /** A connect that is answered by nobody but itself. */
  itself: number;
  /** A connect that nobody answers. */
  silent: number;
  /** A socket breaks (ECONNRESET, ETIMEDOUT) in the middle of anything; per look at it. */
  breaks: number;
  /** An option cannot be set. */
  option: number;
  /** The client's address cannot be told any more when it is accepted. */
  nameless: number;
}

export type Fault = keyof Faults;

/** How likely each fault is where it occurs at all: rarely, and often. */
const rates: Readonly<Record<Fault, readonly [number, number]>> = {
  short: [0.1, 0.6],
  delay: [0.1, 0.5],
  slow: [0.1, 0.5],
  endMultishot: [0.05, 0.5],
  noBuffers: [0.05, 0.4],
  emptyBuffer: [0.2, 1],
  again: [0.02, 0.3],
  interrupted: [0.05, 0.3],
  busy: [0.05, 0.3],
  submitShort: [0.05, 0.3],
  canceled: [0.001, 0.02],
  cancelLate: [0.2, 0.8],
  accept: [0.1, 0.5],
  socket: [0.05, 0.3],
  family: [0.05, 0.3],
  connect: [0.05, 0.3],
  itself: [0.05, 0.3],
  silent: [0.05, 0.3],
  breaks: [0.0005, 0.005],
  option: [0.1, 1],
  nameless: [0.1, 1],
};

const names = Object.keys(rates) as Fault[];

/** No faults. */
export function noFaults(): Faults {
  return Object.fromEntries(names.map((name) => [name, 0])) as unknown as Faults;
}

/** Each fault is absent more often than not; shrinking leaves only those that matter. */
export const someFaults = fc.record(
  Object.fromEntries(names.map((name) => [name, fc.constantFrom(0, 0, 0, ...rates[name])])),
) as unknown as fc.Arbitrary<Faults>;

/** Draws from one seed whether each fault happens. */
export class Fate {
  private readonly faults: Faults;
  /** How often each one has happened: a fuzz that never meets a fault says nothing about it. */
  readonly met: Partial<Record<Fault, number>> = {};

  constructor(
    faults: Faults,
    readonly random: Random,
  ) {
    this.faults = { ...faults };
  }

  /** Whether this fault happens now. */
  strikes(fault: Fault): boolean {
    const probability = this.faults[fault];
    if (probability === 0 || this.random() >= probability) return false;
    this.met[fault] = (this.met[fault] ?? 0) + 1;
    return true;
  }

  /** From now on nothing goes wrong any more. */
  cease(): void {
    Object.assign(this.faults, noFaults());
  }

  /** Changes one probability, for tests of a single fault. */
  set(fault: Fault, probability: number): void {
    this.faults[fault] = probability;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1));
  }

  /** One of several. */
  pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.random() * of.length)] as T;
  }
}
