import type { Address } from "../base/address.ts";
import type { EngineName, ListenerOptions } from "../config/options.ts";
import type { Selection } from "../relay/ending/dropping.ts";
import type { EngineStats, RelaySummary } from "../relay/ledger/stats.ts";
import type { GivenSockets } from "./listening-socket.ts";

/**
 * Does the I/O: accepts on listeners, dials upstreams and carries bytes, as {@link Flow} and
 * {@link Relay} decide. `test/contract/contract.ts` says what every engine must do. An engine
 * writes no log: it reports events to its {@link Observer} and figures in {@link Engine.stats}.
 */
export interface Engine {
  readonly name: EngineName;
  /**
   * Starts to accept on an address.
   *
   * @param given sockets that already listen there, which the engine owns from now on. Linux only
   * @throws ListenError if the address cannot be bound
   */
  listen(options: ListenerOptions, given?: GivenSockets): Promise<Listening>;
  /**
   * Stops accepting at once and lets running relays finish.
   *
   * @param drainTimeoutMs after this time the remaining relays are cut (`drain`); 0 cuts them at
   *   once. A second call can only shorten the time
   * @returns once no relay is left, how many were cut
   */
  stop(drainTimeoutMs: number): Promise<number>;
  /** Figures of ended and running relays as of now. Workers are not asked for them. */
  stats(): EngineStats;
  /**
   * The relays that run now, oldest first. Workers are asked for them. One that does not answer
   * within some seconds is left out, and reported (`workerSilent`).
   */
  relays(): Promise<RelaySummary[]>;
  /** Asks each worker whether it accepts. Settles within a second, whatever a worker does. */
  acceptance(): Promise<Acceptance>;
  /** Ends a relay now (`admin`), if it still runs. */
  cut(relay: number): void;
  /**
   * Ends the relays of an upstream (`upstream_gone`) or of a listener (`drain`): idle ones with a
   * FIN, spread over the time, the others at its end. Those that only dial the upstream try another
   * one.
   *
   * @param withinMs 0 for now; null lets those that still run go on
   */
  drop(selection: Selection, withinMs: number | null): void;
}

/** An engine whose listeners another one can take over. */
export interface MovableEngine extends Engine {
  listen(options: ListenerOptions, given?: GivenSockets): Promise<MovableListening>;
}

/** Whether clients are accepted. */
export interface Acceptance {
  /**
   * `paused`: descriptors or memory have run out, so clients wait. `absent`: a worker does not
   * answer or has died, so some clients would not be served.
   */
  readonly state: "accepts" | "paused" | "absent";
  /** Why clients are not accepted, as a clause; empty if they are. */
  readonly why: string;
}

/** Clients are accepted. */
export const accepts: Acceptance = { state: "accepts", why: "" };
/** Clients wait in the kernel's queue. */
export const paused: Acceptance = {
  state: "paused",
  why: "accepting is paused, as descriptors or memory have run out",
};

/** A listener that accepts. */
export interface Listening {
  /** The bound address, with the port that the system chose. */
  readonly address: Address;
  /**
   * New clients get these options, except for the address. Running relays keep theirs.
   *
   * @returns once every new client gets the new options
   */
  update(options: ListenerOptions): Promise<void>;
  /**
   * Accepts clients that have already connected, then closes. Running relays go on.
   *
   * @returns once it is closed
   */
  close(): Promise<void>;
}

/** A listener that another engine can take over. */
export interface MovableListening extends Listening {
  /**
   * Accepts nobody any more, as {@link close}, but the sockets stay open: whoever connects waits in
   * the kernel's queue until somebody else accepts there.
   *
   * @returns the sockets, which are the caller's from now on
   * @throws ListenError when there is no descriptor left for that; then it still accepts
   */
  handOver(): Promise<GivenSockets>;
}
