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

/** One relay's story: running (`reason` is null) or ended. */
export interface RelaySummary {
  /** 1, 2, 3… in the order of acceptance. */
  id: number;
  /** The listener's name, or else the address that it really accepts on. */
  listener: string;
  /** The client as `host:port`, `unix`, or `unknown` (it had reset before it was accepted). */
  client: string;
  /** The upstream as it was configured; null in mode `sink` and before one was chosen. */
  upstream: string | null;
  /** Milliseconds since 1970. */
  startedAt: number;
  durationMs: number;
  /** Dials that were begun. */
  dials: number;
  /** Milliseconds from acceptance until an upstream answered; null while none has. */
  dialMs: number | null;
  /** Milliseconds from acceptance until the upstream's first byte; null while there is none. */
  firstByteMs: number | null;
  /** It waits now: for room, or for an upstream that can be reached. */
  isWaiting: boolean;
  reason: Reason | null;
  /** What the listener's route function calls it; null for nothing, or nothing yet. */
  label: string | null;
  /** What became of its copy to the listener's mirror so far; null when it is not copied. */
  mirror: MirrorOutcome | null;
  /**
   * Where the client has connected to, as `client`; what a PROXY header says of it that is believed.
   * Null when it is not known.
   */
  local: string | null;
  /** The upstream's address that has answered: of a host name, the one of several. Null while none has. */
  resolved: string | null;
  /** Who has connected, where a PROXY header says that the client is another one; else null. */
  peer: string | null;
  /**
   * How long it has waited so far until an upstream answered, or in vain, in milliseconds: for room, or
   * held until one could be reached. 0 when it did not have to.
   */
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

/** What an io_uring has done. */
export type RingStats = Values<typeof ringFigures>;

/** What the relays of one listener went through with one upstream. */
export interface UpstreamStats extends Values<typeof upstreamFigures> {
  /** As it was configured; null in mode `sink`. Of several that were tried, the last one. */
  upstream: string | null;
  /** How many ended for which reason; only reasons that occurred. */
  ended: Occurred<Reason>;
}

/** What one listener has done; listeners with the same name are one. */
export interface ListenerStats extends Values<typeof listenerFigures> {
  /** As {@link RelaySummary.listener}. */
  listener: string;
  /**
   * Each upstream that a relay was decided for, in the order of the first. Nothing here ever falls. Of
   * those that the listener has no more the last 256 are kept, or some more.
   */
  upstreams: UpstreamStats[];
}

/** Everything that an engine counts. */
export interface EngineStats extends Values<typeof engineFigures> {
  engine: EngineName;
  /** Milliseconds since the engine was made. */
  durationMs: number;
  relays: Values<typeof relayFigures> & {
    /** How many ended for which reason; only reasons that occurred. */
    reasons: Occurred<Reason>;
  };
  up: FlowStats;
  down: FlowStats;
  /** The same by listener and upstream, as far as metrics need it. */
  listeners: ListenerStats[];
  /** Copies to mirrors, by listener and mirror. */
  mirrors: MirrorStats[];
  memory: Values<typeof memoryFigures>;
  loop: Values<typeof loopFigures>;
  /** Null where there is no ring. */
  ring: RingStats | null;
  /** `receiveSegments[n]`: receives that brought up to n segments' worth of bytes; index 1…. */
  receiveSegments: number[];
  /** `sendSegments[n]`: sends of which the target took up to n segments' worth; index 1…. */
  sendSegments: number[];
}
