/** The bounds of an answer's TTL, in milliseconds. */
export interface DnsTtl {
  /** Shorter TTLs count as this, 1,000 or more. */
  readonly minMs: number;
  /** Longer TTLs count as this, at least `minMs`. */
  readonly maxMs: number;
}

/** The default bounds. */
export const dnsTtlDefaults: DnsTtl = { minMs: 1_000, maxMs: 300_000 };
