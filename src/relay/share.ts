import { UpstreamTable } from "../upstream/table.ts";

/** One worker's share of the process. */
export interface EngineShare {
  /** Workers of the same engine, this one included. */
  readonly engines: number;
  /** Descriptors that were open before any engine existed, if they were counted. */
  readonly usedDescriptors?: number;
  /** Its relays have the numbers `first`, `first + engines`, `first + 2 × engines`… */
  readonly first: number;
  /**
   * Its number, from 0, among all workers that the process may have on any engine. Missing if there is
   * one engine: then `first` and `engines` say it.
   */
  readonly place?: { readonly worker: number; readonly workers: number };
  /**
   * How many workers share the process's descriptors now: an int32 that the control plane writes.
   * Missing if these are `engines`.
   */
  readonly sharing?: SharedArrayBuffer;
  /** Memory of the shared upstream table; missing if there is only one engine. */
  readonly upstreams?: SharedArrayBuffer;
  /** Memory of the dial windows; missing if there is only one engine. */
  readonly dials?: SharedArrayBuffer;
}

/** The share of an engine that is alone in the process. */
export const wholeShare: EngineShare = { engines: 1, first: 1 };

/** An engine's view of the upstream table; its own table if it shares none. */
export function upstreamTableOf({ engines, first, place, upstreams }: EngineShare): UpstreamTable {
  const own = (first - 1) % engines;
  const { worker, workers } = place ?? { worker: own, workers: engines };
  const table = new UpstreamTable(workers, worker, upstreams, own / engines);
  if (upstreams === undefined) table.openAll();
  return table;
}
