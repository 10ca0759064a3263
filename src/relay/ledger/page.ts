import { reasons } from "../../base/reason.ts";
import type { EngineName } from "../../config/options.ts";
import { mirrorFigures, upstreamFigures } from "../../counts/figures.ts";
import { dropReasons } from "../mirror/reason.ts";

/**
 * Figures that one thread writes and all may read while it does: nobody is woken or waited for.
 *
 * Numbers are read one by one, each as it was at some moment: a number has eight bytes and lies on a
 * multiple of eight, so that the processors that we run on (x86-64, arm64) write and read it whole.
 * What is read of two numbers need not have been true at the same time.
 */
export type Numbers = Float64Array<SharedArrayBuffer>;

/** So many numbers, all 0. */
export function sharedNumbers(count: number): Numbers {
  return new Float64Array(new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT));
}

/** Numbers of an upstream's page: reasons stand behind its figures, in their order. */
export const UPSTREAM_NUMBERS = upstreamFigures.size + reasons.length;

/** Numbers of a mirror's page, likewise: why copies were given up. */
export const MIRROR_NUMBERS = mirrorFigures.size + dropReasons.length;

/**
 * What all flows of a direction come to, by `FlowCount`. Those whose target is nobody are added up
 * apart: what they send is thrown away.
 */
export interface FlowTotals {
  readonly up: Numbers;
  readonly down: Numbers;
  readonly discardedUp: Numbers;
  readonly discardedDown: Numbers;
}

/** What an engine counts as a whole. */
export interface EnginePage {
  readonly kind: "engine";
  readonly engine: EngineName;
  /** By {@link Count}. */
  readonly counts: Numbers;
  /** How many relays ended for which reason, in the order of `reasons`. */
  readonly reasons: Numbers;
  readonly flows: FlowTotals;
  /** See {@link EngineStats}. */
  readonly receiveSegments: Numbers;
  readonly sendSegments: Numbers;
}

/** What is counted of a listener, or of all that have the same name. */
export interface ListenerPage {
  readonly kind: "listener";
  readonly listener: string;
  /** By {@link ListenerCount}. */
  readonly counts: Numbers;
}

/** What is counted of a listener's relays with one upstream. */
export interface UpstreamPage {
  readonly kind: "upstream";
  readonly listener: string;
  /** As it was configured; null for none. */
  readonly upstream: string | null;
  /** {@link UPSTREAM_NUMBERS} of them, by {@link UpstreamCount}. */
  readonly counts: Numbers;
}

/** What is counted of the copies of a listener's relays to one mirror. */
export interface MirrorPage {
  readonly kind: "mirror";
  readonly listener: string;
  /** As it was configured. */
  readonly mirror: string;
  /** {@link MIRROR_NUMBERS} of them, by {@link MirrorCount}. */
  readonly counts: Numbers;
}

/** Numbers and what they are of: what a thread has to know to read what another one counts. */
export type Page = EnginePage | ListenerPage | UpstreamPage | MirrorPage;
