import { UpstreamTable } from "../upstream/table.ts";

/** One engine's share of the process. */
export interface EngineShare {
  /** Workers of the same engine, this one included. */
  readonly engines: number;
  /** Descriptors that were open before any engine existed, if they were counted. */
  readonly usedDescriptors?: number;
  /** Its relays have the numbers `first`, `first + engines`, `first + 2 × engines`… */
  readonly first: number;
  /**
   * Which worker it is, from 0, of all that the process may have, whatever their engines; missing
   * where they are all of one engine: then `first` and `engines` say it.
   */
  readonly place?: { readonly worker: number; readonly workers: number };
  /**
   * The number of workers that share the process's descriptors now, as an int32 that the control
   * plane writes; missing where these are `engines`.
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
