import type { Reason } from "../../base/reason.ts";
import type { Inside, InsideOwner } from "../../relay/inside.ts";
import { NOTHING, textOf, writeError } from "../../resp/write.ts";
import { type Answered, answer, deny } from "./answering.ts";
import { Asked, type Asker } from "./asked.ts";
import type { ClientHost } from "./client-host.ts";
import type { Command } from "./command-table.ts";
import { ALL_LEASED, denied, LOST, NOT_SENT, notReached, STATE_LOST } from "./errors.ts";
import { ownError } from "./figures/own-error.ts";
import type { Leaser } from "./leases.ts";
import type { Login, LoginClient } from "./login.ts";
import { changeCommand, type Member, Membership } from "./membership.ts";
import { type ClientFacts, ClientName, setName } from "./own-answers.ts";
import { OwnConnection } from "./own-connection.ts";
import { Pending } from "./pending.ts";
import { Replies, type RepliesOwner } from "./replies.ts";
import { type Held, Requests, type RequestsOwner } from "./requests.ts";
import { Move, Session } from "./session.ts";
import { hasShared } from "./sharing.ts";
import type { Tenant, UpstreamConnection } from "./upstream-connection.ts";

/** A client is owed at most this many replies; what it asks beyond that waits. So it delays others little. */
const OWED_MAX = 256;

/**
 * One client: reads its requests, has its {@link Session} decide where each of them goes, and gives it its replies.
 *
 * Owner: an {@link Exchange}.
 */
export class ValkeyClient
  implements
    InsideOwner,
    Asker,
    Tenant,
    LoginClient,
    Leaser,
    RequestsOwner,
    RepliesOwner,
    Member,
    Answered
{
  isGone = false;
  readonly said = new ClientName();
  /** Why it is to be ended once all was delivered. */
  endsFor: Reason | null = null;
  readonly session = new Session();
  private readonly requests: Requests;
  readonly membership: Membership;
  private inside: Inside | null = null;
  /** The shared connection that owes it replies, or did last. */
  shared: UpstreamConnection | null = null;
  readonly own = new OwnConnection(this.session, this, this.said);
  private readonly replies: Replies;
  private readonly pending = new Pending();
  /** All connections were leased when it wanted one. */
  private awaitsLease = false;
  /** It did not take all that it was shown. */
  private isBehind = false;
  private isTaking = false;
  private hasFinished = false;
  isEnding = false;
  /** What to tell it once its replies are given: it has broken the protocol. */
  private failure: Uint8Array | null = null;
  private isMarked = false;
  /** How it wants to pause the upstream, which has not agreed yet. */
  private pause: readonly string[] = [];
  /** Its own connection is not read because it takes no replies. */
  private holdsOwn = false;

  constructor(
    readonly host: ClientHost,
    readonly facts: () => ClientFacts,
  ) {
    this.membership = new Membership(host, this);
    this.requests = new Requests(host, this);
    this.replies = new Replies(host, this);
  }

  begin(inside: Inside): void {
    this.inside = inside;
    this.replies.begin(inside);
  }

  isOf(login: Login): boolean {
    return this.membership.login === login;
  }

  // --- what it sends ---

  take(bytes: Uint8Array): number {
    if (this.isEnding || this.failure !== null) return bytes.length;
    this.isTaking = true;
    const taken = this.requests.take(bytes);
    this.isTaking = false;
    this.isBehind = taken < bytes.length;
    return taken;
  }

  finished(): void {
    this.hasFinished = true;
    // As Valkey does it: nobody waits on behalf of one that has gone.
    if (this.session.isBlocked) this.endWith(NOTHING, null);
    else this.endIfDone();
  }

  shares(command: Command): UpstreamConnection | null {
    const { host, own, session, shared } = this;
    if (command.isDenied || command.way !== "share" || session.hasOwn) return null;
    if (own.isPreferred || shared?.takesRequests !== true || shared.isRetired) return null;
    if (host.keepsBack(command) || (session.owed === 0 && shared.isStalled)) return null;
    session.requested(command);
    return shared;
  }

  hold(held: Held): void {
    this.pending.hold(held);
    this.proceed();
  }

  get ownNow(): UpstreamConnection | null {
    return this.own.now;
  }

  streamed(): void {
    // An upstream may have refused it before all of it was sent.
    this.own.releaseIfClean();
  }

  get mustWait(): boolean {
    if (!this.pending.isEmpty || this.membership.isChanging || this.session.owed >= OWED_MAX)
      return true;
    const connection = this.own.now ?? this.shared;
    if (connection === null || !connection.isFull || connection.isOver) return false;
    connection.waiting.add(this);
    return true;
  }

  resume(): void {
    if (this.isGone || this.isEnding) return;
    this.membership.proceed();
    this.proceed();
    if (this.isBehind && !this.isTaking) {
      this.isBehind = false;
      this.inside?.takeOn();
    }
    this.endIfDone();
  }

  /** Carries out the request that is held, as far as that is possible now. */
  private proceed(): void {
    while (!this.membership.isChanging && !this.isEnding) {
      const { session } = this;
      const held = this.pending.next;
      if (held === null) return;
      if (this.own.isElsewhere && !held.command.isAside) {
        if (session.owed > 0) return;
        this.own.release();
      }
      if (held.command.isDenied) {
        if (session.owed > 0) return;
        this.done();
        deny(this, held);
        return;
      }
      const isLarge = held.isLarge || this.own.isPreferred || this.host.keepsBack(held.command);
      if (held.command.way === "share" && !isLarge && !session.hasOwn) {
        if (!hasShared(this, this.membership.login, session.owed > 0)) return;
      }
      if (session.hasOwn && this.own.now?.takesRequests !== true) {
        this.own.now?.waiting.add(this);
        return;
      }
      switch (session.requested(held.command, isLarge)) {
        case Move.Wait:
          return;
        case Move.Share:
          this.send(this.shared as UpstreamConnection, held);
          break;
        case Move.Own:
          this.send(this.own.now as UpstreamConnection, held);
          break;
        case Move.Lease:
          if (held.command.name === ID && !this.own.hasReserve && !this.host.mayReserve) {
            this.done();
            answer(this, held);
            break;
          }
          if (!this.lease(held.command)) return;
          break;
        case Move.Here:
          this.done();
          answer(this, held);
          break;
        case Move.Relay:
          this.done();
          this.beginRelay(held);
      }
    }
  }

  /** What was next is carried out. */
  private done(): void {
    // Some need no connection of their own any more, such as what waited only for a pause.
    if (this.awaitsLease) this.waitsNoMore();
    this.pending.done();
  }

  private send(connection: UpstreamConnection, held: Held): void {
    const { args, bytes, command, heldAt, isPart, tries } = held;
    this.done();
    if (command.isAside) this.pause = args.slice(2).map(textOf);
    // WAIT counts from what its own connection has done: something has to come before it.
    if (command.name === "WAIT" || command.name === "WAITAOF") connection.ask(["PING"], () => {});
    const { holdings, retriesReads } = this.host;
    const isKept = retriesReads && command.isRead && connection === this.shared;
    if (isKept) holdings.bytes += bytes.length;
    const size = isPart ? this.requests.size : bytes.length;
    connection.owes(new Asked(this, command, null, isKept ? bytes : null, tries, size, heldAt));
    connection.append(bytes, 0, bytes.length);
    this.requests.isStreaming = isPart;
  }

  /** Asks for a connection of its own. @returns whether it has one, which may not take requests yet */
  private lease(command: Command): boolean {
    const own = this.own.lease(command, this.membership.login, this.host);
    if (own === null) {
      this.awaitsLease = true;
      this.host.waitsForLease(this);
      return false;
    }
    if (this.awaitsLease) this.waitsNoMore();
    if (own.isOver) this.notReached(own);
    return !own.isOver;
  }

  private waitsNoMore(): void {
    this.awaitsLease = false;
    this.host.waitsNoMore(this);
  }

  /** It has waited long enough for a connection of its own. */
  leaseLate(): void {
    this.awaitsLease = false;
    this.unserved(ALL_LEASED);
  }

  /** The request that is held, or the change of identity, cannot be carried out. */
  unserved(errorText: string): void {
    const { isChanging } = this.membership;
    const held = this.pending.next;
    if (isChanging) this.membership.answered(false);
    else if (held === null) return;
    else this.done();
    const error = ownError(errorText, this.host.figures);
    if (!isChanging && held?.isPart === true) {
      // The rest of it would have to be read for nothing.
      this.endWith(error, "upstream_fin");
      return;
    }
    this.say(error);
    this.resume();
  }

  // --- what ringway answers itself ---

  owed(): void {
    this.session.requested(changeCommand);
  }

  notReached({ reason }: UpstreamConnection): void {
    this.unserved(notReached(reason));
  }

  private changed(isAccepted: boolean): void {
    const name = this.membership.answered(isAccepted);
    if (name !== null) setName(this.said, name);
  }

  // --- a connection of its own, relayed as it is ---

  get isRelayed(): boolean {
    return this.session.isRelayed;
  }

  private beginRelay({ bytes, command, isPart }: Held): void {
    this.host.figures.relayed(command);
    const own = this.own.now as UpstreamConnection;
    this.own.introduce(own);
    this.requests.isStreaming = isPart;
    own.append(bytes, 0, bytes.length);
  }

  relay(bytes: Uint8Array): number {
    const taken = this.replies.pass(bytes);
    if (taken < bytes.length) this.holdsOwn = true;
    return taken;
  }

  upstreamFinished(): void {
    this.endWith(NOTHING, null);
  }

  // --- what it is owed ---

  receive(bytes: Uint8Array, from: number, to: number): void {
    if (this.isGone || this.isEnding) return;
    this.replies.add(bytes, from, to);
  }

  replied({ command, request }: Asked, errorText: string | null, size: number): void {
    this.forget(request);
    if (this.isGone) return;
    const { session } = this;
    session.replied(errorText);
    if (command.name === ID) this.own.isNumbered = true;
    else if (command.isAside && errorText === null) this.pauses(command);
    if (command === changeCommand) this.changed(errorText === null);
    this.own.replied(size > this.host.largeBytes);
    if (!this.requests.isStreaming) this.own.releaseIfClean();
    const { isEmpty } = this.pending;
    if (!isEmpty || this.isBehind || this.hasFinished || this.failure !== null) {
      // In the middle of a long pipeline it is not worthwhile to go on for each reply.
      if (!isEmpty || session.owed <= OWED_MAX / 2) this.resume();
    }
  }

  private pauses({ name }: Command): void {
    if (name === "CLIENT PAUSE" || name === "CLIENT UNPAUSE") this.host.pauses(this.pause);
  }

  lost({ command, request }: Asked, begun: boolean, wasConnected: boolean): void {
    this.forget(request);
    if (this.isGone) return;
    this.session.lost();
    if (command === changeCommand) this.changed(false);
    if (begun) {
      // It has got the beginning of a reply: nothing that follows could be told from the rest of it.
      this.end("upstream_reset");
      return;
    }
    this.say(ownError(wasConnected ? LOST : NOT_SENT, this.host.figures));
    if (this.session.owed === 0) this.resume();
  }

  askAgain({ command, request, tries }: Asked): void {
    this.forget(request);
    if (this.isGone) return;
    this.session.lost();
    if (tries >= TRIES_MAX || this.isEnding) {
      this.say(ownError(LOST, this.host.figures));
      return;
    }
    this.pending.askAgain({
      command,
      bytes: request as Uint8Array,
      args: [],
      isLarge: false,
      isPart: false,
      tries: tries + 1,
      heldAt: this.host.now(),
    });
    if (this.session.owed === 0) this.resume();
  }

  ownLost(connection: UpstreamConnection): void {
    const { session } = this;
    if (!this.own.lost(connection)) return;
    const { isRelayed } = session;
    const hadState = session.isStateful || isRelayed || this.requests.isStreaming;
    session.released();
    if (this.isGone || this.isEnding) return;
    const last = isRelayed ? NOTHING : ownError(STATE_LOST, this.host.figures);
    if (hadState) this.endWith(last, "upstream_reset");
    else this.resume();
  }

  /** Gives it the replies of this turn. */
  flush(): void {
    this.isMarked = false;
    const hasAll = this.replies.flush();
    if (this.endsFor !== null) this.host.leaves(this);
    else if (!hasAll) return;
    else if (this.isEnding) this.inside?.giveEnd();
    else this.letOn();
  }

  /** The connections that it has kept from being read are read on. */
  private letOn(): void {
    this.replies.letOn();
    if (!this.holdsOwn || this.inside?.isWanted !== true) return;
    this.holdsOwn = false;
    this.own.now?.takeOn();
  }

  wanted(): void {
    // Not now: the relay is in the middle of something.
    this.mark();
  }

  get isStuffed(): boolean {
    const { isHeldBack } = this.replies;
    if (isHeldBack) this.holdsOwn = true;
    return isHeldBack;
  }

  holdsUp(connection: { takeOn(): void }): boolean {
    return !this.isGone && !this.isEnding && this.replies.holdsUp(connection);
  }

  isSlow(isSlow: boolean): void {
    // For its own connection nobody waits but itself.
    if (isSlow && this.session.hasOwn) return;
    if (isSlow) this.host.stuffed(this);
    else this.host.stuffedNoMore(this);
  }

  // --- the end ---

  /** Everything that it was given has been sent. */
  get isDelivered(): boolean {
    return this.replies.isDelivered;
  }

  /** Ends its relay now. */
  end(reason: Reason): void {
    this.host.figures.ends(reason);
    this.isEnding = true;
    this.inside?.cut(reason);
  }

  /** All was delivered: ends its relay with a FIN. */
  retire(): void {
    this.inside?.retire(this.endsFor ?? "upstream_fin");
  }

  closed(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.waitsNoMore();
    this.membership.leave();
    this.pending.clear();
    if (this.session.mayRelease && !this.requests.isStreaming) this.own.release();
    else this.own.discard();
    this.own.dropReserve(this.membership.login);
    this.requests.clear();
    this.replies.clear();
    this.host.gone(this);
  }

  /** Its last words, after which it is ended. @param reason null to end as a server does that was told to */
  endWith(bytes: Uint8Array, reason: Reason | null): void {
    this.say(bytes);
    this.isEnding = true;
    this.endsFor = reason;
    this.mark();
  }

  fail(error: string): void {
    // What it has asked for before is answered first: the error would otherwise take the place of a reply.
    this.pending.clear();
    this.failure = writeError(`ERR ${error}`);
    this.endIfDone();
  }

  refused({ name }: Command): void {
    this.endWith(ownError(denied(name), this.host.figures), "access_denied");
  }

  overfull(): void {
    this.end("memory_limit");
  }

  /** A request that was kept, to be asked again, is not needed any more. */
  private forget(request: Uint8Array | null): void {
    if (request !== null) this.host.holdings.bytes -= request.length;
  }

  private endIfDone(): void {
    // The last reply will not come if the rest of its request does not.
    const lost = this.requests.isStreaming && (this.failure !== null || this.hasFinished) ? 1 : 0;
    if (this.isEnding || this.session.owed > lost || this.membership.isChanging) return;
    if (!this.pending.isEmpty) return;
    if (this.failure !== null) this.endWith(this.failure, "protocol_invalid");
    else if (!this.hasFinished || this.isBehind) return;
    else if (this.isRelayed) this.own.now?.finish();
    else this.endWith(NOTHING, null);
  }

  say(bytes: Uint8Array): void {
    if (bytes.length > 0) this.receive(bytes, 0, bytes.length);
  }

  mark(): void {
    if (this.isMarked) return;
    this.isMarked = true;
    this.host.mark(this);
  }
}

/** A request that only reads is asked at most this many times again. */
const TRIES_MAX = 3;

/** The command that asks for the number of the connection. */
const ID = "CLIENT ID";
