import type { Address } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import type { Reason } from "../base/reason.ts";
import type { DialOptions, ListenerOptions, UpstreamOptions } from "../config/options.ts";
import { ListenerCount } from "../counts/figures.ts";
import type { ClientAddress } from "../entry/access/client-address.ts";
import type { ProxyProtocolOut } from "../entry/proxy-protocol/header.ts";
import type { Hello } from "../entry/tls-hello/hello.ts";
import { Phase } from "../flow/flow.ts";
import type { Relay } from "../flow/relay.ts";
import { streamModes } from "../relay/mode.ts";
import type { Running } from "../relay/running.ts";
import { type Choice, NO_UPSTREAM, type UpstreamChooser } from "../upstream/chooser.ts";
import type { Idleness } from "./idle-looks.ts";
import type { ListenerAccount } from "./ledger/account.ts";
import { flowsOf, Summary } from "./ledger/summary.ts";
import type { Copy } from "./mirror/copy.ts";
import { type WaitCount, wasHeld } from "./waiting-room.ts";
import { wallTime } from "./wall-clock.ts";

/** What of a listener a relay's story needs. */
export interface StoryListener {
  readonly clock: Clock;
  readonly options: ListenerOptions;
  readonly account: ListenerAccount;
  /** Where relays go that no route is for. */
  readonly main: StoryBranch;
  /** All that there are. */
  readonly branches: { roomMade(): void };
  /** Where all of its clients connect to, see local-address.ts; null when each has to be asked for. */
  readonly local: Address | null;
}

/** What of a branch a relay's story needs. */
export interface StoryBranch {
  readonly chooser: UpstreamChooser;
  readonly choice: Readonly<Choice>;
  /** Where relays wait for which there is no upstream. */
  readonly waiting: {
    readonly hasQueue: boolean;
    serve(): void;
    add(relay: never, options: DialOptions, count: WaitCount): Reason | null;
    delete(relay: never): void;
  };
}

/** What of a lane a relay's story needs. */
export interface StoryLane {
  /** See {@link Running.lookStill}. */
  lookStill(): number;
  readonly discards: boolean;
  /** It waits, not for anybody but because of its rate. */
  readonly isResting: boolean;
}

/**
 * What can be told of a relay whatever carries it: who its client is, since when, which upstream it
 * dials, whether it moves. Each engine's conduit is one, reused from tenant to tenant.
 */
export abstract class RelayStory<L extends StoryListener = StoryListener> implements Running {
  abstract readonly relay: Relay;
  abstract readonly up: StoryLane;
  abstract readonly down: StoryLane;

  id = 0;
  /** Dials that were begun. */
  dials = 0;
  /**
   * Who its client is; null when that is not known, and then no upstream is ever chosen for it. Its
   * summary keeps it: each tenant has its own.
   */
  clientAddress: ClientAddress | null = null;
  /** Who has connected, when a PROXY header has made another one the client; else null. */
  protected peerAddress: ClientAddress | null = null;
  /** Where the client has connected to, in the kernel's form; null when that is not known, or not asked. */
  destination: Uint8Array | null = null;
  /** The upstream's address that has answered; null while none has. */
  private resolvedAddress: Address | null = null;
  /** Since when it waits to come in, on the monotonic clock; 0 when it does not. */
  protected entersSince = 0;
  /** How long it has, in milliseconds. */
  protected enteringMs = 0;
  /** Both on the monotonic clock, in milliseconds; `endedAt` is 0 while it runs. */
  private startedAt = 0;
  private endedAt = 0;
  /** Milliseconds from the acceptance to both facts; {@link NOT_YET} before them. */
  private dialMs = NOT_YET;
  private firstByteMs = NOT_YET;
  /** Where it looks for an upstream, or waits for one. */
  branch: StoryBranch;
  /** The label of the route that its hello has led to; null for none. */
  protected route: string | null = null;
  /** What it has said of TLS, or is known of that; null if nobody has asked. */
  hello: Hello | null = null;
  /** Who has chosen its upstream, or chooses the next one. */
  private chooser: UpstreamChooser;
  /** The upstream that it counts for now, and those that were dialled in vain, by their numbers. */
  private upstreamNumber = NO_UPSTREAM;
  private readonly tried: number[] = [];
  /** The upstream that is tried before all others; {@link NO_UPSTREAM} for none. */
  protected wantedUpstream = NO_UPSTREAM;
  /** No other one may be. */
  protected isStrict = false;
  /** What a route function calls it; null for nothing. */
  protected label: string | null = null;
  /** Where the dial that was begun last goes to; null before the first. */
  upstreamAddress: Address | null = null;
  /** Why its last dial has failed. */
  lastFailure: Reason | null = null;
  /** Dials since it may try all of them anew. */
  private tries = 0;
  /** Of what its upstream gets, for the listener's mirror; null for none. */
  protected copy: Copy | null = null;
  /** The lane that has received last; null before the first bytes. */
  lastHeard: StoryLane | null = null;
  /** See {@link Waiter}. */
  waitsSince: number | null = null;
  waits = 0;
  isWaiting = false;
  retries = 0;
  /** Its bytes count for its upstream. */
  private isDecided = false;
  /** Bytes that had moved when {@link stalled} last looked. */
  private movedBefore = 0;
  private stalls = 0;
  /** The same for {@link lookIdle}, and how many of its looks found no change. */
  private looks: { readonly moved: number[]; readonly still: number[] } | null = null;

  /** @param listener whose client it carries now; set anew for each tenant */
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
    this.tries = 0;
    this.wantedUpstream = NO_UPSTREAM;
    this.isStrict = false;
    this.label = null;
    this.copy = null;
    this.lastHeard = null;
    this.waitsSince = null;
    this.waits = 0;
    this.isWaiting = false;
    this.retries = 0;
    this.movedBefore = 0;
    this.stalls = 0;
    this.looks?.moved.fill(0);
    this.looks?.still.fill(0);
    this.isDecided = false;
    this.countAnew();
  }

  /** It looks for an upstream there. */
  protected goTo(branch: StoryBranch): void {
    this.branch = branch;
    this.chooser = branch.chooser;
  }

  /** What its flows count from now on is this tenant's, and of no upstream yet. */
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
   * Chooses the upstream of its next dial; it counts for it from now on.
   *
   * @returns where it is; null when there is none now, when others wait for it, or all tries are over
   */
  nextUpstream(): Address | null {
    const { clientAddress } = this;
    const { waiting } = this.branch;
    if (!this.mayDial || clientAddress === null) return null;
    // Who wants one alone waits for that one, and not for those who wait for any.
    if (this.waitsSince === null && !this.isStrict && waiting.hasQueue) {
      // The control plane opens rows and gives weights without a word: first who came first.
      waiting.serve();
      if (waiting.hasQueue) return null;
    }
    if (this.tries === 0) this.renewChooser();
    const { chooser, tried, wantedUpstream, isStrict } = this;
    const number = chooser.enter(clientAddress, tried, wantedUpstream, isStrict);
    if (number === NO_UPSTREAM) return null;
    this.upstreamNumber = number;
    this.upstreamAddress = (chooser.upstreams[number] as UpstreamOptions).address;
    this.dials++;
    this.listener.account.add(ListenerCount.dials);
    this.tries++;
    return this.upstreamAddress;
  }

  /** The row of the upstream that it counts for, in the table that all share; null for none. */
  get upstreamSlot(): number | null {
    return this.chooser.upstreams[this.upstreamNumber]?.slot ?? null;
  }

  /** Whether that upstream gets PROXY headers; undefined: as its listener says. */
  protected get upstreamProxyProtocol(): ProxyProtocolOut | undefined {
    return this.chooser.upstreams[this.upstreamNumber]?.sendProxyProtocol;
  }

  /** Whether the control plane has to be asked before that upstream is dialled: names are its business. */
  get mustAsk(): boolean {
    return this.chooser.mustAsk(this.upstreamNumber);
  }

  /**
   * Whether a dial is still under way: what was asked for it may be answered too late, for an earlier
   * tenant, when the next upstream is dialled, or when the relay waits for one.
   *
   * @param tenant the relay's generation when the dial was begun
   * @param dial the number of dials then
   */
  isDialing(tenant: number, dial: number): boolean {
    const { generation, dialing } = this.relay;
    const isSameDial = this.dials === dial && this.upstreamSlot !== null;
    return generation === tenant && isSameDial && dialing;
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

  /** All upstreams may be tried anew. */
  protected forgetTried(): void {
    this.tried.length = 0;
    this.tries = 0;
  }

  /** An upstream has answered. @param where of its addresses, which is a literal one */
  protected answered(where: Address): void {
    this.resolvedAddress = where;
    this.dialMs = this.listener.clock.now() - this.startedAt;
    this.chooser.dialed(this.upstreamNumber);
    this.decided();
  }

  /** The dial to the upstream that was chosen last came to nothing. */
  protected dialLost(reason: Reason): void {
    this.lastFailure = reason;
    if (this.upstreamNumber === NO_UPSTREAM) return;
    this.tried.push(this.upstreamNumber);
    this.leaveUpstream();
  }

  /** The upstream's first bytes are here; call it before they are counted, for those only. */
  firstBytesCame(): void {
    if (this.firstByteMs === NOT_YET) this.firstByteMs = this.listener.clock.now() - this.startedAt;
  }

  /** The tenancy is over. */
  protected ends(): void {
    this.endedAt = this.listener.clock.now();
    if (this.upstreamNumber !== NO_UPSTREAM) this.leaveUpstream();
  }

  /** It ends without an end of its tenancy: its worker has met a defect. */
  abandoned(): void {
    this.relay.reason ??= "worker_failed";
    this.ends();
  }

  /** Whether it goes on after a dial that has failed: with another upstream, or by waiting for one. */
  protected get goesOn(): boolean {
    const { holdMs, queueMs, retries } = this.listener.options.dial;
    const mayWait = holdMs + queueMs > 0 || this.retries < retries;
    return this.mayDial || (this.hasTime && mayWait);
  }

  /** Why it ends if it does not go on after a dial: for one that was held its hold is over. */
  protected endFor(failure: Reason): Reason {
    return wasHeld(this, this.listener.options.dial) ? "hold_timeout" : failure;
  }

  /** See {@link Waiter}. */
  get isFullThere(): boolean | null {
    if (!this.isStrict) return null;
    const { chooser } = this.branch.choice;
    if (chooser === this.chooser) return chooser.isFullAt(this.wantedUpstream);
    const wanted = this.chooser.upstreams[this.wantedUpstream];
    return wanted !== undefined && chooser.isFullAt(chooser.numberOf(wanted.address));
  }

  private get mayDial(): boolean {
    // What came before the first dial, such as a header, was neither a dial nor a wait for one.
    const isFirst = this.dials === 0 && this.waitsSince === null;
    return this.tries < this.listener.options.dial.tries && (isFirst || this.hasTime);
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

  /** The listener may have got other upstreams while this has waited. */
  private renewChooser(): void {
    const { chooser: before } = this;
    const { chooser } = this.branch.choice;
    if (chooser === before) return;
    this.chooser = chooser;
    const wanted = before.upstreams[this.wantedUpstream];
    if (wanted !== undefined) this.wantedUpstream = chooser.numberOf(wanted.address);
  }

  /** Bytes that were received and sent, in both directions. */
  get movedBytes(): number {
    const { up, down } = this.relay;
    return up.receivedBytes + up.sentBytes + down.receivedBytes + down.sentBytes;
  }

  /** Bytes that the client has sent. */
  get clientBytes(): number {
    return this.relay.up.receivedBytes;
  }

  /**
   * Whether something is on its way: a dial, or bytes that are queued here, not yet received or not
   * yet taken. Behind a rest there may be some, too, and to a client that has ended those up to the
   * upstream's own end: an earlier one would look like it.
   */
  get isCarrying(): boolean {
    const { up, down, dialing } = this.relay;
    if (dialing || up.size > 0 || down.size > 0 || this.isResting) return true;
    if (up.phase !== Phase.Open && this.mayAnswer) return true;
    return this.unsent > 0 || this.unread > 0;
  }

  /**
   * Whether the client has spoken last, to an upstream that can answer. One that never gets an answer
   * looks the same; one that has got a part of its answer does not.
   */
  get awaitsAnswer(): boolean {
    return this.lastHeard === this.up && this.mayAnswer;
  }

  /** What the upstream may still say is the client's. */
  private get mayAnswer(): boolean {
    return this.relay.down.phase === Phase.Open && !this.up.discards && !this.down.discards;
  }

  /** That nothing moves is our own doing. */
  private get isHeldUp(): boolean {
    return this.isResting || this.isStarving;
  }

  private get isResting(): boolean {
    return this.up.isResting || this.down.isResting;
  }

  /** There is something to be received, and no memory for it. */
  private get isStarving(): boolean {
    const { up, down } = this.relay;
    const isStarved = (up.starved && up.size === 0) || (down.starved && down.size === 0);
    return isStarved && this.unread > 0;
  }

  /** No other upstream will be dialled: its bytes count for the one that it has. */
  decided(): void {
    if (this.isDecided) return;
    this.isDecided = true;
    this.listener.account.takes(this.relay, this.upstreamAddress);
  }

  lookIdle(which: Idleness): number {
    const { up, down, dialing } = this.relay;
    const moved = [this.movedBytes, up.receivedBytes, down.receivedBytes][which] as number;
    // Made when somebody looks, which hardly any relay comes to.
    this.looks ??= { moved: [0, 0, 0], still: [0, 0, 0] };
    const before = this.looks;
    const isStill = moved === before.moved[which] && !dialing && !this.isHeldUp;
    const looks = isStill ? (before.still[which] as number) + 1 : 0;
    before.still[which] = looks;
    before.moved[which] = moved;
    return looks;
  }

  /** How many times in a row, this one included, not a byte had moved since this was asked before. */
  stalled(): number {
    const moved = this.movedBytes - this.unsent;
    const still = moved === this.movedBefore && !this.isHeldUp;
    this.movedBefore = moved;
    this.stalls = still ? this.stalls + 1 : 0;
    return this.stalls;
  }

  /** How long it has waited until now, until an upstream answered, or until it ended. */
  private waitedMs(now: number): number {
    const { waitsSince, entersSince, enteringMs, startedAt, dialMs } = this;
    const entering = enteringMs + (entersSince === 0 ? 0 : now - entersSince);
    if (waitsSince === null) return entering;
    const until = dialMs === NOT_YET ? now : startedAt + dialMs;
    return entering + until - waitsSince;
  }

  /** This relay's story until now. */
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
      this.label,
      this.copy?.outcome ?? null,
      flowsOf(this.relay, this.up.discards, this.down.discards),
      this.destination ?? this.listener.local,
      this.resolvedAddress,
      this.peerAddress,
      this.waitedMs(end),
      this.route,
      this.hello,
    );
  }
}

/** Instead of a time: it has not come to that. */
const NOT_YET = -1;

function orNull(ms: number): number | null {
  return ms === NOT_YET ? null : ms;
}

/** Where bytes are counted of which it is not decided whose they are; nobody looks there. */
const NO_ACCOUNT = new Float64Array(1);
