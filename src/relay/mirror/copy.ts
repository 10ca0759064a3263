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

/** The phases of a copy. */
export enum CopyPhase {
  /** It has neither a connection nor memory. */
  Over,
  /** The mirror is being dialled; bytes wait. */
  Dialing,
  /** Connected: bytes go out as the mirror takes them. */
  Open,
  /** Everything and FIN were sent. Closing before the mirror's own FIN would reset it. */
  Ended,
  /** Its connection is being closed. */
  Closing,
}

/** The part of {@link Copies} that a copy uses. */
interface CopyOwner {
  readonly resolve: ResolveName;
  readonly leaving: Deadlines<Copy>;
  readonly waiting: Deadlines<Copy>;
  readonly draining: Deadlines<Copy>;
  told(copy: Copy, reason: DropReason, detail: string): void;
  over(copy: Copy): void;
  free(copy: Copy): void;
}

/** What follows the last byte. */
enum End {
  /** Unknown: the relay may bring more bytes. */
  None,
  Fin,
  Reset,
}

/**
 * A copy of the bytes that one relay's upstream gets, for a mirror.
 *
 *     upstream took n bytes ─► push ─► the mirror takes them at once: nothing is copied
 *                                 └──► the rest waits in the backlog, up to its limit
 *
 * A copy is complete or given up: as soon as a byte would be lost, the connection is reset, because
 * a stream with a hole is worse than none. The relay goes on without it. A copy never delays its
 * relay.
 *
 * After the last byte the mirror gets what the upstream got: FIN, or RST if the relay was cut
 * short. The mirror's answers are discarded.
 *
 * A subclass does the I/O. Its methods report their results, perhaps before they return. Owner: the
 * engine's `Copies`, which reuses it once it is over and its relay has released it.
 */
export abstract class Copy {
  phase = CopyPhase.Over;
  /** What became of it so far. */
  outcome: MirrorOutcome = "mirrored";
  /** The number of its relay. */
  relay = 0;
  private end = End.None;
  /** Its relay has released it. */
  private isLeft = true;
  /** The mirror has sent FIN. */
  private mirrorEnded = false;
  /** Bytes of the backlog that the mirror has taken since the last check. */
  private takenSince = 0;
  private ofMirror: Mirror | null = null;
  /** Counts its dials, so that late answers for an earlier one are recognized. */
  private dials = 0;
  /** Addresses of the mirror's name that were not tried yet. */
  private untried: readonly Address[] = NONE;

  constructor(
    private readonly copies: CopyOwner,
    protected readonly backlog: Backlog,
  ) {}

  /** Connects to an address or path; ends in {@link connected} or {@link attemptFailed}. */
  protected abstract attempt(address: Address): void;
  /** Sends what can be sent now. @returns the number of bytes taken; −1 if the mirror is gone */
  protected abstract write(bytes: Uint8Array): number;
  /** Sends waiting bytes as the mirror takes them; reports each time {@link took}. */
  protected abstract sendWaiting(): void;
  protected abstract sendFin(): void;
  /** Bytes that only our kernel has. */
  protected abstract get unsent(): number;
  /** Ends the dial or the connection, by RST unless it is clean; reports {@link released}. */
  protected abstract close(isClean: boolean): void;

  /** Its mirror. Asserts that the copy has begun. */
  get mirror(): Mirror {
    assert(this.ofMirror !== null, "copy: it has a mirror");
    return this.ofMirror;
  }

  /** Whether it may be reused. */
  get isFree(): boolean {
    return this.phase === CopyPhase.Over && this.isLeft;
  }

  /** Begins the copy of a relay. */
  begin(mirror: Mirror, relay: number): void {
    assert(this.isFree, "begin: the copy is free");
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

  /** Dials the mirror. Bytes may come before it answers. */
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
      // The copy may have been given up meanwhile, and be another relay's.
      if (this.dials !== dial || this.phase !== CopyPhase.Dialing) return;
      this.untried = addresses;
      if (addresses.length > 0) this.attemptFailed("");
      else this.notDialed(refusal);
    });
  }

  /** The upstream has taken these bytes, which are not referenced afterwards. */
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

  /** The upstream got FIN, and so does the mirror, after the last byte. */
  finish(): void {
    this.end = End.Fin;
    this.advance();
  }

  /**
   * Its relay is over. The mirror has a bounded time to take the waiting bytes.
   *
   * @param isClean whether the upstream's connection ended with a FIN
   */
  leave(isClean: boolean): void {
    this.isLeft = true;
    if (this.phase === CopyPhase.Over) this.copies.free(this);
    if (this.phase === CopyPhase.Over || this.phase === CopyPhase.Closing) return;
    if (this.end === End.None) this.end = isClean ? End.Fin : End.Reset;
    this.copies.leaving.add(this);
    this.advance();
  }

  /** Gives it up and reports that. @param detail the system's error code; may be empty */
  drop(reason: DropReason, detail = ""): void {
    if (!this.giveUp(reason)) return;
    this.copies.told(this, reason, detail);
  }

  /** Gives it up. @returns false if it was already over */
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

  /** The mirror did not take the last bytes in time after the end of the relay. */
  leftTooLong(): void {
    this.drop("timeout");
  }

  /** Checks whether the mirror has taken anything since the last check. */
  lookStill(): void {
    if (this.backlog.size === 0 || this.phase !== CopyPhase.Open) return;
    if (this.takenSince === 0) {
      this.drop("timeout");
      return;
    }
    this.takenSince = 0;
    this.copies.waiting.add(this);
  }

  /** Ends the stream to the mirror once everything was sent and the relay has ended. */
  advance(): void {
    if (this.phase !== CopyPhase.Open || this.backlog.size > 0) return;
    if (this.end === End.Fin) {
      this.phase = CopyPhase.Ended;
      this.sendFin();
      if (this.mirrorEnded) this.closeNow(true);
    } else if (this.end === End.Reset) {
      // A reset would discard what has not left our kernel.
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

  /** Tries the name's next address. Without one the dial has failed. @param code the system's */
  protected attemptFailed(code: string): void {
    const [next, ...others] = this.untried;
    this.untried = others;
    if (next === undefined) this.dialFailed(code);
    else this.attempt(next);
  }

  private dialFailed(detail: string): void {
    // A shortage on this machine is no reason to pause dials to the mirror.
    if (ownShortage(detail) === null) this.mirror.failed();
    this.drop("unreachable", detail);
  }

  /** The name has no address that may be dialled. */
  private notDialed(refusal: DialRefusal | null | undefined): void {
    const { detail } = withoutAddress(refusal);
    this.mirror.failed();
    this.drop(refusal ?? "unreachable", detail);
  }

  /** The mirror has taken `size` waiting bytes, all from the first segment. */
  protected took(size: number): void {
    const { backlog } = this;
    backlog.consume(size);
    this.mirror.account.sent(size);
    this.takenSince += size;
    if (backlog.size > 0) return;
    this.copies.waiting.delete(this);
    this.advance();
  }

  /** The mirror takes no more bytes. */
  protected gone(detail: string): void {
    this.drop("reset", detail);
  }

  /** The mirror has sent FIN. */
  protected sourceEnded(): void {
    this.mirrorEnded = true;
    if (this.phase === CopyPhase.Ended) this.closeNow(true);
  }

  /** Its connection is closed, and the carrier no longer reads its backlog. */
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

  /** Queues bytes until the mirror takes them. */
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
