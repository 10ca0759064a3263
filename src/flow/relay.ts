import { assert } from "../assert.ts";
import { type Reason, Side } from "../base/reason.ts";
import { Effect, type Flow, Phase } from "./flow.ts";

/** The phases of a relay. Operations in flight are not phases: see `dialing` and the flows. */
export enum RelayPhase {
  /** It has no client: its slot may be reused. */
  Free,
  /** It has a client, and its upstream is being dialled. The client's first bytes may arrive. */
  Dialing,
  /** Both ends are connected (or the mode needs no upstream); bytes flow. */
  Relaying,
  /** It is ending: nothing new starts, and operations in flight are joined. */
  Terminating,
}

/** What the engine must do for the relay as a whole: a bit set. */
export enum RelayEffect {
  None = 0,
  /** Dial an upstream; completes with `dialed` or `dialFailed`. */
  Dial = 1,
  /** Start both flows with the upstream that has answered. */
  Begin = 2,
  /** Make everything in flight complete; reset the ends that are still open. */
  Terminate = 4,
  /** Release every segment and descriptor, once; then `free` may be called. */
  Close = 8,
}

/**
 * One accepted connection with its upstream connection: two flows and their life story.
 *
 *     client ──► up ──► upstream          accepted → dialed → (ends, resets) → Terminate
 *     client ◄── down ◄── upstream                 ↘ dialFailed ↗              → join → Close → free
 *
 * It alone sees both flows. Like them it is pure: an engine reports facts and gets back what to do.
 * Closing has three steps, so that no completion can reach a slot's next tenant: *terminate*
 * (decide, start nothing more), *join* (wait until no operation and no dial is in flight), *close*
 * (release everything, once). `generation` counts the tenants: an engine with late completions
 * carries it in them, to drop those of an earlier tenant.
 *
 * What one end sees when the other one goes away:
 *
 *     | the source…        | bytes of its flow                 | target gets | other flow         |
 *     | ended (FIN)        | delivered                         | FIN         | goes on            |
 *     | was reset (RST)    | delivered while the target takes  | RST         | aborted at once    |
 *     | — and is stalled   | given up after the stall timeout  | RST         | aborted at once    |
 *
 * Owner: an engine. Asserts its own consistency; never throws for what an end does.
 */
export class Relay {
  phase = RelayPhase.Free;
  /** Number of tenants so far; part of what identifies a completion. */
  generation = 0;
  /** True exactly while a dial is in flight. */
  dialing = false;
  /** Why it ends; set once, by the first fact that decides it. */
  reason: Reason | null = null;
  private firstEnd: Reason | null = null;
  private closed = true;

  constructor(
    readonly up: Flow,
    readonly down: Flow,
  ) {}

  /** The flow whose source is `side`. */
  from(side: Side): Flow {
    return side === Side.Client ? this.up : this.down;
  }

  /** The flow whose target is `side`. */
  to(side: Side): Flow {
    return side === Side.Client ? this.down : this.up;
  }

  /**
   * A client was accepted into this free slot.
   *
   * @param dials false for a relay without an upstream (mode `sink`), which relays at once
   */
  accepted(dials: boolean): RelayEffect {
    assert(this.phase === RelayPhase.Free, "accepted: the slot is free");
    this.generation++;
    this.closed = false;
    this.reason = null;
    this.firstEnd = null;
    this.dialing = dials;
    this.phase = dials ? RelayPhase.Dialing : RelayPhase.Relaying;
    // The client is read from the start: this receive is in flight before `next()` asks for it.
    const up = this.up.open(true, dials);
    const down = this.down.open(true, false);
    assert((up | down) === Effect.None, "accepted: everything waits for the first receive");
    return dials ? RelayEffect.Dial : RelayEffect.None;
  }

  /** The dial has succeeded. If the relay is already ending, its connection is not used. */
  dialed(): RelayEffect {
    assert(this.dialing, "dialed: a dial is in flight");
    this.dialing = false;
    if (this.phase === RelayPhase.Terminating) return this.dialDropped();
    this.phase = RelayPhase.Relaying;
    return RelayEffect.Begin;
  }

  /** The dial has failed. @param another whether there is another upstream to try */
  dialFailed(reason: Reason, another: boolean): RelayEffect {
    assert(this.dialing, "dialFailed: a dial is in flight");
    if (this.phase === RelayPhase.Dialing && another) return RelayEffect.Dial;
    this.dialing = false;
    if (this.phase === RelayPhase.Terminating) return this.dialDropped();
    const effects = this.terminate(reason);
    return effects | this.dialDropped();
  }

  /**
   * `side` has sent FIN: no more bytes come from it.
   *
   * @returns effects of the flow whose source it is
   */
  sourceEnded(side: Side): Effect {
    this.firstEnd ??= side === Side.Client ? "client_fin" : "upstream_fin";
    return this.from(side).sourceEnded();
  }

  /**
   * `side` was reset: nothing can be sent to it, and nothing more comes from it. Earlier bytes are
   * still delivered; then the other end is reset, too.
   *
   * @returns effects of the flow whose source it is; call {@link settle} next
   */
  reset(side: Side): Effect {
    if (this.phase === RelayPhase.Terminating) {
      this.from(side).sourceEnded();
      return Effect.None;
    }
    this.noteReset(side);
    this.to(side).abort();
    return this.from(side).sourceEnded();
  }

  /**
   * `side` takes no more bytes: a send to it failed, or it was reset while it was not being read.
   * The kernel may still have bytes of it, so the flow from it goes on until it ends by itself.
   *
   * @returns false if that was known; call {@link settle} next
   */
  targetLost(side: Side): boolean {
    const flow = this.to(side);
    if (this.phase === RelayPhase.Terminating || flow.phase === Phase.Aborted) return false;
    this.noteReset(side);
    flow.abort();
    return true;
  }

  /** Whether a flow that asks for its end should pass on a FIN. After a reset it must not. */
  get passesEnd(): boolean {
    return this.reason === null;
  }

  /** Ends the relay if both flows are over, and joins it if it is ending. Call it after facts. */
  settle(): RelayEffect {
    if (this.phase === RelayPhase.Free) return RelayEffect.None;
    if (this.phase === RelayPhase.Terminating) return this.join();
    const gone = this.phase === RelayPhase.Dialing && this.reason !== null;
    if (!gone && !(this.up.over && this.down.over)) return RelayEffect.None;
    if (this.reason !== null) return this.terminate(this.reason);
    assert(this.firstEnd !== null, "settle: both flows ended because an end was seen");
    this.reason = this.firstEnd;
    this.phase = RelayPhase.Terminating;
    return this.join();
  }

  /** Ends the relay now: queued bytes are lost, operations in flight are joined. */
  terminate(reason: Reason): RelayEffect {
    assert(this.phase !== RelayPhase.Free, "terminate: there is a tenant");
    if (this.phase === RelayPhase.Terminating) return RelayEffect.None;
    this.phase = RelayPhase.Terminating;
    this.reason ??= reason;
    this.up.abort();
    this.down.abort();
    return RelayEffect.Terminate | this.join();
  }

  /** Everything was released: the slot is free for the next connection. */
  free(): void {
    assert(this.closed && this.phase === RelayPhase.Terminating, "free: after close, once");
    this.phase = RelayPhase.Free;
  }

  /** Nothing of this relay is in flight. */
  get idle(): boolean {
    return !this.dialing && this.up.idle && this.down.idle;
  }

  /** The first reset is the reason why the relay ends. */
  private noteReset(side: Side): void {
    this.reason ??= side === Side.Client ? "client_reset" : "upstream_reset";
  }

  /** The second step of closing: returns `Close` once, when nothing is in flight. */
  private join(): RelayEffect {
    if (this.closed || !this.idle) return RelayEffect.None;
    this.closed = true;
    return RelayEffect.Close;
  }

  /** A dial is over without a connection: completes what stood for it in the flows. */
  private dialDropped(): RelayEffect {
    if (this.up.sending) this.up.sent(0);
    if (this.down.receiving) this.down.stopped();
    return this.join();
  }
}
