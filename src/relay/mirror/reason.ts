/**
 * Why a copy of a relay may be given up: one word for the log, the access log and the metrics. The words
 * are stable; new ones may be added at the end.
 */
export const dropReasons = [
  /** More of it waited than may. */
  "slow",
  /** The memory that all copies of a worker share had run out. */
  "memory",
  /** The mirror did not answer the dial, or is left alone for a while because of that. */
  "unreachable",
  /** The mirror has reset the connection, or closed it before the last byte. */
  "reset",
  /** The mirror has taken nothing for long, or not the rest soon after the relay's end. */
  "timeout",
  /** Relays need the descriptor. */
  "descriptors",
  /** The proxy was stopped. */
  "stopped",
  /** The mirror turned out to be something that this very process listens on. */
  "own_address",
  /** DNS has answered with addresses only that it may not answer with. */
  "dns_denied",
] as const;

export type DropReason = (typeof dropReasons)[number];

/** What became of a relay's copy so far: nothing of it was lost, or why it was given up. */
export type MirrorOutcome = "mirrored" | DropReason;

/** A copy that was given up; its relay goes on without. */
export interface MirrorDrop {
  /** The listener's name, or else the address that it accepts on. */
  readonly listener: string;
  /** As it was configured. */
  readonly mirror: string;
  /** The relay's number. */
  readonly relay: number;
  readonly reason: DropReason;
  /** The system's own word, such as ECONNREFUSED; may be empty. */
  readonly detail: string;
}
