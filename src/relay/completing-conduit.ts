import { Side } from "../base/reason.ts";
import type { CompletingEnd, Queue } from "../engine/end.ts";
import { Phase } from "../flow/flow.ts";
import { RelayPhase } from "../flow/relay.ts";
import { Conduit, type ConduitHost, type ConduitListener } from "./conduit.ts";
import type { DialAttempt } from "./dialer.ts";
import type { Lane } from "./lane.ts";

/**
 * A relay over ends whose operations complete one by one. A tenancy ends once the relay is over,
 * nothing is in flight at either end, and both are closed.
 *
 * Owner: an engine.
 */
export abstract class CompletingConduit<
  E extends CompletingEnd,
  Q extends Queue,
  Attempt extends DialAttempt,
  L extends ConduitListener & Resets,
  Host extends ConduitHost<never>,
> extends Conduit<E, Q, Attempt, L, Host> {
  /** A receive brought the end (FIN). */
  sourceEnded(lane: Lane<E, Q>): void {
    lane.giveUpStep("preamble_invalid", true);
    if (lane === this.up && this.waitedEnough()) return;
    if (this.isReset(lane)) {
      this.sourceReset(lane);
      return;
    }
    const side = this.sourceSide(lane);
    lane.start(this.relay.sourceEnded(side));
    if (this.relay.phase === RelayPhase.Relaying || this.relay.phase === RelayPhase.Dialing) {
      this.listener.halfClosed.add(this as never);
    }
    this.settle();
  }

  /** Whether the source was reset although a receive reported its end. */
  protected isReset(_lane: Lane<E, Q>): boolean {
    return false;
  }

  /** A receive failed. All bytes before the reset were received. */
  sourceReset(lane: Lane<E, Q>): void {
    const side = this.sourceSide(lane);
    const effects = this.relay.reset(side);
    this.resetSeen(side);
    lane.start(effects);
    this.settle();
  }

  /**
   * The source was reset while it was not being read. ringway still reads what the kernel has, as
   * the target takes it. Nothing can be sent to the source.
   */
  sourceBroken(lane: Lane<E, Q>): void {
    this.lost(this.sourceSide(lane));
  }

  /** A send failed: the target takes no more bytes. */
  targetLost(lane: Lane<E, Q>): void {
    this.lost(lane === this.up ? Side.Upstream : Side.Client);
    if (lane.flow.sending) lane.flow.sent(0);
    lane.drop();
    this.settle();
  }

  settle(): void {
    if (this.mustLinger) {
      this.listener.lingering.add(this as never);
      return;
    }
    this.perform(this.relay.settle());
    if (this.closing) this.finish();
  }

  /**
   * A reset ends the relay, but the kernel still has the last bytes of a flow that ended before.
   * Closing with a reset would discard them, so the relay waits, at most for the stall timeout.
   */
  private get mustLinger(): boolean {
    const { phase, reason, up, down } = this.relay;
    if (phase !== RelayPhase.Relaying || reason === null || !up.over || !down.over) return false;
    return this.unsent > 0;
  }

  /** Sends FIN, unless both flows are over: then closing the descriptors does. */
  protected sendFin(side: Side): void {
    const end = this.endOf(side);
    if (this.relay.from(side).phase !== Phase.Ended) end?.finish();
  }

  private lost(side: Side): void {
    if (this.relay.targetLost(side)) this.resetSeen(side);
    this.laneFrom(side).hurry();
    this.settle();
  }

  /** One end was reset. The other one gets the rest, as long as it makes progress. */
  private resetSeen(side: Side): void {
    const target = this.laneTo(side);
    // A send in flight fails by itself, and then the queue is dropped.
    const isPending = target.target?.isSendPending ?? false;
    if (target.flow.sending && !isPending && target.flow.phase === Phase.Aborted) {
      target.flow.sent(0);
    }
    target.drop();
    if (this.relay.phase !== RelayPhase.Relaying) return;
    this.listener.halfClosed.delete(this as never);
    this.listener.wasReset.add(this as never);
  }

  protected abandon(): void {
    const { down } = this.relay;
    this.dropDial();
    this.client?.cancel();
    this.upstream?.cancel();
    // A sink has no upstream whose completion would end the receive that stands for it.
    if (this.up.discards && down.receiving) down.stopped();
    for (const lane of [this.up, this.down]) {
      const { flow, source, target } = lane;
      if (flow.receiving && source !== null && !source.isReceivePending) flow.stopped();
      if (flow.sending && target !== null && !target.isSendPending) flow.sent(0);
      if (lane.discards && flow.sending) flow.sent(0);
    }
    this.settle();
  }

  protected finish(): void {
    const { client, upstream, relay } = this;
    if (client?.isBusy || upstream?.isBusy) {
      client?.cancel();
      upstream?.cancel();
      return;
    }
    const { reason } = relay;
    const isClean = this.endsCleanly || reason === "client_fin" || reason === "upstream_fin";
    client?.close(isClean);
    upstream?.close(isClean);
  }

  /** The carrier has closed an end. */
  endClosed(end: E): void {
    if (end === this.client) this.client = null;
    else this.upstream = null;
    if (this.client === null && this.upstream === null) this.over();
  }
}

interface Waits {
  add(relay: never): void;
  delete(relay: never): void;
}

/** Where relays wait once one of their ends has gone. */
interface Resets {
  readonly halfClosed: Waits;
  readonly wasReset: Waits;
}
