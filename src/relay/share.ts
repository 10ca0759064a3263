import { UpstreamTable } from "../upstream/table.ts";

/** What an engine may have of a process in which there are others. */
export interface EngineShare {
  /** Engines that share the process's descriptors, this one included. */
  readonly engines: number;
  /** Descriptors that the process had open before there was any of them; missing where nobody has counted. */
  readonly usedDescriptors?: number;
  /** Its relays have the numbers `first`, `first + engines`, `first + 2 × engines`… */
  readonly first: number;
  /** What all of them know of upstreams; missing where there is one engine that knows it alone. */
  readonly upstreams?: SharedArrayBuffer;
  /** By which those that dial know of each other; missing where there is one engine. */
  readonly dials?: SharedArrayBuffer;
}

/** An engine that has the process to itself. */
export const wholeShare: EngineShare = { engines: 1, first: 1 };

/** An engine's view of what is known of upstreams: of its own where it shares that with nobody. */
export function upstreamTableOf({ engines, first, upstreams }: EngineShare): UpstreamTable {
  const table = new UpstreamTable(engines, (first - 1) % engines, upstreams);
  if (upstreams === undefined) table.openAll();
  return table;
}
