import type { Mode } from "../config/options.ts";

/** What a listener's mode means for a stream. */
export interface StreamMode {
  readonly dials: boolean;
  /** Whether bytes of the client are counted and discarded. */
  readonly discardsUp: boolean;
  /** Whether bytes of the upstream are. */
  readonly discardsDown: boolean;
}

/** The modes by their names in the configuration. */
export const streamModes: Readonly<Record<Mode, StreamMode>> = {
  bidirectional: { dials: true, discardsUp: false, discardsDown: false },
  oneway: { dials: true, discardsUp: false, discardsDown: true },
  sink: { dials: false, discardsUp: true, discardsDown: false },
  // Not relayed as a stream: ringway reads what clients and upstreams say.
  valkey: { dials: true, discardsUp: false, discardsDown: false },
};
