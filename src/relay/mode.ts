import type { Mode } from "../config/options.ts";

/** What a listener's mode makes of a stream. */
export interface StreamMode {
  /** There is an upstream to be dialled. */
  readonly dials: boolean;
  /** What the client sends is counted and thrown away. */
  readonly discardsUp: boolean;
  /** What the upstream sends is. */
  readonly discardsDown: boolean;
}

/** By their names in the configuration. */
export const streamModes: Readonly<Record<Mode, StreamMode>> = {
  bidirectional: { dials: true, discardsUp: false, discardsDown: false },
  oneway: { dials: true, discardsUp: false, discardsDown: true },
  sink: { dials: false, discardsUp: true, discardsDown: false },
};
