import type { Address } from "../../src/base/address.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Deadlines } from "../../src/base/deadlines.ts";
import type { Reason } from "../../src/base/reason.ts";
import type { ListenerOptions } from "../../src/config/options.ts";
import { type ClientAddress, clientOf } from "../../src/entry/access/client-address.ts";
import { Admission } from "../../src/entry/admission.ts";
import { Entering } from "../../src/entry/entering.ts";
import { InSteps } from "../../src/entry/in-steps.ts";
import { inOrder } from "../../src/entry/order.ts";
import { stepsOf } from "../../src/entry/plans.ts";
import { Refusal } from "../../src/entry/refusal.ts";
import type { Stage } from "../../src/entry/stage.ts";
import type { Steps } from "../../src/entry/steps.ts";
import { Flow } from "../../src/flow/flow.ts";
import { Relay, RelayEffect } from "../../src/flow/relay.ts";
import { Arrival, type ArrivalListener } from "../../src/relay/arrival.ts";
import type { ListenerAccount } from "../../src/relay/ledger/account.ts";
import type { StoryBranch } from "../../src/relay/relay-story.ts";
import { WaitingRoom } from "../../src/relay/waiting-room.ts";
import { UpstreamChooser } from "../../src/upstream/chooser.ts";
import type { UpstreamTable } from "../../src/upstream/table.ts";

const NEVER_MS = 2 ** 30;

/** What a carrier's arrival needs of a listener: nothing ever expires. */
export class CarrierListener implements ArrivalListener {
  readonly admission: Admission | null;
  readonly inSteps: InSteps<Carrier>;
  readonly stages: readonly Stage<Carrier>[];
  readonly refusal: Refusal<Carrier>;
  readonly tarpit = new Deadlines<Carrier>(NEVER_MS, () => {});
  readonly clock = systemClock;
  readonly routes = null;
  readonly handshaking = null;
  readonly local = null;
  readonly main: StoryBranch;
  readonly branches = { of: () => this.main };
  readonly entry = { lacking: null, add: () => false, roomMade() {} };

  constructor(
    readonly options: ListenerOptions,
    readonly account: ListenerAccount,
    table: UpstreamTable,
    headersMax: number,
  ) {
    this.admission = Admission.of(options.edge, table, 0);
    this.inSteps = new InSteps<Carrier>(
      stepsOf(options, null),
      headersMax,
      () => new Deadlines<Carrier>(NEVER_MS, () => {}),
    );
    this.refusal = new Refusal<Carrier>(options.edge.refusal, this.tarpit);
    this.stages = inOrder<Carrier>({
      steps: this.inSteps,
      admission:
        this.admission === null
          ? null
          : new Entering(this.admission, this.entry, options, this.account),
      handshake: null,
      whereabouts: null,
      byHello: null,
      route: null,
    });
    const chooser = new UpstreamChooser(options.upstreams, options.balance, table);
    this.main = { chooser, choice: { chooser }, waiting: new WaitingRoom<never>(() => false) };
  }
}

const lane = { discards: false, isResting: false, lookStill: () => 0 };

/** A connection without any I/O: an arrival that is told what happens to it, and once. */
export class Carrier extends Arrival<CarrierListener> {
  readonly relay = new Relay(new Flow(1024, 4096, 0), new Flow(1024, 4096, 0));
  readonly up = lane;
  readonly down = lane;
  /** An upstream was to be dialled for it: it has come in. */
  isIn = false;
  /** Why it was ended; null while it was not. */
  ended: Reason | null = null;
  private expects: Steps | null = null;
  private queued = Buffer.alloc(0);
  /** However short the time is here, it has been long enough. */
  override get ageMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** @param peer who has connected, as far as the kernel can tell */
  accept(id: number, address: Address, peer: Uint8Array | null): void {
    const client: ClientAddress | null = clientOf(address, () => peer);
    this.begins(id, client, this.listener);
    this.receive(this.relay.accepted(true));
  }

  /** Bytes come, in pieces of this size. */
  says(bytes: Uint8Array, piece: number): void {
    for (let at = 0; at < bytes.length; at += piece) {
      if (this.expects === null) return;
      this.queued = Buffer.concat([this.queued, bytes.subarray(at, at + piece)]);
      this.feed(this.expects);
    }
  }

  /** FIN comes. */
  finishes(): void {
    while (this.expects !== null) this.stepLate("preamble_invalid");
  }

  /** RST comes, or the relay is over for another cause. */
  leaves(): void {
    if (this.ended === null) this.terminate("client_reset");
  }

  stepLate(reason: Reason): void {
    const { expects } = this;
    if (expects === null) return;
    this.queued = this.queued.subarray(expects.giveUp(reason));
    this.feed(expects);
  }

  reply(): boolean {
    return true;
  }

  giveUpDial(): boolean {
    return false;
  }

  terminate(reason: Reason): void {
    this.perform(this.relay.terminate(reason));
  }

  retire(reason: Reason): void {
    this.terminate(reason);
  }

  protected perform(effects: RelayEffect): void {
    if ((effects & RelayEffect.Dial) !== 0) this.isIn = true;
    if ((effects & RelayEffect.Terminate) === 0) return;
    this.ended = this.relay.reason;
    this.ends();
    this.listener.inSteps.delete(this);
    this.listener.tarpit.delete(this);
  }

  override expectSteps(steps: Steps): void {
    super.expectSteps(steps);
    this.expects = steps;
  }

  /** As a lane does. */
  private feed(steps: Steps): void {
    while (!steps.isOver && this.queued.length > steps.seen) {
      this.queued = this.queued.subarray(steps.feed(this.queued.subarray(steps.seen)));
    }
    if (!steps.isOver) return;
    this.expects = null;
    this.stepsOver(steps);
  }

  readonly ownAddress = null;
  protected readonly unsent = 0;
  protected readonly unread = 0;
}
