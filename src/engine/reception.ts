import type { ListenerOptions } from "../config/options.ts";
import { type ClientAddress, ipClient } from "../edge/access/client-address.ts";
import type { Admission } from "../edge/admission.ts";
import { type ProxyHeader, type Tlv, TlvType } from "../edge/proxy-protocol/header.ts";
import { writeProxyHeader } from "../edge/proxy-protocol/writer.ts";
import type { RouteChoice } from "../edge/route/answer.ts";
import { type Caller, connectionHeader } from "../edge/route/connection.ts";
import type { Stepping } from "../entry/in-steps.ts";
import type { Learned, StepPlan } from "../entry/step.ts";
import { Steps, type StepsOwner } from "../entry/steps.ts";
import { type FullReason, isFull, type Reason } from "../flow/reason.ts";
import { RelayEffect, RelayPhase } from "../flow/relay.ts";
import type { Entrant } from "./entry-queue.ts";
import { RelayStory, type StoryListener } from "./relay-story.ts";
import type { Routed } from "./route-desk.ts";
import { clientName, endName } from "./summary.ts";
import type { WaitCount } from "./waiting-room.ts";

/** What of a listener a reception needs. */
export interface ReceivingListener extends StoryListener {
  /** Null when everybody may come in. */
  readonly admission: Admission | null;
  /** What clients go through before their flow's first bytes, and those that are at it. */
  readonly inSteps: InStepsOf;
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

interface InStepsOf {
  readonly plans: readonly StepPlan[];
  begins(relay: never, place: number): void;
  delete(relay: never): void;
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
 *     accepted ─► steps, such as a PROXY header ─► may it come in? ─► route function ─► dial
 *                     └─ wrong, late ──────────────────┴─ refused: ─────┘
 *                                                         reset, closed, or left to wait
 *
 * Who finds all places taken may wait for one. Meanwhile the relay dials, as far as its flows know: what the client sends is taken up to the
 * flow's limit. Bytes that steps consume are none of the flow's.
 */
export abstract class Reception<L extends ReceivingListener>
  extends RelayStory<L>
  implements Routed, Entrant, StepsOwner, Stepping
{
  /** Why the client may not come in; null when it may. */
  refusedFor: Reason | null = null;
  /** What it goes through before its flow's first bytes; null when it does not. */
  private steps: Steps | null = null;
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
  /** What the client sends is for these steps, until they are over: {@link stepsOver}. */
  protected abstract expectSteps(steps: Steps): void;
  abstract reply(bytes: Uint8Array): boolean;
  abstract stepLate(reason: Reason): void;
  /** Where the client has connected to, in the kernel's form; null when that is not known. */
  protected abstract get ownAddress(): Uint8Array | null;

  /** A client is here. @param effects what the relay has asked for */
  protected receive(effects: RelayEffect): void {
    if ((effects & RelayEffect.Dial) === 0) this.decided();
    this.held = effects;
    const { clientAddress } = this;
    const { admission, inSteps } = this.listener;
    if (clientAddress === null) {
      // It had reset before it was accepted, so that the kernel cannot tell whose it was.
      this.refuse("client_reset");
      return;
    }
    if (inSteps.plans.length > 0) {
      this.steps = new Steps(inSteps.plans, this);
      this.steps.begin();
      if (this.steps.isOver) this.stepsOver(this.steps);
      else this.expectSteps(this.steps);
    } else if (admission !== null) this.enter(admission, clientAddress);
    else this.route();
  }

  stepBegins(place: number): void {
    this.listener.inSteps.begins(this as never, place);
  }

  learn({ header }: Learned): void {
    if (header === undefined) return;
    this.header = header;
    this.believe(header);
  }

  /** It has sent bytes that were not received yet, and that may be for its steps. */
  get hasUnread(): boolean {
    return this.steps !== null && this.unread > 0;
  }

  /** The client is through its steps, or was refused by one. */
  stepsOver({ refusedFor, isTold }: Steps): void {
    const { admission, inSteps } = this.listener;
    this.steps = null;
    inSteps.delete(this as never);
    if (this.isLeaving) return;
    if (refusedFor !== null) this.refuse(refusedFor, isTold);
    else if (admission !== null) this.enter(admission, this.clientAddress as ClientAddress);
    else this.route();
  }

  /** Nothing is on its way from a client that has not come in. */
  override get isCarrying(): boolean {
    return this.isInside && super.isCarrying;
  }

  override get awaitsAnswer(): boolean {
    return this.isInside && super.awaitsAnswer;
  }

  private get isInside(): boolean {
    return this.refusedFor === null && this.steps === null;
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
    this.steps = null;
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

  /** @param isTold it was sent a reply, which a reset might overtake */
  private refuse(reason: Reason, isTold = false): void {
    this.refusedFor = reason;
    const { refusal } = this.listener.options.edge;
    // Without an upstream to be dialled its bytes would be taken for ever. Whose place somebody else
    // needs, and who has gone, does not wait either.
    const isHere = reason !== "client_reset" && reason !== "preamble_full";
    const mayWait = this.relay.phase === RelayPhase.Dialing && isHere;
    if (typeof refusal === "object" && mayWait) this.listener.tarpit.add(this as never);
    else if ((refusal === "close" || isTold) && isHere) this.retire(reason);
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

/** No address in particular, of the same family. */
function unspecified(client: ClientAddress): Uint8Array {
  const any = new Uint8Array(client.length);
  any.set(client.subarray(0, 2));
  return any;
}

const encoder = new TextEncoder();
