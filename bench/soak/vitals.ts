import type { Vital } from "./verdict.ts";

const MIB = 1024 * 1024;

/** How a vital is called, and what it is divided by to be read. */
export const vitals: Readonly<
  Record<Vital, readonly [title: string, unit: string, divisor: number]>
> = {
  rssBytes: ["resident memory", "MiB", MIB],
  heapBytes: ["heap", "MiB", MIB],
  descriptors: ["descriptors", "", 1],
  leased: ["leased segments", "", 1],
};
