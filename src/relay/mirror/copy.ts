import { assert } from "../../assert.ts";
import type { Address } from "../../base/address.ts";
import type { Deadlines } from "../../base/deadlines.ts";
import { type Backlog, Kept } from "../../memory/backlog.ts";
import { ownShortage } from "../../system/dial-reason.ts";
import {
  type DialRefusal,
  mustAsk,
  type ResolveName,
  withoutAddress,
} from "../../upstream/names/ask.ts";
import type { Mirror } from "./mirror.ts";
import type { DropReason, MirrorOutcome } from "./reason.ts";

/** Where a copy stands. */
export enum CopyPhase {
  /** Nothing of it is left: no connection, no memory. */
  Over,
  /** The mirror is dialled; what is to be sent waits. */
  Dialing,
  /** Connected: bytes go out as the mirror takes them. */
  Open,
  /** The last byte and FIN are out; the mirror's own FIN is awaited, as closing before would reset it. */
  Ended,
  /** Its connection is being closed. */
  Closing,
}

/** What a copy needs of all of its engine. */
interface CopyOwner {
  /** Finds the addresses of a mirror that is a name. */
  readonly resolve: ResolveName;
  /** Copies whose relay is over and that are not. */
  readonly leaving: Deadlines<Copy>;
  /** Copies for which bytes wait. */
  readonly waiting: Deadlines<Copy>;
  /** Copies whose last bytes must leave the kernel before the mirror is reset. */
  readonly draining: Deadlines<Copy>;
  /** It was given up. */
  told(copy: Copy, reason: DropReason, detail: string): void;
  /** It has no connection any more. */
  over(copy: Copy): void;
  /** It is nobody's. */
  free(copy: Copy): void;
}

/** What comes after the last byte. */
enum End {
  /** Nothing yet: the relay may bring more. */
  None,
  Fin,
  Reset,
}

/**
 * A copy of what one relay's upstream gets, on its way to a mirror.
 *
 *     upstream took n bytes ─► push ─► the mirror takes them at once: nothing is copied
 *                                 └──► what it leaves waits in the backlog, up to its limit
 *
 * A copy is whole or it is none: as soon as a byte of it would be lost the connection is reset, as a stream
 * with a hole is worse than none, and the relay goes on without. Nothing here holds up the relay.
 *
 * After the last byte the mirror gets what the upstream got: FIN, or RST when the relay was cut short.
 * What it answers is thrown away.
 *
 * A subclass does the I/O: every method of it that is asked for here reports back when it is done, perhaps
 * before it returns. Owner: its engine's `Copies`, which uses it again when it is over and its relay has let go.
 */
export abstract class Copy {
  phase = CopyPhase.Over;
  /** What became of it so far. */
  outcome: MirrorOutcome = "mirrored";
  /** The number of the relay that it is a copy of. */
  relay = 0;
  private end = End.None;
  /** Its relay has let go. */
  private isLeft = true;
  /** The mirror has sent FIN. */
  private mirrorEnded = false;
  /** Bytes of the backlog that were taken since the last look whether it stands still. */
  private takenSince = 0;
  private ofMirror: Mirror | null = null;
  /** Counts its dials, so that what comes late for an earlier one is told apart. */
  private dials = 0;
  /** Addresses of the mirror's name that are still to be tried. */
  private untried: readonly Address[] = NONE;

  /** @param backlog of its own */
  constructor(
    private readonly copies: CopyOwner,
    protected readonly backlog: Backlog,
  ) {}

  /** Connects to a literal address, or a path; reports {@link connected} or {@link attemptFailed}. */
  protected abstract attempt(address: Address): void;
  /** Sends what can be sent now. @returns bytes that were taken, or −1 when the mirror is gone */
  protected abstract write(bytes: Uint8Array): number;
  /** Sends what waits as the mirror takes it; each time reports {@link took}. */
  protected abstract sendWaiting(): void;
  protected abstract sendFin(): void;
  /** Bytes that only our kernel has. */
  protected abstract get unsent(): number;
  /** Ends the dial or the connection, by RST unless it is clean; reports {@link released}. */
  protected abstract close(isClean: boolean): void;

  /** Its mirror. Asserts that it was begun once. */
  get mirror(): Mirror {
    assert(this.ofMirror !== null, "copy: it has a mirror");
    return this.ofMirror;
  }

  /** Whether nobody has anything to do with it any more. */
  get isFree(): boolean {
    return this.phase === CopyPhase.Over && this.isLeft;
  }

  /** A relay begins to be copied. */
  begin(mirror: Mirror, relay: number): void {
    assert(this.isFree, "begin: it is nobody's");
    this.ofMirror = mirror;
    this.relay = relay;
    this.outcome = "mirrored";
    this.phase = CopyPhase.Dialing;
    this.end = End.None;
    this.isLeft = false;
    this.mirrorEnded = false;
    this.takenSince = 0;
    this.backlog.limit = mirror.options.bufferSize;
  }

  /** Dials the mirror. Before it answers there may be bytes. */
  connect(): void {
    this.mirror.dialing.add(this);
    this.dial(this.mirror.options.address);
  }

  private dial(address: Address): void {
    const dial = ++this.dials;
    this.untried = NONE;
    if (!mustAsk(address)) {
      this.attempt(address);
      return;
    }
    this.copies.resolve(address, null, (addresses, refusal) => {
      // It may have been given up meanwhile, and be another relay's.
      if (this.dials !== dial || this.phase !== CopyPhase.Dialing) return;
      this.untried = addresses;
      if (addresses.length > 0) this.attemptFailed("");
      else this.notDialed(refusal);
    });
  }

  /** The upstream has taken these bytes, which are not looked at any more afterwards. */
  push(bytes: Uint8Array): void {
    if (this.phase !== CopyPhase.Dialing && this.phase !== CopyPhase.Open) return;
    let rest = bytes;
    if (this.phase === CopyPhase.Open && this.backlog.size === 0) {
      const taken = this.write(bytes);
      if (taken < 0) {
        this.drop("reset");
        return;
      }
      this.mirror.account.sent(taken);
      if (taken === bytes.length) return;
      rest = bytes.subarray(taken);
    }
    this.wait(rest);
  }

  /** The upstream has got FIN: so does the mirror, after the last byte. */
  finish(): void {
    this.end = End.Fin;
    this.advance();
  }

  /**
   * Its relay is over. What waits has a bounded time to be taken.
   *
   * @param isClean the upstream's connection was closed in an orderly way
   */
  leave(isClean: boolean): void {
    this.isLeft = true;
    if (this.phase === CopyPhase.Over) this.copies.free(this);
    if (this.phase === CopyPhase.Over || this.phase === CopyPhase.Closing) return;
    if (this.end === End.None) this.end = isClean ? End.Fin : End.Reset;
    this.copies.leaving.add(this);
    this.advance();
  }

  /** Gives it up and tells. @param detail the system's own word, such as ECONNREFUSED; may be empty */
  drop(reason: DropReason, detail = ""): void {
    if (!this.giveUp(reason)) return;
    this.copies.told(this, reason, detail);
  }

  /** Gives it up. @returns whether that was news */
  giveUp(reason: DropReason): boolean {
    if (this.phase === CopyPhase.Over || this.phase === CopyPhase.Closing) return false;
    this.outcome = reason;
    this.mirror.account.drop(reason);
    this.closeNow(false);
    return true;
  }

  dialTimedOut(): void {
    this.dialFailed("ETIMEDOUT");
  }

  /** Its rest was not taken soon enough after the end of its relay. */
  leftTooLong(): void {
    this.drop("timeout");
  }

  /** Looks whether the mirror has taken anything since it was asked before. */
  lookStill(): void {
    if (this.backlog.size === 0 || this.phase !== CopyPhase.Open) return;
    if (this.takenSince === 0) {
      this.drop("timeout");
      return;
    }
    this.takenSince = 0;
    this.copies.waiting.add(this);
  }

  /** Goes on as far as it can: after the last byte comes the end. */
  advance(): void {
    if (this.phase !== CopyPhase.Open || this.backlog.size > 0) return;
    if (this.end === End.Fin) {
      this.phase = CopyPhase.Ended;
      this.sendFin();
      if (this.mirrorEnded) this.closeNow(true);
    } else if (this.end === End.Reset) {
      // A reset discards what has not left our kernel.
      if (this.unsent > 0) this.copies.draining.add(this);
      else this.closeNow(false);
    }
  }

  // --- what the engine reports ---

  /** The mirror has answered. */
  protected connected(): void {
    const { mirror, backlog } = this;
    mirror.dialing.delete(this);
    mirror.answered();
    this.phase = CopyPhase.Open;
    if (backlog.size === 0) this.advance();
    else {
      this.copies.waiting.add(this);
      this.sendWaiting();
    }
  }

  /** The name's next address is tried; without one the dial has failed. @param code the system's */
  protected attemptFailed(code: string): void {
    const [next, ...others] = this.untried;
    this.untried = others;
    if (next === undefined) this.dialFailed(code);
    else this.attempt(next);
  }

  /** The dial came to nothing. */
  private dialFailed(detail: string): void {
    // What is wanting on this machine is no reason to leave the mirror alone.
    if (ownShortage(detail) === null) this.mirror.failed();
    this.drop("unreachable", detail);
  }

  /** Nobody is dialled. */
  private notDialed(refusal: DialRefusal | null | undefined): void {
    const { detail } = withoutAddress(refusal);
    this.mirror.failed();
    this.drop(refusal ?? "unreachable", detail);
  }

  /** The mirror has taken the first `size` bytes of what waits, all of them in the first segment. */
  protected took(size: number): void {
    const { backlog } = this;
    backlog.consume(size);
    this.mirror.account.sent(size);
    this.takenSince += size;
    if (backlog.size > 0) return;
    this.copies.waiting.delete(this);
    this.advance();
  }

  /** The mirror takes nothing any more. */
  protected gone(detail: string): void {
    this.drop("reset", detail);
  }

  /** The mirror has sent FIN. */
  protected sourceEnded(): void {
    this.mirrorEnded = true;
    if (this.phase === CopyPhase.Ended) this.closeNow(true);
  }

  /** Its connection is closed, and nobody reads from its backlog any more. */
  protected released(): void {
    this.backlog.clear();
    this.phase = CopyPhase.Over;
    this.copies.over(this);
    if (this.isLeft) this.copies.free(this);
  }

  private closeNow(isClean: boolean): void {
    this.phase = CopyPhase.Closing;
    this.mirror.dialing.delete(this);
    this.close(isClean);
  }

  /** Keeps bytes until the mirror takes them. */
  private wait(bytes: Uint8Array): void {
    const { backlog } = this;
    const isFirst = backlog.size === 0;
    const kept = backlog.add(bytes);
    if (kept !== Kept.All) this.drop(kept === Kept.TooMany ? "slow" : "memory");
    else if (isFirst && this.phase === CopyPhase.Open) {
      this.takenSince = 0;
      this.copies.waiting.add(this);
      this.sendWaiting();
    }
  }
}

const NONE: readonly Address[] = [];
