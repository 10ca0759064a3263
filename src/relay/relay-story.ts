import type { Address } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import type { Reason } from "../base/reason.ts";
import type { DialOptions, ListenerOptions, UpstreamOptions } from "../config/options.ts";
import { ListenerCount } from "../counts/figures.ts";
import type { ClientAddress } from "../entry/access/client-address.ts";
import type { ProxyProtocolOut } from "../entry/proxy-protocol/header.ts";
import { ANYTHING } from "../entry/route/answer.ts";
import type { Hello } from "../entry/tls-hello/hello.ts";
import { Phase } from "../flow/flow.ts";
import type { Relay } from "../flow/relay.ts";
import { streamModes } from "../relay/mode.ts";
import type { Running } from "../relay/running.ts";
import type { TlsClientOptions } from "../transport/tls/client-options.ts";
import type { TlsFacts } from "../transport/tls/facts.ts";
import { type Choice, NO_UPSTREAM, type UpstreamChooser } from "../upstream/chooser.ts";
import type { Idleness } from "./idle-looks.ts";
import type { ListenerAccount } from "./ledger/account.ts";
import { flowsOf, Summary } from "./ledger/summary.ts";
import type { Copy } from "./mirror/copy.ts";
import { type Looked, STALL, Stillness } from "./stillness.ts";
import { type WaitCount, wasHeld } from "./waiting-room.ts";
import { wallTime } from "./wall-clock.ts";

/** The part of a listener that a relay's story uses. */
export interface StoryListener {
  readonly clock: Clock;
  readonly options: ListenerOptions;
  readonly account: ListenerAccount;
  /** Where relays without a route go. */
  readonly main: StoryBranch;
  /** All branches. */
  readonly branches: { roomMade(): void };
  /** The address that all its clients connect to; null if it may differ. */
  readonly local: Address | null;
}

/** The part of a branch that a relay's story uses. */
export interface StoryBranch {
  readonly chooser: UpstreamChooser;
  readonly choice: Readonly<Choice>;
  /** The relays that wait for an upstream. */
  readonly waiting: {
    readonly hasQueue: boolean;
    serve(): void;
    add(relay: never, options: DialOptions, count: WaitCount): Reason | null;
    delete(relay: never): void;
  };
}

/** The part of a lane that a relay's story uses. */
export interface StoryLane {
  lookStill(): number;
  readonly discards: boolean;
  /** It waits because of its rate limit. */
  readonly isResting: boolean;
}

/**
 * The state of a relay that does not depend on its carrier: its client, its times, its upstream,
 * and whether it moves. Each engine's conduit extends it and is reused from tenant to tenant.
 */
export abstract class RelayStory<L extends StoryListener = StoryListener> implements Running {
  abstract readonly relay: Relay;
  abstract readonly up: StoryLane;
  abstract readonly down: StoryLane;

  id = 0;
  dials = 0;
  /**
   * Its client; null if unknown, and then no upstream is ever chosen. The summary keeps a
   * reference, so each tenant has its own.
   */
  clientAddress: ClientAddress | null = null;
  /** The address that has connected, if a PROXY header named another client; else null. */
  protected peerAddress: ClientAddress | null = null;
  /** The address that the client connected to (sockaddr); null if unknown or not needed. */
  destination: Uint8Array | null = null;
  /** The address of the upstream that has answered; null before. */
  private resolvedAddress: Address | null = null;
  /** When it began to wait for admission, on the monotonic clock; 0 if it does not wait. */
  protected entersSince = 0;
  /** How long it has waited for admission, in milliseconds. */
  protected enteringMs = 0;
  /** Milliseconds on the monotonic clock; `endedAt` is 0 while it runs. */
  private startedAt = 0;
  private endedAt = 0;
  /** Milliseconds since it was accepted; {@link NOT_YET} before. */
  private dialMs = NOT_YET;
  private firstByteMs = NOT_YET;
  /** Where it looks for an upstream, or waits for one. */
  branch: StoryBranch;
  /** The label of the route that its hello has led to; null for none. */
  protected route: string | null = null;
  /** What it has said of TLS, or is known of that; null if nobody has asked. */
  hello: Hello | null = null;
  /** What came of its TLS handshake; null where none ends here, or as long as it is under way. */
  handshake: TlsFacts | Reason | null = null;
  /** Has chosen its upstream, or chooses the next one. */
  private chooser: UpstreamChooser;
  /** Number of the upstream that it counts for now. */
  private upstreamNumber = NO_UPSTREAM;
  /** Numbers of the upstreams that it has dialled in vain since it last could try all of them. */
  private readonly tried: number[] = [];
  /** What its route function has decided. */
  protected wanted = ANYTHING;
  /** The upstream of the last dial; null before the first. */
  upstreamAddress: Address | null = null;
  lastFailure: Reason | null = null;
  /** The copy for the listener's mirror; null for none. */
  protected copy: Copy | null = null;
  /** The lane that has received last; null before the first bytes. */
  lastHeard: StoryLane | null = null;
  waitsSince: number | null = null;
  waits = 0;
  isWaiting = false;
  retries = 0;
  /** Its bytes count for its upstream. */
  private isDecided = false;
  /** What checks have found; null before the first. */
  private stillness: Stillness | null = null;

  /** @param listener the listener of its first client; set anew for each tenant */
  constructor(public listener: L) {
    this.branch = listener.main;
    this.chooser = listener.main.chooser;
  }

  /** Bytes for either end that only our kernel has. */
  protected abstract get unsent(): number;
  /** Bytes of either end that our kernel has and we have not received. */
  protected abstract get unread(): number;

  /** A tenancy begins. */
  protected begins(id: number, clientAddress: ClientAddress | null, listener: L): void {
    this.id = id;
    this.clientAddress = clientAddress;
    this.listener = listener;
    this.goTo(listener.main);
    this.route = null;
    this.hello = null;
    this.handshake = null;
    this.startedAt = this.listener.clock.now();
    this.endedAt = 0;
    this.dialMs = NOT_YET;
    this.firstByteMs = NOT_YET;
    this.dials = 0;
    this.upstreamAddress = null;
    this.resolvedAddress = null;
    this.peerAddress = null;
    this.destination = null;
    this.entersSince = 0;
    this.enteringMs = 0;
    this.lastFailure = null;
    this.tried.length = 0;
    this.wanted = ANYTHING;
    this.copy = null;
    this.lastHeard = null;
    this.waitsSince = null;
    this.waits = 0;
    this.isWaiting = false;
    this.retries = 0;
    this.stillness = null;
    this.isDecided = false;
    this.countAnew();
  }

  /** It looks for an upstream there. */
  protected goTo(branch: StoryBranch): void {
    this.branch = branch;
    this.chooser = branch.chooser;
  }

  /** From now on its flows count for this tenant, and for no upstream yet. */
  private countAnew(): void {
    const { account, options } = this.listener;
    const { totals } = account;
    const { up, down } = this.relay;
    const { discardsUp, discardsDown } = streamModes[options.mode];
    up.totals = discardsUp ? totals.discardedUp : totals.up;
    down.totals = discardsDown ? totals.discardedDown : totals.down;
    up.account = NO_ACCOUNT;
    down.account = NO_ACCOUNT;
  }

  /**
   * Chooses the upstream of its next dial, for which it counts from now on.
   *
   * @returns null if none is available, if other relays wait for one, or if it may not try again
   */
  nextUpstream(): Address | null {
    const { clientAddress } = this;
    const { waiting } = this.branch;
    if (!this.mayDial || clientAddress === null) return null;
    // A relay that wants one certain upstream does not queue behind those that wait for any.
    if (this.waitsSince === null && !this.wanted.isStrict && waiting.hasQueue) {
      // The control plane may have made room without notice: earlier relays get it first.
      waiting.serve();
      if (waiting.hasQueue) return null;
    }
    if (this.tried.length === 0) this.renewChooser();
    const { chooser, tried, wanted } = this;
    const number = chooser.enter(clientAddress, tried, wanted.upstream, wanted.isStrict);
    if (number === NO_UPSTREAM) return null;
    this.upstreamNumber = number;
    this.upstreamAddress = (chooser.upstreams[number] as UpstreamOptions).address;
    this.dials++;
    this.listener.account.add(ListenerCount.dials);
    return this.upstreamAddress;
  }

  get upstreamSlot(): number | null {
    return this.chooser.upstreams[this.upstreamNumber]?.slot ?? null;
  }

  /** What its TLS handshake has agreed on; null where none ends here. */
  get tls(): TlsFacts | null {
    return typeof this.handshake === "string" ? null : this.handshake;
  }

  /** Its upstream's setting for PROXY headers; undefined if the listener's counts. */
  protected get upstreamProxyProtocol(): ProxyProtocolOut | undefined {
    return this.chooser.upstreams[this.upstreamNumber]?.sendProxyProtocol;
  }

  /** How TLS begins with its upstream; null: not at all. */
  get upstreamTls(): TlsClientOptions | null {
    const { tls } = this.chooser.upstreams[this.upstreamNumber] ?? {};
    return tls === undefined ? this.listener.options.upstreamTls : tls;
  }

  /** Whether its upstream is a host name, which the control plane must resolve before the dial. */
  get mustAsk(): boolean {
    return this.chooser.mustAsk(this.upstreamNumber);
  }

  /**
   * Whether a certain dial is still under way. An answer for it may come too late: the relay may
   * have another tenant, dial another upstream, or wait for one.
   *
   * @param tenant the relay's generation when the dial began
   * @param dial the number of dials then
   */
  isDialing(tenant: number, dial: number): boolean {
    const { generation, dialing } = this.relay;
    const isSameDial = this.dials === dial && this.upstreamSlot !== null;
    return generation === tenant && isSameDial && dialing;
  }

  /** An upstream has answered. */
  get hasAnswer(): boolean {
    return this.dialMs !== NOT_YET;
  }

  get reason(): Reason | null {
    return this.relay.reason;
  }

  abstract giveUpDial(reason: Reason): boolean;
  abstract retire(reason: Reason): void;
  abstract terminate(reason: Reason): void;

  lookStill(direction: "up" | "down"): number {
    return this[direction].lookStill();
  }

  /** Milliseconds since its acceptance. */
  get ageMs(): number {
    return this.listener.clock.now() - this.startedAt;
  }

  /** All upstreams may be tried again. */
  protected forgetTried(): void {
    this.tried.length = 0;
  }

  /** Its upstream has answered. @param where a literal address */
  protected answered(where: Address): void {
    this.resolvedAddress = where;
    this.dialMs = this.listener.clock.now() - this.startedAt;
    this.chooser.dialed(this.upstreamNumber);
    this.decided();
  }

  protected dialLost(reason: Reason): void {
    this.lastFailure = reason;
    if (this.upstreamNumber === NO_UPSTREAM) return;
    this.tried.push(this.upstreamNumber);
    this.leaveUpstream();
  }

  /** The upstream's first bytes were received. Call it before they are counted, and only then. */
  firstBytesCame(): void {
    if (this.firstByteMs === NOT_YET) this.firstByteMs = this.listener.clock.now() - this.startedAt;
  }

  protected ends(): void {
    this.endedAt = this.listener.clock.now();
    if (this.upstreamNumber !== NO_UPSTREAM) this.leaveUpstream();
  }

  abandoned(): void {
    this.relay.reason ??= "worker_failed";
    this.ends();
  }

  /** Whether it goes on after a failed dial: tries another upstream, or waits for one. */
  protected get goesOn(): boolean {
    const { holdMs, queueMs, retries } = this.listener.options.dial;
    const mayWait = holdMs + queueMs > 0 || this.retries < retries;
    return this.mayDial || (this.hasTime && mayWait);
  }

  /** Why it ends if it does not go on after a failed dial. */
  protected endFor(failure: Reason): Reason {
    return wasHeld(this, this.listener.options.dial) ? "hold_timeout" : failure;
  }

  get isFullThere(): boolean | null {
    const { isStrict, upstream } = this.wanted;
    if (!isStrict) return null;
    const { chooser } = this.branch.choice;
    if (chooser === this.chooser) return chooser.isFullAt(upstream);
    const wanted = this.chooser.upstreams[upstream];
    return wanted !== undefined && chooser.isFullAt(chooser.numberOf(wanted.address));
  }

  private get mayDial(): boolean {
    // The budget begins with the first dial or wait: time in steps does not count.
    const isFirst = this.dials === 0 && this.waitsSince === null;
    return this.tried.length < this.listener.options.dial.tries && (isFirst || this.hasTime);
  }

  get hasTime(): boolean {
    const { budgetMs } = this.listener.options.dial;
    return budgetMs === 0 || this.ageMs < budgetMs;
  }

  private leaveUpstream(): void {
    this.chooser.leave(this.upstreamNumber);
    this.upstreamNumber = NO_UPSTREAM;
    this.listener.branches.roomMade();
  }

  /** Switches to the listener's present upstreams, which a reload may have changed. */
  private renewChooser(): void {
    const { chooser: before } = this;
    const { chooser } = this.branch.choice;
    if (chooser === before) return;
    this.chooser = chooser;
    const wanted = before.upstreams[this.wanted.upstream];
    if (wanted === undefined) return;
    this.wanted = { ...this.wanted, upstream: chooser.numberOf(wanted.address) };
  }

  get movedBytes(): number {
    const { up, down } = this.relay;
    return up.receivedBytes + up.sentBytes + down.receivedBytes + down.sentBytes;
  }

  get clientBytes(): number {
    return this.relay.up.receivedBytes;
  }

  /**
   * Whether something is on its way: a dial, or bytes that are queued here or in the kernel. That
   * may also be so during a rest, and after the client's FIN until the upstream's: an earlier FIN
   * would look like its own.
   */
  get isCarrying(): boolean {
    const { up, down, dialing } = this.relay;
    if (dialing || up.size > 0 || down.size > 0 || this.isResting) return true;
    if (up.phase !== Phase.Open && this.mayAnswer) return true;
    return this.unsent > 0 || this.unread > 0;
  }

  /**
   * Whether the client was the last to send, and its upstream can answer. This is also true if no
   * answer ever comes, and false once a part of it has come.
   */
  get awaitsAnswer(): boolean {
    return this.lastHeard === this.up && this.mayAnswer;
  }

  /** Whether the upstream may still send something to the client. */
  private get mayAnswer(): boolean {
    return this.relay.down.phase === Phase.Open && !this.up.discards && !this.down.discards;
  }

  /** Whether ringway itself keeps the bytes from moving. */
  private get isHeldUp(): boolean {
    return this.isResting || this.isStarving;
  }

  private get isResting(): boolean {
    return this.up.isResting || this.down.isResting;
  }

  /** There are bytes to receive, and no memory for them. */
  private get isStarving(): boolean {
    const { up, down } = this.relay;
    const isStarved = (up.starved && up.size === 0) || (down.starved && down.size === 0);
    return isStarved && this.unread > 0;
  }

  decided(): void {
    if (this.isDecided) return;
    this.isDecided = true;
    this.listener.account.takes(this.relay, this.upstreamAddress);
  }

  lookIdle(which: Idleness): number {
    const { up, down, dialing } = this.relay;
    const moved = [this.movedBytes, up.receivedBytes, down.receivedBytes][which] as number;
    return this.look(which, moved, dialing || this.isHeldUp);
  }

  /** How many checks in a row, this one included, found that no byte had moved. */
  stalled(): number {
    return this.look(STALL, this.movedBytes - this.unsent, this.isHeldUp);
  }

  private look(which: Looked, moved: number, isHeldUp: boolean): number {
    this.stillness ??= new Stillness();
    return this.stillness.look(which, moved, isHeldUp);
  }

  /** How long it has waited, for admission and for an upstream. @param now or when it ended */
  private waitedMs(now: number): number {
    const { waitsSince, entersSince, enteringMs, startedAt, dialMs } = this;
    const entering = enteringMs + (entersSince === 0 ? 0 : now - entersSince);
    if (waitsSince === null) return entering;
    const until = dialMs === NOT_YET ? now : startedAt + dialMs;
    return entering + until - waitsSince;
  }

  summary(): Summary {
    const end = this.endedAt === 0 ? this.listener.clock.now() : this.endedAt;
    return new Summary(
      this.id,
      this.listener.account.name,
      this.clientAddress,
      this.upstreamAddress,
      wallTime(this.startedAt, this.listener.clock),
      end - this.startedAt,
      this.dials,
      orNull(this.dialMs),
      orNull(this.firstByteMs),
      this.endedAt === 0 && this.isWaiting,
      this.endedAt === 0 ? null : this.relay.reason,
      this.wanted.label,
      this.copy?.outcome ?? null,
      flowsOf(this.relay, this.up.discards, this.down.discards),
      this.destination ?? this.listener.local,
      this.resolvedAddress,
      this.peerAddress,
      this.waitedMs(end),
      this.route,
      this.hello,
      this.tls,
    );
  }
}

/** Takes the place of a time that has not come. */
const NOT_YET = -1;

function orNull(ms: number): number | null {
  return ms === NOT_YET ? null : ms;
}

/** Counts bytes that belong to no upstream yet. Nothing reads it. */
const NO_ACCOUNT = new Float64Array(1);
