import type { Mode } from "../config/options.ts";

/** What a listener's mode means for a stream. */
export interface StreamMode {
  /** Whether an upstream is dialled. */
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
};
