import { copyOf } from "../../base/bytes.ts";
import type { Inside } from "../../relay/inside.ts";
import type { Holdings } from "./holdings.ts";

/** Replies of this many bytes are passed on at once, without a copy. */
const DIRECT_MIN = 16 * 1024;

/** What replies need of their client's service. */
export interface RepliesHost {
  /** Bytes that a client may leave unread. */
  readonly backlogBytes: number;
  /** Keeps a small reply until the end of the turn. @returns where */
  keep(bytes: Uint8Array, from: number, to: number): number;
  kept(from: number, to: number): Uint8Array;
  readonly holdings: Holdings;
}

/** The client that they are for. */
export interface RepliesOwner {
  /** There are some to give at the end of the turn. */
  mark(): void;
  /** It leaves too many unread: it is closed unless it soon catches up. @param isSlow false once it has caught up */
  isSlow(isSlow: boolean): void;
  /** There is no memory for what it does not take. */
  overfull(): void;
}

/** A connection that is not read for a while. */
interface Readable {
  takeOn(): void;
}

/**
 * The replies of one client on their way to it.
 *
 *     small ones ─► those of this turn, together ─┐
 *     large ones ─────────────────────────────────┴─► its relay ─► (if that takes no more) backlog
 *
 * A shared connection waits for a client only while that has a whole backlog, and for a second at most: then the client
 * is closed.
 *
 * Owner: a {@link ValkeyClient}.
 */
export class Replies {
  private inside: Inside | null = null;
  /** Where its replies of this turn lie, as pairs. */
  private readonly parts: number[] = [];
  private readonly backlog: Uint8Array[] = [];
  private size = 0;
  /** Its time to catch up runs. */
  private isTimed = false;
  /** The shared connection that waits for it. */
  private heldUp: Readable | null = null;

  constructor(
    public host: RepliesHost,
    private readonly owner: RepliesOwner,
  ) {}

  begin(inside: Inside): void {
    this.inside = inside;
  }

  /** It has taken all that it was given. */
  get isDelivered(): boolean {
    return this.size === 0 && this.parts.length === 0 && this.inside?.isDelivered !== false;
  }

  /** It takes no more now. */
  get isHeldBack(): boolean {
    return this.size > 0;
  }

  /** Bytes for it, whole replies or not. */
  add(bytes: Uint8Array, from: number, to: number): void {
    const { parts } = this;
    const size = to - from;
    if (this.size > 0) this.keepBack(copyOf(bytes, from, to));
    else if (size >= DIRECT_MIN && this.inside?.isWanted === true) {
      const taken = this.pass(bytes.subarray(from, to));
      if (taken < size) this.keepBack(copyOf(bytes, from + taken, to));
    } else {
      const at = this.host.keep(bytes, from, to);
      if (parts.at(-1) === at) parts[parts.length - 1] = at + size;
      else parts.push(at, at + size);
      this.owner.mark();
    }
  }

  /** Bytes behind all that came before. @returns how many were taken */
  pass(bytes: Uint8Array): number {
    this.giveParts();
    return this.size > 0 || !this.inside?.isWanted ? 0 : this.inside.give(bytes);
  }

  /** The turn is over. @returns whether everything was given, and more may come */
  flush(): boolean {
    if (this.size > 0) this.giveBacklog();
    this.giveParts();
    return this.size === 0;
  }

  /** Whether a shared connection has to wait for it. */
  holdsUp(connection: Readable): boolean {
    if (this.size <= this.host.backlogBytes) return false;
    this.heldUp = connection;
    return true;
  }

  /** The connection that waits for it is read on. */
  letOn(): void {
    const { heldUp } = this;
    this.heldUp = null;
    heldUp?.takeOn();
  }

  /** Its client is gone. */
  clear(): void {
    this.caughtUp();
    this.parts.length = 0;
    this.backlog.length = 0;
    this.host.holdings.bytes -= this.size;
    this.size = 0;
    this.letOn();
  }

  private giveParts(): void {
    const { host, parts } = this;
    for (let i = 0; i < parts.length; i += 2) {
      const bytes = host.kept(parts[i] as number, parts[i + 1] as number);
      const taken = this.size > 0 || !this.inside?.isWanted ? 0 : this.inside.give(bytes);
      if (taken < bytes.length) this.keepBack(copyOf(bytes, taken));
    }
    parts.length = 0;
  }

  private keepBack(bytes: Uint8Array): void {
    const { holdings } = this.host;
    this.backlog.push(bytes);
    this.size += bytes.length;
    holdings.bytes += bytes.length;
    if (holdings.isExceeded) this.owner.overfull();
    if (this.isTimed || this.size <= this.host.backlogBytes) return;
    // Its time runs until it has caught up, so that one who reads drop by drop gains nothing.
    this.isTimed = true;
    this.owner.isSlow(true);
  }

  private giveBacklog(): void {
    while (this.inside?.isWanted === true) {
      const first = this.backlog[0];
      if (first === undefined) break;
      const taken = this.inside.give(first);
      this.size -= taken;
      this.host.holdings.bytes -= taken;
      if (taken < first.length) this.backlog[0] = first.subarray(taken);
      else this.backlog.shift();
      if (taken === 0) break;
    }
    if (this.size === 0) this.caughtUp();
  }

  private caughtUp(): void {
    if (this.isTimed) this.owner.isSlow(false);
    this.isTimed = false;
  }
}
