import { UpstreamTable } from "../upstream/table.ts";

/** One engine's share of the process. */
export interface EngineShare {
  /** Engines that share the process's descriptors, this one included. */
  readonly engines: number;
  /** Descriptors that were open before any engine existed, if they were counted. */
  readonly usedDescriptors?: number;
  /** Its relays have the numbers `first`, `first + engines`, `first + 2 × engines`… */
  readonly first: number;
  /** Memory of the shared upstream table; missing if there is only one engine. */
  readonly upstreams?: SharedArrayBuffer;
  /** Memory of the dial windows; missing if there is only one engine. */
  readonly dials?: SharedArrayBuffer;
}

/** The share of an engine that is alone in the process. */
export const wholeShare: EngineShare = { engines: 1, first: 1 };

/** An engine's view of the upstream table; its own table if it shares none. */
export function upstreamTableOf({ engines, first, upstreams }: EngineShare): UpstreamTable {
  const table = new UpstreamTable(engines, (first - 1) % engines, upstreams);
  if (upstreams === undefined) table.openAll();
  return table;
}
