import { reasons } from "../../base/reason.ts";
import type { EngineName } from "../../config/options.ts";
import { commandFigures, mirrorFigures, upstreamFigures } from "../../counts/figures.ts";
import { LATENCY_BUCKETS } from "../../counts/latency.ts";
import { dropReasons } from "../mirror/reason.ts";

/**
 * Figures that one thread writes and any thread reads at the same time, without locks or wake-ups.
 *
 * Each number is read as a whole, because x86-64 and arm64 read and write eight aligned bytes at
 * once. Two numbers may be from different moments.
 */
export type Numbers = Float64Array<SharedArrayBuffer>;

/** Makes this many numbers, all 0. */
export function sharedNumbers(count: number): Numbers {
  return new Float64Array(new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT));
}

/** Numbers of an upstream's page: its figures, then one for each reason. */
export const UPSTREAM_NUMBERS = upstreamFigures.size + reasons.length;

/** Numbers of a mirror's page: its figures, then one for each drop reason. */
export const MIRROR_NUMBERS = mirrorFigures.size + dropReasons.length;

/** Numbers of a command's page: its figures, then the times at the upstream and those before. */
export const COMMAND_NUMBERS = commandFigures.size + 2 * LATENCY_BUCKETS;

/** Sums over all flows of a direction, by `FlowCount`. Flows that discard are summed separately. */
export interface FlowTotals {
  readonly up: Numbers;
  readonly down: Numbers;
  readonly discardedUp: Numbers;
  readonly discardedDown: Numbers;
}

/** The figures of an engine as a whole. */
export interface EnginePage {
  readonly kind: "engine";
  readonly engine: EngineName;
  /** By {@link Count}. */
  readonly counts: Numbers;
  /** How many relays ended for each reason, in the order of `reasons`. */
  readonly reasons: Numbers;
  readonly flows: FlowTotals;
  readonly receiveSegments: Numbers;
  readonly sendSegments: Numbers;
}

/** The figures of a listener, or of all with the same name. */
export interface ListenerPage {
  readonly kind: "listener";
  readonly listener: string;
  /** By {@link ListenerCount}. */
  readonly counts: Numbers;
}

/** The figures of a listener's relays with one upstream. */
export interface UpstreamPage {
  readonly kind: "upstream";
  readonly listener: string;
  /** As it was configured; null for none. */
  readonly upstream: string | null;
  /** {@link UPSTREAM_NUMBERS} of them, by {@link UpstreamCount}. */
  readonly counts: Numbers;
}

/** The figures of a listener's copies to one mirror. */
export interface MirrorPage {
  readonly kind: "mirror";
  readonly listener: string;
  readonly mirror: string;
  /** {@link MIRROR_NUMBERS} of them, by {@link MirrorCount}. */
  readonly counts: Numbers;
}

/** Commands that stood out; see `command-log.ts`. */
export interface CommandLogPage {
  readonly numbers: Numbers;
  readonly texts: Uint8Array<SharedArrayBuffer>;
}

/** What a listener of mode `valkey` has beside its other figures. */
export interface ValkeyPage {
  readonly kind: "valkey";
  readonly listener: string;
  /** By {@link ValkeyCount}. */
  readonly counts: Numbers;
  readonly slow: CommandLogPage;
  readonly biggest: CommandLogPage;
}

/** The figures of a command of such a listener. */
export interface CommandPage {
  readonly kind: "command";
  readonly listener: string;
  /** In capitals, with its subcommand; `other` for all that are unknown. */
  readonly command: string;
  /** {@link COMMAND_NUMBERS} of them, by {@link CommandCount}. */
  readonly counts: Numbers;
}

/** Numbers and what they belong to. With it a thread can read the figures of another one. */
export type Page = EnginePage | ListenerPage | UpstreamPage | MirrorPage | ValkeyPage | CommandPage;
