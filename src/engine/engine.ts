import type { Address, EngineName, ListenerOptions } from "../config/options.ts";
import type { Reason } from "../flow/reason.ts";
import type { UpstreamsObserver } from "../upstream/events.ts";
import { UpstreamTable } from "../upstream/table.ts";
import type { Selection } from "./ending/dropping.ts";
import type { GivenSockets } from "./listening-socket.ts";
import type { MirrorStats } from "./mirror/account.ts";
import type { MirrorDrop, MirrorOutcome } from "./mirror/reason.ts";

export { ListenError, type PortHolder } from "./listen-error.ts";

/**
 * What does the I/O. An engine accepts on listeners, dials upstreams and carries bytes, in the shape
 * that {@link Flow} and {@link Relay} dictate; `test/contract.ts` says what it must do, whatever it
 * is made of. It writes no log and reads no clock for anybody else: what others want to know it tells
 * its {@link EngineObserver} or answers in {@link Engine.stats}.
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
   * (some seconds) is left out, which is told ({@link ProxyObserver.workerSilent}).
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

/** What one direction did. Counts since the relay (or, in totals, the engine) began. */
export interface FlowStats {
  receives: number;
  /** Receives that brought less than one segment. */
  shortReceives: number;
  /** The uring engine counts a send that told nothing when its loop wakes next, a second later at most. */
  sends: number;
  /** Sends of which the target took only a part. */
  shortSends: number;
  /** Times the source was not read because its target was slow. */
  pauses: number;
  /** Times the source was not read because the pool was empty. */
  poolEmpty: number;
  /** Bytes taken from the source. */
  receivedBytes: number;
  /** Bytes that the target's kernel took. */
  sentBytes: number;
  /** Bytes received and thrown away by the mode (`oneway`, `sink`). */
  discardedBytes: number;
  /** Bytes received that no target got: `received = sent + discarded + lost + queued now`. */
  lostBytes: number;
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
export interface RingStats {
  /** Operations that were submitted. */
  submissions: number;
  /** Completions that were seen. */
  completions: number;
  /** Sends that were over silently when they were submitted. */
  silentSends: number;
  /** Receives that found no provided buffer. */
  receivesWithoutBuffer: number;
  /** Turns at the end of which completions waited in the kernel, as their queue was full. */
  overflows: number;
}

/** What the relays of one listener went through with one upstream. */
export interface UpstreamStats {
  /** As it was configured; null in mode `sink`. Of several that were tried, the last one. */
  upstream: string | null;
  /** How many ended for which reason; only reasons that occurred. */
  ended: Partial<Record<Reason, number>>;
  /** Bytes from clients, those of relays that run included. */
  upBytes: number;
  /** Bytes from the upstream, likewise. */
  downBytes: number;
}

/** What one listener has done; listeners with the same name are one. */
export interface ListenerStats {
  /** As {@link RelaySummary.listener}. */
  listener: string;
  accepted: number;
  running: number;
  /** Of those that run: they wait for room at an upstream, or for one that can be reached. */
  waiting: number;
  /**
   * Each upstream that a relay was decided for, in the order of the first. Nothing here ever falls. Of
   * those that the listener has no more the last 256 are kept, or some more.
   */
  upstreams: UpstreamStats[];
}

/** Everything that an engine counts. */
export interface EngineStats {
  engine: EngineName;
  /** Milliseconds since the engine was made. */
  durationMs: number;
  relays: {
    accepted: number;
    running: number;
    ended: number;
    /** How many ended for which reason; only reasons that occurred. */
    reasons: Partial<Record<Reason, number>>;
  };
  up: FlowStats;
  down: FlowStats;
  /** The same by listener and upstream, as far as metrics need it. */
  listeners: ListenerStats[];
  /** Copies to mirrors, by listener and mirror. */
  mirrors: MirrorStats[];
  memory: {
    segmentSize: number;
    segmentCount: number;
    segmentsLeased: number;
    segmentsLeasedMax: number;
    /** Bytes that the pool has taken so far. */
    poolBytes: number;
    /** Bytes that the memory of copies to mirrors has taken so far; it is none of the pool's. */
    mirrorBytes: number;
    /** Bytes of that in which something waits now, in whole segments. */
    mirrorHeldBytes: number;
  };
  loop: {
    /** Passes of the loop that had something to do; an estimate where it was quiet. */
    turns: number;
    /** Events (receives, writable notices, ends, closes, connections) in all turns. */
    events: number;
  };
  /** Null where there is no ring. */
  ring: RingStats | null;
  /** `receiveSegments[n]`: receives that brought up to n segments' worth of bytes; index 1…. */
  receiveSegments: number[];
  /** `sendSegments[n]`: sends of which the target took up to n segments' worth; index 1…. */
  sendSegments: number[];
  /** Times accepting was stopped because descriptors or memory ran out. */
  acceptPauses: number;
  /** Relays whose listener's route function has failed: it threw, was late or answered nonsense. */
  routeFailures: number;
}

/**
 * Told by an engine, synchronously and rarely (never per byte), what somebody may want to know. An
 * observer must not throw and must not call back into the engine.
 */
export interface EngineObserver {
  /**
   * A client was accepted; its upstream is not chosen yet. Told only to an observer that has this
   * method when the engine is made, so that nobody else pays for it.
   */
  relayStarted?(relay: RelaySummary): void;
  relayEnded(relay: RelaySummary): void;
  /** A dial failed; the relay may go on with another upstream. `detail` is the system's word. */
  dialFailed(upstream: string, reason: Reason, detail: string, slot: number): void;
  /** A slab was added to the pool, which has `bytes` now. */
  poolGrew(bytes: number): void;
  /** The pool is empty: reading and accepting wait. */
  poolEmpty(): void;
  /** Segments came back: reading goes on. */
  poolRefilled(): void;
  /** Accepting stopped, because of `cause`, with `relays` running. */
  acceptPaused(cause: "descriptors" | "memory", relays: number): void;
  acceptResumed(): void;
  /** A listener's route function has failed for a relay. @param why in a few words */
  routeFailed?(listener: string, why: string): void;
  /** The copy of a relay was given up; told at most once for a relay. */
  mirrorDropped?(drop: MirrorDrop): void;
  /**
   * Something that was to be told could not be, and who should have heard of it has not: no relay is
   * touched by that. @param error with its stack
   */
  untold?(error: string): void;
}

/** Told by a proxy beside what its engines tell. */
export interface ProxyObserver extends EngineObserver, UpstreamsObserver {
  /**
   * As an engine tells it, and whose upstream it was.
   *
   * @param listener as its upstreams' events call it; missing when it has this upstream no more
   */
  dialFailed(
    upstream: string,
    reason: Reason,
    detail: string,
    slot: number,
    listener?: string,
  ): void;
  /**
   * A worker has met a defect: so many relays of it ended (`worker_failed`), and another one takes
   * its place after so many milliseconds.
   *
   * @param worker 1, 2, 3…
   * @param error with its stack
   */
  workerFailed(worker: number, error: string, relays: number, replacedAfterMs: number): void;
  /**
   * A worker does not answer what it is asked (true): until it does its relays are missing in lists, and
   * when it takes too long it is ended and replaced; or it answers again.
   *
   * @param worker 1, 2, 3…
   */
  workerSilent?(worker: number, isSilent: boolean): void;
}
