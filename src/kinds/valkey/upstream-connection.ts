import { copyOf } from "../../base/bytes.ts";
import type { Inside, InsideOwner } from "../../relay/inside.ts";
import { ReplyFound, ReplyReader } from "../../resp/reply-reader.ts";
import { textOf, writeArray } from "../../resp/write.ts";
import { Asked, type OnOwnReply } from "./asked.ts";
import { ownCommand } from "./command-table.ts";
import { ConnectionFigures } from "./figures/connection-figures.ts";
import type { ListenerFigures } from "./figures/listener-figures.ts";
import type { Greeting } from "./identity.ts";
import { Queue } from "./queue.ts";

/** Requests wait while a connection has this many bytes that its relay does not take. */
const UNSENT_MAX = 256 * 1024;
/**
 * A connection whose next reply takes longer than this is passed by: a script without end on it would keep everybody
 * from stopping that script.
 */
const STALLED_MS = 100;
/** Replies that a connection may owe. More requests wait. */
const OWED_MAX = 16_384;
/** The most bytes of a reply to ringway itself that are kept. */
const OWN_REPLY_MAX = 4_096;
/** Requests of this many bytes are passed on at once; smaller ones wait for the end of the turn. */
const DIRECT_MIN = 32 * 1024;

/** Who has a connection for itself. */
export interface Tenant {
  /** It takes no replies now: the connection is not read. */
  readonly isStuffed: boolean;
  /** Takes what comes, as it comes, if it is relayed; see {@link InsideOwner.take}. */
  relay(bytes: Uint8Array): number;
  readonly isRelayed: boolean;
  /** Bytes that are no reply to anything, such as a message or an invalidation. */
  receive(bytes: Uint8Array, from: number, to: number): void;
  /** The upstream has sent FIN while the tenant was relayed. */
  upstreamFinished(): void;
  /** The connection is lost. Replies that it owed were reported before. */
  ownLost(connection: UpstreamConnection): void;
}

/** Who waits until a connection takes requests. */
export interface Waiting {
  resume(): void;
}

/** What a connection needs of those that it belongs to. */
export interface ConnectionHost {
  readonly figures: ListenerFigures;
  /** It has something to send at the end of the turn. */
  mark(connection: UpstreamConnection): void;
  /** A request was added to what it has to send. */
  hasAsked(): void;
  /** The time of this turn, in milliseconds. */
  now(): number;
  /** It is over. @param refusal what the upstream has said to the greeting; null if that was not refused */
  over(connection: UpstreamConnection, refusal: string | null): void;
  /** The upstream says that it is not the one that is wanted now: `READONLY`. */
  doubted(connection: UpstreamConnection, errorText: string): void;
}

/** Errors that say more of the upstream than of the request. */
const NEWS = /^(READONLY|LOADING|MASTERDOWN)\b/;

/**
 * One connection to an upstream, shared by many clients or leased by one. It numbers nothing: replies come in the
 * order of the requests.
 *
 *     requests of a turn ─► batch ─► one send            replies that lie together ─► each to whom it is owed
 *
 * Owner: a {@link Login}.
 */
export class UpstreamConnection implements InsideOwner {
  /** Who has leased it; null if it is shared, or nobody's. */
  tenant: Tenant | null = null;
  /** The tenant has sent FIN: so does this, behind what it has to send. */
  private isFinishing = false;
  /** Its greeting was accepted. */
  isReady = false;
  isOver = false;
  /** No new request goes here: it is closed once nothing is owed. */
  isRetired = false;
  /** When it was last given back, for the sweep of idle ones. */
  idleSince = 0;
  /** Clients that are resumed once it takes requests. */
  readonly waiting = new Set<Waiting>();
  private inside: Inside | null = null;
  private batch: Uint8Array = NOTHING;
  private batchSize = 0;
  private isMarked = false;
  private readonly asked = new Queue<Asked>();
  private readonly reader = new ReplyReader();
  /** A part of the first reply that is owed has been passed on. */
  private hasBegun = false;
  /** When it last began to owe a reply, or received one; in milliseconds. */
  movedAt = 0;
  private ownReply = "";
  private refusal: string | null = null;
  private readonly figures: ConnectionFigures;

  /** @param greeting what it says first */
  constructor(
    private readonly host: ConnectionHost,
    private readonly greeting: readonly Greeting[],
  ) {
    this.figures = new ConnectionFigures(host.figures, host);
  }

  /** Its relay begins. */
  begin(inside: Inside): void {
    this.inside = inside;
    if (this.isOver) return;
    if (this.greeting.length === 0) {
      this.isReady = true;
      return;
    }
    let left = this.greeting.length;
    let tried = false;
    for (const { words, isTry } of this.greeting) {
      this.ask(words, (_, errorText) => {
        left--;
        if (isTry && errorText === null) tried = true;
        const isRefused = errorText !== null && !(isTry && (tried || left > 0));
        if (isRefused) this.refuse(errorText);
        else if (left === 0 && !this.isOver) this.greeted();
      });
    }
  }

  /** Replies that it owes. */
  get owed(): number {
    return this.asked.length;
  }

  /** A request may be sent now. */
  get takesRequests(): boolean {
    return this.isReady && !this.isOver && !this.isFull;
  }

  /** It has owed a reply for so long that those who are owed none should look for another one. */
  get isStalled(): boolean {
    return this.asked.length > 0 && this.host.now() - this.movedAt > STALLED_MS;
  }

  /** What it has to send or owes is as much as it may be. */
  get isFull(): boolean {
    return this.batchSize >= UNSENT_MAX || this.asked.length >= OWED_MAX;
  }

  /** Why its relay has ended; null while it runs. */
  get reason(): string | null {
    return this.inside?.reason ?? null;
  }

  /** Its upstream has been reached, so that requests may have been carried out. */
  get wasConnected(): boolean {
    return this.inside?.wasConnected ?? false;
  }

  /** A request of ringway itself. */
  ask(request: readonly string[], onReply: OnOwnReply): void {
    this.owes(new Asked(null, ownCommand, onReply));
    const bytes = writeArray(request);
    this.append(bytes, 0, bytes.length);
  }

  /** A reply is owed for a request whose bytes are appended next. */
  owes(asked: Asked): void {
    this.host.hasAsked();
    this.figures.asked();
    if (this.asked.length === 0) this.movedAt = this.host.now();
    this.asked.push(asked);
  }

  /** Sends bytes at the end of the turn, or now if they are many. */
  append(bytes: Uint8Array, from: number, to: number): void {
    const size = to - from;
    if (size >= DIRECT_MIN && this.batchSize === 0 && this.inside?.isWanted) {
      const taken = this.inside.give(bytes.subarray(from, to));
      if (taken < size) this.append(copyOf(bytes, from + taken, to), 0, size - taken);
      return;
    }
    const end = this.batchSize + size;
    if (end > this.batch.length) this.grow(end);
    if (size < 64) {
      // A loop costs less than a view and a copy by the engine.
      const { batch, batchSize } = this;
      for (let i = 0; i < size; i++) batch[batchSize + i] = bytes[from + i] as number;
    } else
      this.batch.set(
        from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to),
        this.batchSize,
      );
    this.batchSize = end;
    if (!this.isMarked) {
      this.isMarked = true;
      this.host.mark(this);
    }
  }

  /** The turn is over: sends what has come together. */
  flush(): void {
    this.isMarked = false;
    const { inside, batchSize } = this;
    if (batchSize === 0 || inside === null || !inside.isWanted) {
      if (batchSize === 0 && this.isFinishing) inside?.giveEnd();
      return;
    }
    this.figures.sent(this.asked.length);
    const taken = inside.give(this.batch.subarray(0, batchSize));
    if (taken < batchSize) this.batch.copyWithin(0, taken, batchSize);
    this.batchSize -= taken;
    if (this.isFinishing && this.batchSize === 0) inside.giveEnd();
    if (this.batchSize === 0 && this.batch.length > UNSENT_MAX) this.batch = NOTHING;
    if (this.waiting.size > 0 && this.takesRequests) this.wake();
  }

  wanted(): void {
    if (this.batchSize > 0 && !this.isMarked) {
      this.isMarked = true;
      this.host.mark(this);
    }
  }

  take(bytes: Uint8Array): number {
    const { reader } = this;
    let from = 0;
    while (from < bytes.length) {
      if (this.isOver) return bytes.length;
      const { tenant } = this;
      const first = this.asked.head;
      // What ringway itself has asked for before is no concern of the tenant.
      if (tenant?.isRelayed && first === undefined)
        return from + tenant.relay(from === 0 ? bytes : bytes.subarray(from));
      if (this.isHeldBy(first)) return from;
      const found = reader.read(bytes, from);
      const to = reader.at;
      if (found === ReplyFound.Failed || (first === undefined && !reader.isPush)) {
        this.inside?.cut("protocol_invalid");
        return bytes.length;
      }
      if (reader.isPush) tenant?.receive(bytes, from, to);
      else this.pass(first as Asked, bytes, from, to, found === ReplyFound.Reply);
      from = to;
    }
    this.figures.settle(this.asked.length);
    if (this.waiting.size > 0 && this.takesRequests) this.wake();
    if (this.isRetired && this.asked.length === 0 && this.batchSize === 0) this.close();
    return from;
  }

  /** A client that held it up takes replies again. */
  takeOn(): void {
    this.inside?.takeOn();
  }

  finished(): void {
    if (this.tenant?.isRelayed) this.tenant.upstreamFinished();
    else this.close(true);
  }

  /** The tenant of a relayed connection has sent FIN. */
  finish(): void {
    this.isFinishing = true;
    this.flush();
  }

  /** Ends it; what it owes is reported as lost. @param isLost its upstream has ended it */
  close(isLost = false): void {
    if (this.isOver) return;
    const { inside } = this;
    this.closed(isLost);
    inside?.giveEnd();
    // What still comes is taken, and thrown away.
    inside?.takeOn();
  }

  closed(isLost = true): void {
    if (this.isOver) return;
    this.isOver = true;
    this.figures.over(isLost && this.isReady);
    const { hasBegun, tenant } = this;
    this.tenant = null;
    this.batch = NOTHING;
    this.batchSize = 0;
    const lost = this.asked.clear();
    this.host.over(this, this.refusal);
    const again = askedAgain(lost, hasBegun);
    for (const [at, asked] of lost.entries()) {
      if (again.has(asked)) asked.asker?.askAgain(asked);
      else asked.asker?.lost(asked, at === 0 && hasBegun, this.wasConnected);
    }
    tenant?.ownLost(this);
    this.wake();
  }

  /** Whether the client that is owed the next reply takes no more now. */
  private isHeldBy(first: Asked | undefined): boolean {
    if (this.tenant !== null) return this.tenant.isStuffed;
    return first?.asker?.holdsUp(this) ?? false;
  }

  private pass(asked: Asked, bytes: Uint8Array, from: number, to: number, isWhole: boolean): void {
    const { asker } = asked;
    const { reader } = this;
    if (asker === null) {
      if (this.ownReply.length < OWN_REPLY_MAX) this.ownReply += textOf(bytes.subarray(from, to));
    } else if (!asker.isGone) asker.receive(bytes, from, to);
    this.hasBegun = !isWhole;
    if (!isWhole) return;
    this.asked.shift();
    this.movedAt = this.host.now();
    const errorText = reader.isError ? reader.errorText : null;
    this.figures.replied(asked, reader.isError, reader.size, this.movedAt);
    if (errorText !== null && NEWS.test(errorText)) this.host.doubted(this, errorText);
    if (asker === null) {
      const { ownReply } = this;
      this.ownReply = "";
      asked.onReply?.(ownReply, errorText === null ? null : ownReply.slice(1).trimEnd());
    } else asker.replied(asked, errorText, reader.size);
  }

  private greeted(): void {
    this.isReady = true;
    this.wake();
  }

  /** The upstream does not accept the greeting. */
  private refuse(errorText: string): void {
    this.refusal ??= errorText;
    this.close();
  }

  private wake(): void {
    // Those that wait anew meanwhile are not woken again by this.
    const all = Array.from(this.waiting);
    this.waiting.clear();
    for (const one of all) one.resume();
  }

  private grow(least: number): void {
    const larger = new Uint8Array(Math.max(least, this.batch.length * 2, BATCH_MIN));
    larger.set(this.batch.subarray(0, this.batchSize));
    this.batch = larger;
  }
}

/** What is asked again: of each client the reads behind its last other request, so that its replies keep their order. */
function askedAgain(lost: readonly Asked[], hasBegun: boolean): Set<Asked> {
  const again = new Set<Asked>();
  const others = new Set<Asked["asker"]>();
  for (let at = lost.length - 1; at >= 0; at--) {
    const asked = lost[at] as Asked;
    if (asked.request === null || others.has(asked.asker) || (at === 0 && hasBegun))
      others.add(asked.asker);
    else again.add(asked);
  }
  return again;
}

const NOTHING = new Uint8Array(0);
const BATCH_MIN = 4 * 1024;
