import { assert } from "../../assert.ts";
import type { Command } from "./command-table.ts";

/** What is done with a request now. */
export enum Move {
  /** It goes out on the shared connection, and a reply is owed from there. */
  Share,
  /** It goes out on the session's own connection, and a reply is owed from there. */
  Own,
  /** The session needs a connection of its own: ask again once it is {@link Session.leased}. */
  Lease,
  /** ringway answers it. */
  Here,
  /** Not yet: ask again after the next reply. Until then no further request is looked at. */
  Wait,
  /** From now on client and own connection are relayed as they are, this request first. */
  Relay,
}

/**
 * What one client has asked for and is owed, and on which connection: it decides, and sends nothing.
 *
 *     shared ──── a command that needs its own, once nothing is owed ────► leased ─────► relayed
 *        ▲                                                                    │    a command whose
 *        └── nothing is owed, and the connection has no state of the client ──┘    replies cannot be counted
 *
 * Invariants: replies are owed by one connection at a time, so that they come in order; a connection that may be
 * released has neither a transaction nor a watched key of the client, and nobody waits on it.
 *
 * Owner: one client. Has no I/O and no clock.
 */
export class Session {
  /** Replies that are owed, from whichever connection. */
  owed = 0;
  private isLeased = false;
  /** Client and own connection are relayed as they are. */
  isRelayed = false;
  /** The upstream queues what comes, for EXEC. */
  isInTransaction = false;
  private isWatching = false;
  /** The connection may have state that nobody knows of: it is closed, and not used by others. */
  private isDirty = false;
  /** What was sent on the own connection and has no reply yet, in order. */
  private readonly sent: Command[] = [];

  /** The client has a connection of its own. */
  get hasOwn(): boolean {
    return this.isLeased;
  }

  /** The own connection has no state of the client, and others may use it. */
  get mayRelease(): boolean {
    return this.isLeased && !this.isRelayed && this.owed === 0 && !this.isStateful;
  }

  /**
   * A request came. Only {@link Move.Share}, {@link Move.Own} and {@link Move.Relay} change something: with the
   * others it is asked about again.
   *
   * @param isLarge it would keep others waiting on the shared connection
   */
  requested(command: Command, isLarge = false): Move {
    assert(!this.isRelayed, "requested: nobody reads what a relayed client asks");
    // Whether the transaction is over is known once its end is answered.
    if (command.way === "here" && this.isSent("exec")) return Move.Wait;
    if (this.isHere(command)) return this.owed === 0 ? Move.Here : Move.Wait;
    if (this.isLeased) return this.requestedOwn(command);
    if (command.way === "share" && !isLarge) {
      this.owed++;
      return Move.Share;
    }
    return this.owed === 0 ? Move.Lease : Move.Wait;
  }

  /** A command that may wait for ever has no reply yet. */
  get isBlocked(): boolean {
    return this.isSent("blocks");
  }

  /** It has a connection of its own from now on. */
  leased(): void {
    assert(this.owed === 0 && !this.isLeased, "leased: nothing is owed from another connection");
    this.isLeased = true;
  }

  /** Its own connection is given back, or lost. @returns replies that were owed and will not come */
  released(): number {
    const { owed } = this;
    this.isLeased = false;
    this.isRelayed = false;
    this.isInTransaction = false;
    this.isWatching = false;
    this.isDirty = false;
    this.sent.length = 0;
    this.owed = 0;
    return owed;
  }

  /** The reply that has been owed longest will not come. */
  lost(): void {
    assert(this.owed > 0, "lost: a reply is owed");
    this.owed--;
    if (this.isLeased) this.sent.shift();
  }

  /**
   * A reply came to the request that has waited longest.
   *
   * @param errorText the beginning of an error, `EXECABORT Transaction…`; null for any other reply
   */
  replied(errorText: string | null): void {
    assert(this.owed > 0, "replied: a reply is owed");
    this.owed--;
    if (this.isLeased) this.learn(this.sent.shift() as Command, errorText);
  }

  /**
   * In a transaction Valkey queues what ringway would answer, and a connection with any state of the client has to
   * change its identity itself. The end of a session is never queued.
   */
  private isHere({ state, way }: Command): boolean {
    if (way !== "here") return false;
    if (state === "reset" || state === "quit") return true;
    return state === "identity" ? !this.isStateful : !this.isInTransaction;
  }

  /** The own connection has a transaction, watched keys, or something that nobody knows of. */
  get isStateful(): boolean {
    return this.isInTransaction || this.isWatching || this.isDirty;
  }

  private requestedOwn(command: Command): Move {
    if (command.way === "relay") {
      if (this.owed > 0) return Move.Wait;
      this.isRelayed = true;
      return Move.Relay;
    }
    this.owed++;
    this.sent.push(command);
    const { state, way } = command;
    if (state === "multi") this.isInTransaction = true;
    if (state === "watch") this.isWatching = true;
    // A SELECT, say, that a transaction does later.
    if (way === "here") this.isDirty = true;
    return Move.Own;
  }

  private learn({ state }: Command, errorText: string | null): void {
    if (state === "unwatch" && errorText === null) this.isWatching = this.isSent("watch");
    if (state !== "exec" || !this.isInTransaction) return;
    const hasEnded = errorText === null || errorText.startsWith("EXECABORT");
    if (hasEnded) {
      this.isInTransaction = this.isSent("multi");
      this.isWatching = this.isSent("watch");
      return;
    }
    // The transaction is open still, or there was none: nobody knows.
    this.isDirty = true;
  }

  /** Whether such a command waits for its reply, so that its state is yet to come. */
  private isSent(state: Command["state"]): boolean {
    return this.sent.some((command) => command.state === state);
  }
}
