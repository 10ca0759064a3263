/**
 * Why a copy was given up: one word for the log, the access log and the metrics. The words are
 * stable; new ones may be added at the end.
 */
export const dropReasons = [
  "slow",
  "memory",
  "unreachable",
  "reset",
  "timeout",
  "descriptors",
  "stopped",
  "own_address",
  "dns_denied",
] as const;

/** What each reason means; docs/mirror.md shows it. */
export const dropTexts: Readonly<Record<DropReason, string>> = {
  slow: "More of the relay waited than `mirrorBuffer` allows.",
  memory: "The 64 MiB that all copies of a worker share were used up.",
  unreachable:
    "The mirror did not answer the dial, or an earlier one and ringway pauses its dials.",
  reset: "The mirror reset the connection, or closed it before the last byte.",
  timeout: "The mirror took nothing for 10 s, or not all within 5 s after the relay's end.",
  descriptors: "File descriptors became scarce, and relays need them.",
  stopped: "ringway was stopped.",
  own_address: "The mirror is an address that ringway itself listens on.",
  dns_denied: "DNS answered only with addresses that `dnsAllow` forbids.",
};

export type DropReason = (typeof dropReasons)[number];

/** What became of a relay's copy so far: `mirrored` if nothing was lost, or why it was given up. */
export type MirrorOutcome = "mirrored" | DropReason;

/** A copy that was given up; its relay goes on without it. */
export interface MirrorDrop {
  /** The listener's name, or its address if it has none. */
  readonly listener: string;
  /** As it was configured. */
  readonly mirror: string;
  /** The relay's number. */
  readonly relay: number;
  readonly reason: DropReason;
  /** The system's error code, such as ECONNREFUSED; may be empty. */
  readonly detail: string;
}
