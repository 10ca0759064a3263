import { UpstreamTable } from "../upstream/table.ts";

/** What a worker's engine may have of a process in which there are others. */
export interface EngineShare {
  /** Workers of the same engine, this one included. */
  readonly engines: number;
  /**
   * Descriptors that the process had open before there was any worker; missing where nobody has
   * counted.
   */
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
  /** What all of them know of upstreams; missing where there is one engine that knows it alone. */
  readonly upstreams?: SharedArrayBuffer;
  /** By which those that dial know of each other; missing where there is one engine. */
  readonly dials?: SharedArrayBuffer;
}

/** An engine that has the process to itself. */
export const wholeShare: EngineShare = { engines: 1, first: 1 };

/** An engine's view of what is known of upstreams: of its own where it shares that with nobody. */
export function upstreamTableOf({ engines, first, place, upstreams }: EngineShare): UpstreamTable {
  const own = (first - 1) % engines;
  const { worker, workers } = place ?? { worker: own, workers: engines };
  const table = new UpstreamTable(workers, worker, upstreams, own / engines);
  if (upstreams === undefined) table.openAll();
  return table;
}
