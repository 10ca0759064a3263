import { median } from "../measure/summary.ts";

/** One look at the proxy. */
export interface Sample {
  /** Since the soak's start. */
  readonly seconds: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly descriptors: number;
  readonly leased: number;
  readonly relays: number;
}

/** The figures that are watched. */
export type Vital = "rssBytes" | "heapBytes" | "descriptors" | "leased";

/** Whether one of them still grows. */
export interface Verdict {
  readonly vital: Vital;
  /** The median of the second quarter and of the last one, under the same load. */
  readonly early: number;
  readonly late: number;
  readonly grows: boolean;
}

/**
 * Growth below this does not count: a garbage collector or a coincidence of loads causes as much.
 */
const SLACK: Readonly<Record<Vital, number>> = {
  rssBytes: 8 * 1024 * 1024,
  heapBytes: 4 * 1024 * 1024,
  descriptors: 20,
  leased: 16,
};
/** Growth in proportion that counts, when it is beyond the slack too. */
const SHARE = 0.05;

/**
 * Judges each vital by how it stood in the second quarter, when everything had been used once, and
 * in the last one. A leak grows with time under a load that does not.
 */
export function judge(samples: readonly Sample[]): Verdict[] {
  const quarter = Math.floor(samples.length / 4);
  return (Object.keys(SLACK) as Vital[]).map((vital) => {
    const values = samples.map((sample) => sample[vital]);
    const early = median(values.slice(quarter, 2 * quarter));
    const late = median(values.slice(-Math.max(1, quarter)));
    const grows = late > early * (1 + SHARE) && late > early + SLACK[vital];
    return { vital, early, late, grows };
  });
}
