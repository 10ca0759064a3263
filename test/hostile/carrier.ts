import { Deadlines } from "../../src/base/deadlines.ts";
import type { Reason } from "../../src/base/reason.ts";
import type { Address, ListenerOptions } from "../../src/config/options.ts";
import { type ClientAddress, clientOf } from "../../src/entry/access/client-address.ts";
import { Admission } from "../../src/entry/admission.ts";
import { Flow } from "../../src/flow/flow.ts";
import { Relay, RelayEffect } from "../../src/flow/relay.ts";
import type { ListenerAccount } from "../../src/relay/ledger/account.ts";
import { type ReceivingListener, Reception } from "../../src/relay/reception.ts";
import { UpstreamChooser } from "../../src/upstream/chooser.ts";
import type { UpstreamTable } from "../../src/upstream/table.ts";

const NEVER_MS = 2 ** 30;

/** What a carrier's reception needs of a listener: nothing ever expires. */
export class CarrierListener implements ReceivingListener {
  readonly admission: Admission | null;
  readonly preambles = new Deadlines<Carrier>(NEVER_MS, () => {});
  readonly tarpit = new Deadlines<Carrier>(NEVER_MS, () => {});
  readonly routes = null;
  readonly local = null;
  readonly choice: { readonly chooser: UpstreamChooser };
  readonly waiting = { hasQueue: false, roomMade() {}, serve() {} };
  readonly entry = { lacking: null, add: () => false, roomMade() {} };

  constructor(
    readonly options: ListenerOptions,
    readonly account: ListenerAccount,
    table: UpstreamTable,
    headersMax: number,
  ) {
    this.admission = Admission.of(options.edge, table, 0, headersMax);
    this.choice = { chooser: new UpstreamChooser(options.upstreams, options.balance, table) };
  }
}

const lane = { discards: false, isResting: false };

/** A connection without any I/O: a reception that is told what happens to it, and once. */
export class Carrier extends Reception<CarrierListener> {
  readonly relay = new Relay(new Flow(1024, 4096, 0), new Flow(1024, 4096, 0));
  readonly up = lane;
  readonly down = lane;
  /** An upstream was to be dialled for it: it has come in. */
  isIn = false;
  /** Why it was ended; null while it was not. */
  ended: Reason | null = null;
  private expects = false;
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
      if (this.expects) this.headerBytes(bytes.subarray(at, at + piece));
    }
  }

  /** FIN comes. */
  finishes(): void {
    if (this.expects) this.headerEnded("preamble_invalid");
  }

  /** RST comes, or the relay is over for another cause. */
  leaves(): void {
    if (this.ended === null) this.terminate("client_reset");
  }

  preambleLate(reason: Reason): void {
    if (this.expects) this.headerEnded(reason);
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
    this.listener.preambles.delete(this);
    this.listener.tarpit.delete(this);
  }

  protected expectHeader(isExpected: boolean): void {
    this.expects = isExpected;
  }

  protected readonly ownAddress = null;
  protected readonly unsent = 0;
  protected readonly unread = 0;
}
