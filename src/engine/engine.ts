import type { Address, EngineName, ListenerOptions } from "../config/options.ts";
import type { Values } from "../counts/figure.ts";
import type {
  engineFigures,
  FlowStats,
  listenerFigures,
  loopFigures,
  memoryFigures,
  relayFigures,
  ringFigures,
  upstreamFigures,
} from "../counts/figures.ts";
import type { Occurred } from "../counts/occurred.ts";
import type { Reason } from "../flow/reason.ts";
import { UpstreamTable } from "../upstream/table.ts";
import type { Selection } from "./ending/dropping.ts";
import type { GivenSockets } from "./listening-socket.ts";
import type { MirrorStats } from "./mirror/account.ts";
import type { MirrorOutcome } from "./mirror/reason.ts";

/**
 * What does the I/O. An engine accepts on listeners, dials upstreams and carries bytes, in the shape
 * that {@link Flow} and {@link Relay} dictate; `test/contract.ts` says what it must do, whatever it
 * is made of. It writes no log and reads no clock for anybody else: what others want to know it tells
 * its {@link Observer} or answers in {@link Engine.stats}.
 */
export interface Engine {
  readonly name: EngineName;
  /**
   * Starts to accept on an address.
   *
   * @param given listen there already; the engine owns them from now on. Linux only
   * @throws ListenError when it cannot be bound
   */
  listen(options: ListenerOptions, given?: GivenSockets): Promise<Listening>;
  /**
   * Stops accepting at once and lets running relays finish.
   *
   * @param drainTimeoutMs after so many milliseconds relays that still run are cut (`drain`);
   *   0 cuts them at once. A second call with less time shortens the wait.
   * @returns how many were cut in that way, when no relay is left
   */
  stop(drainTimeoutMs: number): Promise<number>;
  /** Figures as of now: those of ended relays plus those of running ones. Nobody is asked for them. */
  stats(): EngineStats;
  /**
   * The relays that run now, oldest first. Workers are asked for them; one that does not answer in time
   * (some seconds) is left out, which is told (`workerSilent`).
   */
  relays(): Promise<RelaySummary[]>;
  /** Asks each worker whether it accepts. Settles within a second, whatever a worker does. */
  acceptance(): Promise<Acceptance>;
  /** Ends a relay now (`admin`), if it still runs. */
  cut(relay: number): void;
  /**
   * Ends the relays of an upstream (`upstream_gone`) or of a listener (`drain`): those that are idle by
   * a FIN, spread over the time, the others when it is over. Those that only dial the upstream go on
   * with another one.
   *
   * @param withinMs 0 for now; null when those that were to end so, and still run, are to go on
   */
  drop(selection: Selection, withinMs: number | null): void;
}

/** Whether clients are accepted. */
export interface Acceptance {
  /**
   * `paused`: descriptors or memory have run out, so that clients wait. `absent`: some worker has not
   * answered, or is no more, so that some clients would find nobody.
   */
  readonly state: "accepts" | "paused" | "absent";
  /** What keeps from accepting, as a clause; empty when nothing does. */
  readonly why: string;
}

/** All is well. */
export const accepts: Acceptance = { state: "accepts", why: "" };
/** Clients wait in the kernel's queue. */
export const paused: Acceptance = {
  state: "paused",
  why: "accepting is paused, as descriptors or memory have run out",
};

/** A listener that accepts. */
export interface Listening {
  /** The address that it really accepts on, with the port that the system picked. */
  readonly address: Address;
  /**
   * From now on clients get these options, but for the address; relays that run keep theirs.
   *
   * @returns when nobody new gets the options before
   */
  update(options: ListenerOptions): Promise<void>;
  /**
   * Accepts who has connected already, and then nobody. Relays that run go on.
   *
   * @returns when that is so
   */
  close(): Promise<void>;
}

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

/** The listener of the same proxy that has a port already. */
export interface PortHolder {
  readonly address: Address;
  /** The reload that wants the port closes it, but only when everything new is open. */
  readonly isGoing: boolean;
}

/** An address could not be listened on. `code` is the system's, such as EADDRINUSE or EACCES. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  constructor(
    readonly address: Address,
    readonly code: string,
    message: string,
    /** Who has the port, if the proxy itself has it. */
    readonly holder: PortHolder | null = null,
  ) {
    super(message);
  }
}

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
