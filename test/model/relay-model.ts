import { type Reason, Side } from "../../src/base/reason.ts";
import { type Relay, RelayEffect, RelayPhase } from "../../src/flow/relay.ts";
import { FlowModel, Pending } from "./flow-model.ts";
import { holds } from "./fuzz.ts";

/** One end's connection, as the end itself sees it. */
interface End {
  /** It is connected, as far as the relay knows. */
  here: boolean;
  /** It reset the connection. */
  gone: boolean;
  /** We reset the connection. */
  cut: boolean;
}

/**
 * A simulated engine for a relay: the {@link FlowModel}s of both flows, the two ends and a dial. It
 * decides for itself why the relay should end, and checks what DESIGN.md §2 says about closing.
 *
 * How it uses a relay is how the sockets engine does; what it leaves in flight, and for how long,
 * is up to the test, so that the completions of any engine are among its stories.
 */
export class RelayModel {
  readonly up: FlowModel;
  readonly down: FlowModel;
  dialing = false;
  /** `Terminate` was asked for, or both flows ended: nothing may start any more. */
  terminated = false;
  /** `Close` was asked for; until `free`, facts of the dying connections may still come. */
  closed = true;
  free = true;
  /** Every reason that a fact gave for the relay's end, the first one first. */
  readonly decided: Reason[] = [];
  /** At `Terminate`, complete everything at once, as the sockets engine does. */
  prompt = false;
  private firstFin: Reason | null = null;
  private tenants = 0;
  private readonly ends: [End, End] = [nobody(), nobody()];

  constructor(
    readonly relay: Relay,
    receiveBelow: number,
  ) {
    const passesEnd = () => {
      holds(relay.passesEnd === (this.decided.length === 0), "a reset does not travel as FIN");
      return relay.passesEnd;
    };
    this.up = new FlowModel(relay.up, receiveBelow, passesEnd);
    this.down = new FlowModel(relay.down, receiveBelow, passesEnd);
  }

  end(side: Side): End {
    return this.ends[side];
  }

  from(side: Side): FlowModel {
    return side === Side.Client ? this.up : this.down;
  }

  to(side: Side): FlowModel {
    return side === Side.Client ? this.down : this.up;
  }

  accepted(dials: boolean): void {
    this.ends[Side.Client] = { ...nobody(), here: true };
    this.ends[Side.Upstream] = { ...nobody(), here: !dials };
    this.up.adopt(true, dials);
    this.down.adopt(true, false);
    this.terminated = this.closed = this.free = false;
    this.decided.length = 0;
    this.firstFin = null;
    this.tenants++;
    const effects = this.relay.accepted(dials);
    holds(effects === (dials ? RelayEffect.Dial : RelayEffect.None), "accepted: dials or relays");
    this.carryOut(effects);
  }

  dialed(): void {
    this.dialing = false;
    const effects = this.relay.dialed();
    if (this.terminated) this.noteDialDropped();
    else holds(effects === RelayEffect.Begin, "a dial that succeeds begins the relaying");
    this.carryOut(effects);
  }

  dialFailed(reason: Reason, another: boolean): void {
    const again = another && !this.terminated;
    this.dialing = false;
    const effects = this.relay.dialFailed(reason, another);
    if (again) {
      holds(effects === RelayEffect.Dial, "another upstream is dialled");
    } else {
      if (!this.terminated) this.decided.push(reason);
      this.noteDialDropped();
    }
    this.carryOut(effects);
  }

  /** A fact about one flow: it must leave the other one alone, as liburing #1338 did not. */
  fact(model: FlowModel, report: () => void): void {
    const other = model === this.up ? this.relay.down : this.relay.up;
    const before = { ...other };
    report();
    for (const key of Object.keys(before) as (keyof typeof before)[]) {
      holds(other[key] === before[key], "a fact of one flow does not touch the other (#1338)");
    }
    if (this.terminated) this.settle();
  }

  sourceEnded(side: Side): void {
    this.firstFin ??= side === Side.Client ? "client_fin" : "upstream_fin";
    const model = this.from(side);
    this.fact(model, () => model.endSource(() => this.relay.sourceEnded(side)));
  }

  endCarriedOut(model: FlowModel): void {
    this.fact(model, () => model.endCarriedOut());
    // Two clean ends decide; after a reset the reason is known already.
    const first = this.firstFin;
    if (this.up.ended && this.down.ended && !this.terminated && first) this.decided.push(first);
    this.settle();
  }

  /** @param late the send towards `side` stays in flight: its completion comes later */
  reset(side: Side, late: boolean): void {
    this.end(side).gone = true;
    if (!this.terminated)
      this.decided.push(side === Side.Client ? "client_reset" : "upstream_reset");
    const [source, target] = [this.from(side), this.to(side)];
    const { receiving, sending } = target.flow;
    const effects = this.relay.reset(side);
    const alone = target.flow.receiving === receiving && target.flow.sending === sending;
    holds(alone, "a reset leaves what is in flight in the other flow in flight (#1338)");
    target.noteAborted();
    if (!late) completeSend(target, 0);
    source.endSource(() => effects);
    this.settle();
  }

  terminate(reason: Reason): void {
    const effects = this.relay.terminate(reason);
    if (this.terminated) holds(effects === RelayEffect.None, "terminate: only once");
    else this.decided.push(reason);
    this.carryOut(effects);
  }

  settle(): void {
    this.carryOut(this.relay.settle());
  }

  release(): void {
    this.relay.free();
    this.free = true;
  }

  /** A dial that is over stood for a send to the upstream and a receive from it. */
  private noteDialDropped(): void {
    holds(this.up.pending === Pending.Dial, "a dial that is dropped was in flight");
    this.up.pending = Pending.None;
    this.down.receiving = false;
  }

  private carryOut(effects: RelayEffect): void {
    const known = RelayEffect.Dial | RelayEffect.Begin | RelayEffect.Terminate | RelayEffect.Close;
    holds((effects & ~known) === 0, "only effects that exist");
    if (effects & RelayEffect.Dial) {
      holds(!this.terminated && !this.dialing, "one dial at a time, none after the end");
      this.dialing = true;
    }
    if (effects & RelayEffect.Begin) this.begin();
    if (effects & RelayEffect.Terminate) this.startTerminate();
    if (effects & RelayEffect.Close) this.startClose();
  }

  private begin(): void {
    holds(
      !this.terminated && !this.end(Side.Upstream).here,
      "relaying begins once, before the end",
    );
    this.end(Side.Upstream).here = true;
    this.fact(this.up, () => this.up.sent(0));
  }

  private startTerminate(): void {
    holds(!this.terminated, "a relay is terminated once");
    holds(this.decided.length > 0, "a relay is terminated for a reason");
    this.checkDelivered();
    this.terminated = true;
    this.up.noteAborted();
    this.down.noteAborted();
    for (const end of this.ends) end.cut = end.here;
    if (!this.prompt) return;
    completeSend(this.up, 0);
    completeSend(this.down, 0);
    for (const side of [Side.Client, Side.Upstream]) {
      if (this.end(side).here && this.from(side).receiving) this.from(side).stopped();
    }
    this.settle();
  }

  /** RST travels behind what its end sent before, unless there is nobody to deliver that to. */
  private checkDelivered(): void {
    const [first, second] = this.decided;
    if (second !== undefined || !this.end(Side.Upstream).here) return;
    if (first !== "client_reset" && first !== "upstream_reset") return;
    const { queue } = this.from(first === "client_reset" ? Side.Client : Side.Upstream);
    holds(queue.length === 0, "what came before a reset is delivered before the reset");
  }

  private startClose(): void {
    holds(!this.closed, "a relay is closed once");
    holds(this.idle, "a relay is closed when nothing of it is in flight");
    for (const side of [Side.Client, Side.Upstream]) {
      const { here, gone, cut } = this.end(side);
      const clean = this.from(side).sourceOver && this.to(side).fins === 1;
      holds(!here || gone || cut || clean, "every end has ended when a relay is closed");
    }
    this.closed = this.terminated = true;
  }

  get idle(): boolean {
    return !this.dialing && this.up.idle && this.down.idle;
  }

  /** The rules that hold between any two facts. */
  check(): void {
    const { relay } = this;
    holds(relay.generation === this.tenants, "every tenant has a generation of its own");
    holds(RelayPhase[relay.phase] === this.expectedPhase(), "phase: tells the life story");
    holds(relay.dialing === this.dialing, "dialing: true while a dial is in flight");
    holds(relay.idle === this.idle, "idle: nothing is in flight");
    if (this.tenants === 0) return;
    holds(relay.reason === (this.decided[0] ?? null), "reason: set once, by what decided first");
    this.up.check();
    this.down.check();
    holds(!this.closed || relay.reason !== null, "no relay ends without a reason");
    holds(this.closed || !this.terminated || !this.idle, "a terminated relay closes when idle");
    const over = this.up.over && this.down.over;
    const dropped = this.terminated || !this.dialing || !this.end(Side.Client).gone;
    holds(dropped, "a client that is gone while its upstream is dialled ends the relay at once");
    holds(!over || this.terminated, "a relay of which both flows are over is terminated");
  }

  private expectedPhase(): string {
    if (this.free) return "Free";
    if (this.terminated) return "Terminating";
    return this.dialing ? "Dialing" : "Relaying";
  }
}

/** Completes what is in flight towards the target, which took `size` bytes; not a dial. */
function completeSend(model: FlowModel, size: number): void {
  if (model.pending === Pending.Send) model.sent(size);
  else if (model.pending === Pending.End) model.endCarriedOut();
}

function nobody(): End {
  return { here: false, gone: false, cut: false };
}
