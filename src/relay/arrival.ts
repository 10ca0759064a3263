import type { FullReason, Reason } from "../base/reason.ts";
import { ListenerCount } from "../counts/figures.ts";
import { type ClientAddress, ipClient } from "../entry/access/client-address.ts";
import type { Admission } from "../entry/admission.ts";
import type { Greeted } from "../entry/by-hello.ts";
import type { Guest } from "../entry/entering.ts";
import type { Handshaker, Handshaking } from "../entry/handshaking.ts";
import type { InSteps, Stepping } from "../entry/in-steps.ts";
import type { Noted } from "../entry/order.ts";
import { type ProxyHeader, type Tlv, TlvType } from "../entry/proxy-protocol/header.ts";
import { tlsTlvs } from "../entry/proxy-protocol/tls-tlvs.ts";
import { writeProxyHeader } from "../entry/proxy-protocol/writer.ts";
import type { Refusal, Refused } from "../entry/refusal.ts";
import type { RouteChoice } from "../entry/route/answer.ts";
import { type Caller, connectionHeader, connectionTls } from "../entry/route/connection.ts";
import type { Learned } from "../entry/step.ts";
import type { Steps } from "../entry/steps.ts";
import type { Hello } from "../entry/tls-hello/hello.ts";
import type { NameRoute } from "../entry/tls-hello/route.ts";
import { RelayEffect, RelayPhase } from "../flow/relay.ts";
import type { TlsFacts } from "../transport/tls/facts.ts";
import type { Entrant } from "./entry-queue.ts";
import { clientName, endName } from "./ledger/summary.ts";
import { RelayStory, type StoryBranch, type StoryListener } from "./relay-story.ts";
import type { Routed } from "./route-questions.ts";

/** The part of a listener that arrivals use. */
export interface ArrivalListener extends StoryListener {
  /** Where its clients go. */
  readonly branches: StoryListener["branches"] & { of(route: string | null): StoryBranch };
  /** What happens to its clients before the upstream is dialled, in order. */
  readonly stages: readonly { receive(relay: never): void }[];
  readonly inSteps: Pick<InSteps<never>, "begins" | "delete">;
  /** The stage of TLS handshakes; null where none end here. */
  readonly handshaking: Pick<Handshaking<never>, "over"> | null;
  readonly refusal: Pick<Refusal<never>, "refuse">;
  /** Clients that wait for room at the listener. */
  readonly entry: { roomMade(): void };
  /** Its route function; null without one. */
  readonly routes: { readonly options: { readonly failure: "relay" | "refuse" } } | null;
}

/**
 * A client on its way through its listener's stages (in the order of `entry/order.ts`), with what
 * they have found out about it.
 *
 * To its flows the relay seems to dial meanwhile: bytes of the client are received up to the flow's
 * limit. The flow does not see bytes that steps consume.
 */
export abstract class Arrival<L extends ArrivalListener>
  extends RelayStory<L>
  implements Routed, Entrant, Stepping, Guest, Refused, Noted, Greeted, Handshaker
{
  /** Why the client was refused; null if it was not. */
  refusedFor: Reason | null = null;
  /** The steps that it is in; null outside of them. */
  private steps: Steps | null = null;
  /** What they have learned about it. */
  private learned: Learned = NOTHING_LEARNED;
  /** The address under which it was admitted, and that counts until it ends; null before. */
  private admitted: ClientAddress | null = null;
  private admittedBy: Admission | null = null;
  /** Number of the next stage. */
  private stage = 0;
  /** The dial that waits until the client is admitted. */
  private held = RelayEffect.None;

  /** Carries out what the relay has asked for. */
  protected abstract perform(effects: RelayEffect): void;
  abstract reply(bytes: Uint8Array): boolean;
  abstract stepLate(reason: Reason): void;
  /** The address that the client connected to (sockaddr); null if it is unknown. */
  abstract get ownAddress(): Uint8Array | null;

  /** A client was accepted. @param effects what the relay has asked for */
  protected receive(effects: RelayEffect): void {
    if ((effects & RelayEffect.Dial) === 0) this.decided();
    this.held = effects;
    // The client had reset before it was accepted, so the kernel no longer knows its address.
    if (this.clientAddress === null) this.refuse("client_reset");
    else this.pass();
  }

  pass(): void {
    const next = this.listener.stages[this.stage++];
    if (next === undefined) this.perform(this.held);
    else next.receive(this as never);
  }

  refuse(reason: Reason, isTold = false): void {
    this.refusedFor = reason;
    this.listener.refusal.refuse(this as never, reason, isTold);
  }

  /** A sink may not wait: it would go on taking the client's bytes. */
  get mayWait(): boolean {
    return this.relay.phase === RelayPhase.Dialing;
  }

  expectSteps(steps: Steps): void {
    this.steps = steps;
  }

  stepBegins(place: number): void {
    this.listener.inSteps.begins(this as never, place);
  }

  learn(more: Learned): void {
    const { header, hello } = more;
    this.learned = { ...this.learned, ...more };
    if (hello !== undefined) this.hello = hello;
    if (header === undefined) return;
    this.believe(header);
  }

  get staysPlain(): boolean {
    return this.learned.staysPlain ?? false;
  }

  /** Overridden by carriers that end TLS. With any other nobody gets in: plain bytes are not what was asked for. */
  beginHandshake(): void {
    this.terminate("tls_handshake_failed");
  }

  /** The carrier has carried out a TLS handshake. @param outcome what was agreed on, or why it came to nothing */
  handshaken(outcome: TlsFacts | Reason): void {
    this.handshake = outcome;
    this.listener.handshaking?.over(this as never);
  }

  shook(facts: TlsFacts): void {
    const { alpn, isResumed, name, version } = facts;
    const { account } = this.listener;
    account.add(ListenerCount.tlsHandshakes);
    if (isResumed) account.add(ListenerCount.tlsResumed);
    if (version === "1.2") account.add(ListenerCount.tls12);
    this.hello = { isTls: true, name, alpn: alpn === null ? [] : [alpn], versions: [version] };
  }

  follow({ label, isRefused }: NameRoute): void {
    this.route = label;
    if (!isRefused) this.goTo(this.listener.branches.of(label));
  }

  /** It has sent bytes that its steps have not received yet. */
  get hasUnread(): boolean {
    return this.steps !== null && this.unread > 0;
  }

  stepsOver({ refusedFor, isTold }: Steps): void {
    this.steps = null;
    this.listener.inSteps.delete(this as never);
    if (this.isLeaving) return;
    if (refusedFor === null) this.pass();
    else this.refuse(refusedFor, isTold);
  }

  /** No bytes count as on their way before the client is admitted. */
  override get isCarrying(): boolean {
    return this.isInside && super.isCarrying;
  }

  override get awaitsAnswer(): boolean {
    return this.isInside && super.awaitsAnswer;
  }

  private get isInside(): boolean {
    const mustShake = this.listener.handshaking !== null && !this.staysPlain;
    const isShaking = mustShake && this.tls === null;
    return this.refusedFor === null && this.steps === null && !isShaking;
  }

  /** The part of a route function's argument that is about this client. */
  get caller(): Caller {
    const { learned, hello, route, clientAddress, destination, tls } = this;
    const { header = null } = learned;
    return {
      client: clientName(clientAddress),
      local: destination === null ? null : endName(destination),
      header: header === null ? null : connectionHeader(header),
      hello,
      tls: tls === null ? null : connectionTls(tls),
      route,
    };
  }

  /** The route function has decided. */
  routed(choice: RouteChoice): void {
    if (this.isLeaving) return;
    this.wanted = choice;
    if (choice.isRefused) this.refuse("route_refused");
    else this.pass();
  }

  /** The route function has failed. */
  unrouted(): void {
    if (this.isLeaving) return;
    if (this.listener.routes?.options.failure === "refuse") this.refuse("route_failed");
    else this.pass();
  }

  /** The PROXY header for the upstream; empty if it gets none. */
  headerForUpstream(): Uint8Array {
    const { clientAddress, destination, tlvs } = this;
    const version = this.upstreamProxyProtocol ?? this.listener.options.edge.sendProxyProtocol;
    if (version === "off") return NOTHING;
    const source = clientAddress as ClientAddress;
    return writeProxyHeader({
      version: version === "v1" ? 1 : 2,
      command: "proxy",
      source,
      // Without a destination the header could not name the client either.
      destination: destination ?? unspecified(source),
      tlvs: version === "v1" ? [] : tlvs,
      crc32c: version === "v2",
    });
  }

  protected override begins(id: number, client: ClientAddress | null, listener: L): void {
    super.begins(id, client, listener);
    this.refusedFor = null;
    this.steps = null;
    this.stage = 0;
    this.learned = NOTHING_LEARNED;
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
   * Takes the client's address from a header. If the header names no IP address (LOCAL, UNKNOWN, no
   * family, a unix socket), the connection's own address stays.
   */
  private believe({ source, destination }: ProxyHeader): void {
    const named = source === null ? null : ipClient(source);
    if (named === null) return;
    this.peerAddress = this.clientAddress;
    this.clientAddress = named;
    this.destination = destination;
  }

  enter(admission: Admission, lacking: FullReason | null = null): Reason | null {
    const { clientAddress: client } = this;
    // An unknown client was refused before it got here.
    if (client === null) return "client_reset";
    const refused = admission.admit(client, lacking);
    if (refused === null) {
      this.admitted = client;
      this.admittedBy = admission;
    }
    return refused;
  }

  waitsToEnter(): void {
    this.entersSince = this.listener.clock.now();
  }

  askToEnter(admission: Admission | null): Reason | null {
    // A reload may have removed all limits while the client waited.
    return admission === null ? null : this.enter(admission);
  }

  admittedOrNot(refused: Reason | null): void {
    this.enteringMs = this.listener.clock.now() - this.entersSince;
    this.entersSince = 0;
    if (refused === null) this.pass();
    else this.refuse(refused);
  }

  /** The relay is about to end: facts that come now come too late. */
  get isLeaving(): boolean {
    const { phase } = this.relay;
    return phase === RelayPhase.Terminating || phase === RelayPhase.Free;
  }

  /** The client has sent FIN. @returns true if that ends a refused client's wait */
  protected waitedEnough(): boolean {
    if (this.refusedFor === null || this.isLeaving) return false;
    this.terminate(this.refusedFor);
    return true;
  }

  /** The TLVs of the client's header, and an id by which the logs of both sides find the relay. */
  private get tlvs(): readonly Tlv[] {
    const said = [...helloTlvs(this.hello), ...tlsTlvs(this.tls)];
    const given = (this.learned.header?.tlvs ?? []).filter(
      ({ type }) => type !== TlvType.Noop && !said.some((one) => one.type === type),
    );
    given.push(...said);
    if (given.some(({ type }) => type === TlvType.UniqueId)) return given;
    const since = Math.floor(performance.timeOrigin).toString(36);
    return [...given, { type: TlvType.UniqueId, value: encoder.encode(`${since}-${this.id}`) }];
  }
}

const NOTHING = new Uint8Array(0);
const NOTHING_LEARNED: Learned = {};

/** What a hello says, as a PROXY header has it. Of several protocols it is not known which one will be spoken. */
function helloTlvs(hello: Hello | null): readonly Tlv[] {
  const { name = null, alpn = [] } = hello ?? {};
  const [protocol, ...others] = alpn;
  const isSure = protocol !== undefined && others.length === 0;
  return [
    ...(isSure ? [{ type: TlvType.Alpn, value: encoder.encode(protocol) }] : []),
    ...(name === null ? [] : [{ type: TlvType.Authority, value: encoder.encode(name) }]),
  ];
}

/** The unspecified address of the client's family. */
function unspecified(client: ClientAddress): Uint8Array {
  const any = new Uint8Array(client.length);
  any.set(client.subarray(0, 2));
  return any;
}

const encoder = new TextEncoder();
