import type { Reason } from "../../base/reason.ts";
import type { EngineName } from "../../config/options.ts";
import type { Values } from "../../counts/figure.ts";
import type {
  engineFigures,
  FlowStats,
  listenerFigures,
  loopFigures,
  memoryFigures,
  relayFigures,
  ringFigures,
  upstreamFigures,
} from "../../counts/figures.ts";
import type { Occurred } from "../../counts/occurred.ts";
import type { MirrorStats } from "../mirror/account.ts";
import type { MirrorOutcome } from "../mirror/reason.ts";
import type { ValkeyStats } from "./valkey-stats.ts";

/** One relay's story: running (`reason` is null) or ended. */
export interface RelaySummary {
  /** 1, 2, 3… in the order of acceptance. */
  id: number;
  /** The listener's name, or its bound address if it has none. */
  listener: string;
  /** The client as `host:port`, `unix`, or `unknown` (it had reset before it was accepted). */
  client: string;
  /** The upstream as it was configured; null in mode `sink` and before one was chosen. */
  upstream: string | null;
  /** Milliseconds since 1970. */
  startedAt: number;
  durationMs: number;
  dials: number;
  /** Milliseconds from acceptance until an upstream answered; null before. */
  dialMs: number | null;
  /** Milliseconds from acceptance until the upstream's first byte; null before. */
  firstByteMs: number | null;
  /** It waits now: for room, or for an upstream that can be reached. */
  isWaiting: boolean;
  reason: Reason | null;
  /** The label that the listener's route function gave it; null without one. */
  label: string | null;
  /** What became of its copy to the listener's mirror so far; null if it is not copied. */
  mirror: MirrorOutcome | null;
  /**
   * The address that the client connected to, as for `client`, or what a trusted PROXY header says.
   * Null if it is unknown.
   */
  local: string | null;
  /** The address of the upstream that has answered, one of several for a host name; null before. */
  resolved: string | null;
  /** The address that has connected, if a PROXY header named another client; else null. */
  peer: string | null;
  /** Milliseconds that it has waited so far: for room, or for an upstream that can be reached. */
  waitedMs: number;
  /** The label of the listener's route that it has come by; null for none. */
  route: string | null;
  /** The host name that its client asks for in its ClientHello (SNI); null if that is not known. */
  tlsName: string | null;
  /** The application protocols that its client offers there (ALPN), with commas, likewise. */
  tlsAlpn: string | null;
  /** What its TLS handshake has agreed on; null where none ended here. */
  tlsVersion: string | null;
  tlsCipher: string | null;
  /** An earlier session was resumed. */
  tlsResumed: boolean | null;
  /** Who the client has proved to be: its certificate's common name, or else its first name. */
  tlsClient: string | null;
  up: FlowStats;
  down: FlowStats;
}

/** The figures of an io_uring. */
export type RingStats = Values<typeof ringFigures>;

/** The figures of a listener's relays with one upstream. */
export interface UpstreamStats extends Values<typeof upstreamFigures> {
  /** As it was configured; null in mode `sink`. If several were tried, the last one. */
  upstream: string | null;
  /** How many relays ended for each reason; only reasons that occurred. */
  ended: Occurred<Reason>;
}

/** The figures of a listener; listeners with the same name count as one. */
export interface ListenerStats extends Values<typeof listenerFigures> {
  /** As {@link RelaySummary.listener}. */
  listener: string;
  /**
   * Each upstream that was decided for a relay, in order of the first. Counters never fall. At
   * least the last 256 upstreams that the listener no longer has are kept.
   */
  upstreams: UpstreamStats[];
  /** Null unless its mode is `valkey`. */
  valkey: ValkeyStats | null;
}

/** All figures of an engine. */
export interface EngineStats extends Values<typeof engineFigures> {
  engine: EngineName;
  /** Milliseconds since the engine was made. */
  durationMs: number;
  relays: Values<typeof relayFigures> & {
    /** How many ended for each reason; only reasons that occurred. */
    reasons: Occurred<Reason>;
  };
  up: FlowStats;
  down: FlowStats;
  listeners: ListenerStats[];
  mirrors: MirrorStats[];
  memory: Values<typeof memoryFigures>;
  loop: Values<typeof loopFigures>;
  ring: RingStats | null;
  /** `receiveSegments[n]`: receives that brought up to n segments' worth of bytes; index 1…. */
  receiveSegments: number[];
  /** `sendSegments[n]`: sends that moved up to n segments' worth; index 1…. */
  sendSegments: number[];
}
