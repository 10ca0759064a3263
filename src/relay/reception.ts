import { type FullReason, isFull, type Reason } from "../base/reason.ts";
import type { ListenerOptions } from "../config/options.ts";
import { type ClientAddress, ipClient } from "../entry/access/client-address.ts";
import { type Admission, Beginning } from "../entry/admission.ts";
import { type ProxyHeader, type Tlv, TlvType } from "../entry/proxy-protocol/header.ts";
import { ProxyHeaderParser } from "../entry/proxy-protocol/parser.ts";
import { writeProxyHeader } from "../entry/proxy-protocol/writer.ts";
import type { RouteChoice } from "../entry/route/answer.ts";
import { type Caller, connectionHeader } from "../entry/route/connection.ts";
import { RelayEffect, RelayPhase } from "../flow/relay.ts";
import type { Entrant } from "./entry-queue.ts";
import { clientName, endName } from "./ledger/summary.ts";
import { RelayStory, type StoryListener } from "./relay-story.ts";
import type { Routed } from "./route-desk.ts";
import type { WaitCount } from "./waiting-room.ts";

/** What of a listener a reception needs. */
export interface ReceivingListener extends StoryListener {
  /** Null when everybody may come in. */
  readonly admission: Admission | null;
  /** Relays whose PROXY header is not complete yet. */
  readonly preambles: Row & {
    readonly size: number;
    /** Who waits for the longest time. */
    readonly first: { readonly ageMs: number; preambleLate(reason: Reason): void } | undefined;
  };
  /** Relays that may not be, and wait in vain. */
  readonly tarpit: Row;
  /** Relays that wait until there is room for them. */
  readonly entry: {
    readonly lacking: FullReason | null;
    add(relay: never, lack: FullReason, options: ListenerOptions, count: WaitCount): boolean;
    roomMade(): void;
  };
  /** Asks what becomes of each relay; null when nobody decides that. */
  readonly routes: Desk | null;
}

interface Row {
  add(relay: never): void;
  delete(relay: never): void;
}

interface Desk {
  readonly options: { readonly failure: "relay" | "refuse" };
  ask(relay: never): void;
}

/**
 * What happens to a client before its upstream is dialled, whatever carries it:
 *
 *     accepted ─► PROXY header, if one is to come ─► may it come in? ─► route function ─► dial
 *                     └─ wrong, late ──────────────────┴─ refused: ──────────┘
 *                                                        reset, closed, or left to wait
 *
 * Who finds all places taken may wait for one. Meanwhile the relay dials, as far as its flows know: what the client sends is taken up to the
 * flow's limit. Bytes of the header are none of the flow's.
 */
export abstract class Reception<L extends ReceivingListener>
  extends RelayStory<L>
  implements Routed, Entrant
{
  /** Why the client may not come in; null when it may. */
  refusedFor: Reason | null = null;
  /** Reads the header that the client begins with; null when none is to come. */
  private parser: ProxyHeaderParser | null = null;
  private header: ProxyHeader | null = null;
  /** Whom the listener counts until it ends; null for nobody. */
  private admitted: ClientAddress | null = null;
  /** Where it is counted. */
  private admittedBy: Admission | null = null;
  /** The dial that waits until the client is let in. */
  private held = RelayEffect.None;

  /** Starts what the relay has asked for. */
  protected abstract perform(effects: RelayEffect): void;
  abstract terminate(reason: Reason): void;
  abstract retire(reason: Reason): void;
  /** Whether {@link headerBytes} is to see what the client sends. */
  protected abstract expectHeader(isExpected: boolean): void;
  /** Where the client has connected to, in the kernel's form; null when that is not known. */
  protected abstract get ownAddress(): Uint8Array | null;

  /** A client is here. @param effects what the relay has asked for */
  protected receive(effects: RelayEffect): void {
    if ((effects & RelayEffect.Dial) === 0) this.decided();
    this.held = effects;
    const { clientAddress } = this;
    const { admission } = this.listener;
    if (clientAddress === null) {
      // It had reset before it was accepted, so that the kernel cannot tell whose it was.
      this.refuse("client_reset");
      return;
    }
    if (admission === null) {
      this.route();
      return;
    }
    switch (admission.beginning(clientAddress)) {
      case Beginning.Plain:
        this.enter(admission, clientAddress);
        return;
      case Beginning.Refused:
        this.refuse("preamble_untrusted");
        return;
      case Beginning.Header:
        this.awaitHeader(admission);
        return;
    }
  }

  /**
   * Whoever has not said for long who they are has a place only as long as nobody newer needs it. Many may come
   * at once, such as those of a balancer that begins anew, and none of them was listened to yet.
   */
  private awaitHeader(admission: Admission): void {
    const { preambles } = this.listener;
    const { size, first } = preambles;
    if (size >= admission.headersMax && first !== undefined && first.ageMs >= HEADER_MS) {
      first.preambleLate("preamble_full");
    }
    this.parser = new ProxyHeaderParser();
    this.expectHeader(true);
    preambles.add(this as never);
  }

  /**
   * The client has sent bytes, and its header is not complete.
   *
   * @returns how many of them are the header's; what is behind, and what the parser has taken before
   *   and gives back as {@link ProxyHeaderParser.undecided}, is the flow's
   */
  protected headerBytes(bytes: Uint8Array): number {
    const { parser: preamble } = this;
    if (preamble === null) return 0;
    const taken = preamble.push(bytes);
    if (preamble.state !== "partial") this.headerOver(preamble);
    return taken;
  }

  /** It has sent bytes that were not received yet, and that may be its header's. */
  get hasUnread(): boolean {
    return this.parser !== null && this.unread > 0;
  }

  /** The client has begun with a header. */
  get hasHeader(): boolean {
    return this.header !== null;
  }

  /** Bytes that were taken for a header's and may be the flow's: at most 11. */
  protected get undecided(): Uint8Array {
    return this.parser?.undecided ?? NOTHING;
  }

  /** The client sends nothing more, or not in time. @returns bytes that are the flow's after all */
  protected headerEnded(reason: Reason): Uint8Array {
    const { parser: preamble } = this;
    if (preamble === null) return NOTHING;
    const { undecided } = preamble;
    preamble.ended();
    this.headerOver(preamble, reason);
    return this.refusedFor === null ? undecided : NOTHING;
  }

  /** Nothing is on its way from a client that has not come in. */
  override get isCarrying(): boolean {
    return this.isInside && super.isCarrying;
  }

  override get awaitsAnswer(): boolean {
    return this.isInside && super.awaitsAnswer;
  }

  private get isInside(): boolean {
    return this.refusedFor === null && this.parser === null;
  }

  /** What the route function is told of the client. */
  get caller(): Caller {
    const { header, clientAddress, destination } = this;
    return {
      client: clientName(clientAddress),
      local: destination === null ? null : endName(destination),
      header: header === null ? null : connectionHeader(header),
    };
  }

  /** The route function has decided. */
  routed({ upstream, isStrict, label, isRefused }: RouteChoice): void {
    if (this.isLeaving) return;
    this.label = label;
    this.wantedUpstream = upstream;
    this.isStrict = isStrict;
    if (isRefused) this.refuse("route_refused");
    else this.perform(this.held);
  }

  /** The route function has failed. */
  unrouted(): void {
    if (this.isLeaving) return;
    if (this.listener.routes?.options.failure === "refuse") this.refuse("route_failed");
    else this.perform(this.held);
  }

  /** What the upstream is told of the client before the first byte; empty for nothing. */
  protected headerForUpstream(): Uint8Array {
    const { clientAddress, destination, tlvs } = this;
    const version = this.upstreamProxyProtocol ?? this.listener.options.edge.sendProxyProtocol;
    if (version === "off") return NOTHING;
    const source = clientAddress as ClientAddress;
    return writeProxyHeader({
      version: version === "v1" ? 1 : 2,
      command: "proxy",
      source,
      // With none the upstream would be told of no client at all.
      destination: destination ?? unspecified(source),
      tlvs: version === "v1" ? [] : tlvs,
      crc32c: version === "v2",
    });
  }

  protected override begins(id: number, client: ClientAddress | null, listener: L): void {
    super.begins(id, client, listener);
    this.refusedFor = null;
    this.parser = null;
    this.header = null;
    this.admitted = null;
    this.admittedBy = null;
  }

  protected override ends(): void {
    super.ends();
    if (this.admitted === null) return;
    this.admittedBy?.leave(this.admitted);
    this.admitted = null;
    this.listener.entry.roomMade();
  }

  /** It is decided what the client has begun with. */
  private headerOver(preamble: ProxyHeaderParser, late: Reason = "preamble_invalid"): void {
    this.parser = null;
    this.expectHeader(false);
    this.listener.preambles.delete(this as never);
    if (this.isLeaving) return;
    const { admission, options } = this.listener;
    const { header } = preamble;
    const mayBeAbsent = options.edge.proxyProtocol === "optional";
    if (header !== null) {
      this.header = header;
      this.believe(header);
    } else if (preamble.state !== "absent" || !mayBeAbsent || late === "preamble_full") {
      this.refuse(
        preamble.state === "invalid" && preamble.error !== "truncated" ? "preamble_invalid" : late,
      );
      return;
    }
    this.enter(admission as Admission, this.clientAddress as ClientAddress);
  }

  /**
   * Whom a header names is the client. One that names nobody with an IP address (LOCAL, UNKNOWN, no
   * family, a unix socket) tells less than is known already: then it is who has connected.
   */
  private believe({ source, destination }: ProxyHeader): void {
    const named = source === null ? null : ipClient(source);
    if (named === null) return;
    this.peerAddress = this.clientAddress;
    this.clientAddress = named;
    this.destination = destination;
  }

  private enter(admission: Admission, client: ClientAddress): void {
    const { entry, options, account } = this.listener;
    // Of a sink that waits the bytes would be taken all the same.
    const mayWait = options.edge.whenFull === "wait" && this.relay.phase === RelayPhase.Dialing;
    const refused = this.admit(admission, client, mayWait ? entry.lacking : null);
    const waits = mayWait && isFull(refused) && entry.add(this as never, refused, options, account);
    if (waits) this.entersSince = performance.now();
    else this.admittedOrNot(refused);
  }

  private admit(
    admission: Admission,
    client: ClientAddress,
    lacking: FullReason | null = null,
  ): Reason | null {
    const refused = admission.admit(client, lacking);
    if (refused === null) {
      this.admitted = client;
      this.admittedBy = admission;
    }
    return refused;
  }

  askToEnter(admission: Admission | null): Reason | null {
    const { clientAddress } = this;
    // Nobody is counted any more where there are no limits.
    if (admission === null || clientAddress === null) return null;
    return this.admit(admission, clientAddress);
  }

  admittedOrNot(refused: Reason | null): void {
    if (this.entersSince !== 0) this.enteringMs = performance.now() - this.entersSince;
    this.entersSince = 0;
    if (refused === null) this.route();
    else this.refuse(refused);
  }

  private route(): void {
    const { routes, options, local } = this.listener;
    const isTold = routes !== null || options.edge.sendProxyProtocol !== "off" || local === null;
    // Now, as a client that resets while its upstream is dialled takes its own end with it.
    if (isTold) this.destination ??= this.ownAddress;
    if (routes === null) this.perform(this.held);
    else routes.ask(this as never);
  }

  /** It is decided that it ends: whatever comes now comes too late. */
  get isLeaving(): boolean {
    const { phase } = this.relay;
    return phase === RelayPhase.Terminating || phase === RelayPhase.Free;
  }

  /** The client sends nothing more. @returns whether that ends it: it waited in vain, and stops to */
  protected waitedEnough(): boolean {
    if (this.refusedFor === null || this.isLeaving) return false;
    this.terminate(this.refusedFor);
    return true;
  }

  private refuse(reason: Reason): void {
    this.refusedFor = reason;
    const { refusal } = this.listener.options.edge;
    // Without an upstream to be dialled its bytes would be taken for ever. Whose place somebody else
    // needs, and who has gone, does not wait either.
    const isHere = reason !== "client_reset" && reason !== "preamble_full";
    const mayWait = this.relay.phase === RelayPhase.Dialing && isHere;
    if (typeof refusal === "object" && mayWait) this.listener.tarpit.add(this as never);
    else if (refusal === "close" && isHere) this.retire(reason);
    else this.terminate(reason);
  }

  /** Those of the client's header, and a name by which both sides' logs find the relay. */
  private get tlvs(): readonly Tlv[] {
    const given = (this.header?.tlvs ?? []).filter(({ type }) => type !== TlvType.Noop);
    if (given.some(({ type }) => type === TlvType.UniqueId)) return given;
    const since = Math.floor(performance.timeOrigin).toString(36);
    return [...given, { type: TlvType.UniqueId, value: encoder.encode(`${since}-${this.id}`) }];
  }
}

const NOTHING = new Uint8Array(0);

/** A header comes with the first segment: who has said nothing for so long hardly will. */
const HEADER_MS = 1_000;

/** No address in particular, of the same family. */
function unspecified(client: ClientAddress): Uint8Array {
  const any = new Uint8Array(client.length);
  any.set(client.subarray(0, 2));
  return any;
}

const encoder = new TextEncoder();
