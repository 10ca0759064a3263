/** What the TTL of an answer is taken for, in milliseconds. */
export interface DnsTtl {
  /** At least this, 1,000 or more. */
  readonly minMs: number;
  /** At most this, no less than `minMs`. */
  readonly maxMs: number;
}

/** What holds unless something else is asked for. */
export const dnsTtlDefaults: DnsTtl = { minMs: 1_000, maxMs: 300_000 };
