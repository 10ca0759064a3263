/**
 * The upstreams that a balancer chooses from: those of one listener, numbered in configuration
 * order.
 *
 * Other threads may change everything but the names and the order at any time. Which upstreams are
 * open and what they weigh changes rarely, and `version` says when: balancers keep what they derive
 * from it. How many relays run at an upstream and whether it has room is asked at each choice, only
 * of the upstreams that the balancer looks at, and two answers may differ.
 */
export interface Candidates {
  /** 0…65,535. */
  readonly count: number;
  /**
   * An int32 that changes whenever `count`, or the `weight`, `fullWeight` or `isOpen` of any
   * upstream, has changed. What is read after it is at least as new.
   */
  readonly version: number;
  /** Effective weight, a whole number 0…65,536: slow start reduces it. 0 gets no new relays. */
  weight(index: number): number;
  /**
   * The weight that slow start grows to, a whole number 0…65,536, at least {@link weight}. The
   * table of `hash` is built from it, which takes milliseconds, so it must change only when a
   * person changes it. To take an upstream out for a while, set the effective weight to 0, not this
   * one: then only its own clients move.
   */
  fullWeight(index: number): number;
  /** Relays that run there now, in all workers. */
  running(index: number): number;
  /** Whether health and administration allow new relays there. */
  isOpen(index: number): boolean;
  /**
   * Whether an open upstream can take this relay; false if it is full, was already tried for it…
   */
  isFree(index: number): boolean;
  /** Whether some upstreams were already tried for this relay, which is rare. */
  readonly isRetry: boolean;
  /** A stable name, the same for a balancer's lifetime. Hashes depend on it alone. */
  name(index: number): string;
}

/** Chooses an upstream for each new relay. Belongs to one listener of one worker. */
export interface Balancer {
  /**
   * @param hash uint32 of the client's address or another key; only `hash` uses it
   * @returns an index that is open, free and has a weight above 0; −1 if there is none
   */
  choose(candidates: Candidates, hash: number): number;
  /**
   * Continues from the position of the balancer that it replaces. Only balancers that keep a
   * position have it, and they continue only from one of their own kind.
   *
   * @param numbers by index: its index there; −1 for none
   */
  succeed?(before: Balancer, numbers: Int32Array): void;
}
