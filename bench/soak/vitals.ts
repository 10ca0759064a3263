import type { Vital } from "./verdict.ts";

const MIB = 1024 * 1024;

/** A vital's name, and the divisor that makes it readable. */
export const vitals: Readonly<
  Record<Vital, readonly [title: string, unit: string, divisor: number]>
> = {
  rssBytes: ["resident memory", "MiB", MIB],
  heapBytes: ["heap", "MiB", MIB],
  descriptors: ["descriptors", "", 1],
  leased: ["leased segments", "", 1],
};
