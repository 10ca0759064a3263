/**
 * What a choice is made from: the upstreams of one listener, numbered in the order of the
 * configuration.
 *
 * Everything but the names and the order may change at any time, by other threads. Who is open and
 * what they weigh changes seldom, and `version` tells when: balancers keep what they have made of it.
 * How many relays run somewhere and who has room they ask at each choice, of the few that they look
 * at, and none relies on two answers being alike.
 */
export interface Candidates {
  /** 0…65,535. */
  readonly count: number;
  /**
   * Another int32 whenever `count`, or for any of them `weight`, `fullWeight` or `isOpen`, has become
   * another. What is read after it is as new as it, or newer.
   */
  readonly version: number;
  /** Effective weight, a whole number 0…65,536: slow start scales it. 0 gets nobody new. */
  weight(index: number): number;
  /**
   * The weight without slow start, a whole number 0…65,536, at least {@link weight}: what that grows
   * to. The table of `hash` is built from it, which takes milliseconds, so it must change only when a
   * person changes it. To take an upstream out for a while, let its weight be 0 rather than this one:
   * then nobody moves but its own clients.
   */
  fullWeight(index: number): number;
  /** Relays that run there now, of all workers. */
  running(index: number): number;
  /** May new relays go there, as far as health and administration say? */
  isOpen(index: number): boolean;
  /** May this one, of those that are open? false: full, already tried for this relay… */
  isFree(index: number): boolean;
  /** Whether some are not free because they were tried for this relay: a seldom case. */
  readonly isRetry: boolean;
  /** A stable name, the same as long as a balancer lives. What is hashed to it depends on nothing else. */
  name(index: number): string;
}

/** Chooses an upstream for each new relay. Belongs to one listener of one worker. */
export interface Balancer {
  /**
   * @param hash uint32, of the client's address or another key; only `hash` looks at it
   * @returns an index that is open, free and has a weight above 0, or −1 when there is none
   */
  choose(candidates: Candidates, hash: number): number;
  /**
   * Goes on where another one stands, whose place it takes; only those have it that keep a position,
   * and they go on from their own kind alone.
   *
   * @param numbers by index: which one it was there; −1 for none
   */
  succeed?(before: Balancer, numbers: Int32Array): void;
}
