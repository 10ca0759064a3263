import { assert } from "../assert.ts";
import { type Reason, Side } from "../base/reason.ts";
import { Effect, type Flow, Phase } from "./flow.ts";

/** The life of a relay. In-flight operations are not phases: the flows and `dialing` know them. */
export enum RelayPhase {
  /** Nobody's: its slot may be given to the next connection. */
  Free,
  /** A client is here, its upstream is being dialled; the client's first bytes may arrive. */
  Dialing,
  /** Both ends are here (or the mode needs no upstream); bytes and ends travel. */
  Relaying,
  /** Decided to end: nothing new starts, what is in flight is waited for (joined). */
  Terminating,
}

/** What the engine has to do for the relay as a whole: a bit set, like the effects of a flow. */
export enum RelayEffect {
  None = 0,
  /** Dial an upstream; completes with `dialed` or `dialFailed`. */
  Dial = 1,
  /** Begin to relay with the upstream that answered: both flows may be asked what to do. */
  Begin = 2,
  /** Make everything in flight complete, ends that are still open by a reset (RST). */
  Terminate = 4,
  /** Release every segment and descriptor, once; then `free` may be called. */
  Close = 8,
}

/**
 * One accepted connection with its upstream connection: two flows and a life story.
 *
 *     client ──► up ──► upstream          accepted → dialed → (ends, resets) → Terminate
 *     client ◄── down ◄── upstream                 ↘ dialFailed ↗              → join → Close → free
 *
 * The only place that sees both flows. Like them it is pure: an engine reports facts and gets back
 * what to do. Closing has three steps, so that no completion can meet a slot's next tenant:
 * *terminate* (decide, stop starting things), *join* (wait until nothing of either flow and no dial
 * is in flight), *close* (release everything, once). `generation` counts the tenants: an engine
 * whose completions may come late carries it in them and drops those of an earlier one.
 *
 * Which end sees what, when the other one goes:
 *
 *     | the source…        | bytes of its flow                 | target gets | other flow          |
 *     | ended (FIN)        | delivered                         | FIN         | lives on            |
 *     | was reset (RST)    | delivered while the target takes  | RST         | aborted at once     |
 *     | — and is stalled   | given up after the stall timeout  | RST         | aborted at once     |
 *
 * Owner: an engine. Asserts on its own consistency; never throws for what an end does.
 */
export class Relay {
  phase = RelayPhase.Free;
  /** Tenants of this slot so far; part of what identifies a completion. */
  generation = 0;
  /** True exactly while a dial is in flight. */
  dialing = false;
  /** Why it ends; set once, at the first fact that decides it. */
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
   * @param dials false for a relay without upstream (mode `sink`): it relays at once
   */
  accepted(dials: boolean): RelayEffect {
    assert(this.phase === RelayPhase.Free, "accepted: the slot is free");
    this.generation++;
    this.closed = false;
    this.reason = null;
    this.firstEnd = null;
    this.dialing = dials;
    this.phase = dials ? RelayPhase.Dialing : RelayPhase.Relaying;
    // The client is readable from the start: this receive is in flight before anybody asks.
    const up = this.up.open(true, dials);
    const down = this.down.open(true, false);
    assert((up | down) === Effect.None, "accepted: everything waits for the first receive");
    return dials ? RelayEffect.Dial : RelayEffect.None;
  }

  /** The dial succeeded. After a termination it still has to be joined: its connection is unused. */
  dialed(): RelayEffect {
    assert(this.dialing, "dialed: a dial is in flight");
    this.dialing = false;
    if (this.phase === RelayPhase.Terminating) return this.dialDropped();
    this.phase = RelayPhase.Relaying;
    return RelayEffect.Begin;
  }

  /**
   * The dial failed. The same client may be dialled for again at another upstream.
   *
   * @param reason why it failed
   * @param another there is another upstream to try
   */
  dialFailed(reason: Reason, another: boolean): RelayEffect {
    assert(this.dialing, "dialFailed: a dial is in flight");
    if (this.phase === RelayPhase.Dialing && another) return RelayEffect.Dial;
    this.dialing = false;
    if (this.phase === RelayPhase.Terminating) return this.dialDropped();
    const effects = this.terminate(reason);
    return effects | this.dialDropped();
  }

  /**
   * `side` ended (FIN): no more bytes come from it.
   *
   * @returns effects of the flow that it is the source of
   */
  sourceEnded(side: Side): Effect {
    this.firstEnd ??= side === Side.Client ? "client_fin" : "upstream_fin";
    return this.from(side).sourceEnded();
  }

  /**
   * `side` was reset: nothing can be sent to it and nothing more comes from it. What came before is
   * still delivered; then the other end is reset too.
   *
   * @returns effects of the flow that it is the source of; follow with {@link settle}
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
   * `side` takes nothing any more: a send to it failed, or it was seen to be reset while it was not
   * read. What it has sent before may still lie in the kernel, so its own flow goes on until that
   * ends by itself.
   *
   * @returns whether that was news; follow with {@link settle}
   */
  targetLost(side: Side): boolean {
    const flow = this.to(side);
    if (this.phase === RelayPhase.Terminating || flow.phase === Phase.Aborted) return false;
    this.noteReset(side);
    flow.abort();
    return true;
  }

  /**
   * Whether a flow that asks for its end should really pass on a FIN. After a reset it should not:
   * then its last byte is out, and the relay is over.
   */
  get passesEnd(): boolean {
    return this.reason === null;
  }

  /** Ends the relay when both flows are over, and joins it when it is ending: call after facts. */
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

  /** Decides that the relay ends now: what is queued is lost, what is in flight is joined. */
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

  /** The first reset that is seen is why the relay ends. */
  private noteReset(side: Side): void {
    this.reason ??= side === Side.Client ? "client_reset" : "upstream_reset";
  }

  /** The second step of closing: answers `Close`, once, when nothing is in flight any more. */
  private join(): RelayEffect {
    if (this.closed || !this.idle) return RelayEffect.None;
    this.closed = true;
    return RelayEffect.Close;
  }

  /** A dial came to nothing: completes what stood for it in the flows. */
  private dialDropped(): RelayEffect {
    if (this.up.sending) this.up.sent(0);
    if (this.down.receiving) this.down.stopped();
    return this.join();
  }
}
