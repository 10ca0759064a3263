import type { Address } from "../base/address.ts";
import type { EngineName, ListenerOptions } from "../config/options.ts";
import type { Selection } from "../relay/ending/dropping.ts";
import type { EngineStats, RelaySummary } from "../relay/ledger/stats.ts";
import type { GivenSockets } from "./listening-socket.ts";

/**
 * What does the I/O. An engine accepts on listeners, dials upstreams and carries bytes, in the shape
 * that {@link Flow} and {@link Relay} dictate; `test/contract/contract.ts` says what it must do, whatever it
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

/** An engine whose listeners another one can take over. */
export interface MovableEngine extends Engine {
  listen(options: ListenerOptions, given?: GivenSockets): Promise<MovableListening>;
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
