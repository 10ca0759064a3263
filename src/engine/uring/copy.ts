import type { Address } from "../../base/address.ts";
import type { Backlog } from "../../memory/backlog.ts";
import type { Copies } from "../../relay/mirror/copies.ts";
import { Copy, CopyPhase } from "../../relay/mirror/copy.ts";
import type { Descriptors } from "../../system/descriptors.ts";
import { addressOf, Errno, errnoName, type Mapping } from "../../system/linux.ts";
import type { AttemptOwner, Connector, UringAttempt } from "./connector.ts";
import type { Sockets } from "./kernel.ts";
import type { Prepare } from "./prepare.ts";
import { Operation, ticketLow } from "./ticket.ts";
import type { Tuning } from "./tuning.ts";

/** What copies need of their loop. */
export interface CopyHost {
  readonly connector: Connector;
  readonly hall: { readonly copies: Copies; readonly descriptors: Descriptors };
  readonly prepare: Prepare;
  readonly sockets: Sockets;
  readonly tuning: Tuning;
  /** @param isClean with FIN, not RST */
  closeSocket(descriptor: number, isClean: boolean): void;
}

/**
 * A copy on io_uring. What the mirror takes at once is sent beside the ring, from where the relay's bytes
 * lie: they are free again right after. What it leaves is sent by one operation at a time, and one other
 * receives what the mirror answers, into memory that nobody reads.
 *
 * It has a slot of its own, which its tickets name. `pending` counts the operations of it that the kernel
 * has; its connection is closed, and its slot may be used again, when there is none left.
 *
 * Owner: the loop's table of copies.
 */
export class UringCopy extends Copy implements AttemptOwner {
  /** Counts the relays that it was a copy for: part of every ticket. */
  generation = 0;
  /** Operations that the kernel has. */
  pending = 0;
  descriptor = -1;
  private sending = false;
  private receiving = false;
  /** It connects; null when it does not. */
  private connecting: UringAttempt | null = null;
  private closesClean = false;

  constructor(
    private readonly loop: CopyHost,
    /** Where what mirrors answer is received, and nobody reads it. */
    private readonly table: { readonly scratch: Mapping },
    readonly slot: number,
    backlog: Backlog,
  ) {
    super(loop.hall.copies, backlog);
  }

  get sources(): readonly string[] {
    return this.mirror.options.sourceAddresses ?? [];
  }

  protected attempt(address: Address): void {
    this.generation++;
    this.closesClean = false;
    this.connecting = this.loop.connector.attempt(this, address);
    this.connecting.begin();
  }

  attemptAnswered({ address }: UringAttempt, descriptor: number): void {
    this.connecting = null;
    this.descriptor = descriptor;
    if (address.kind === "tcp") this.loop.tuning.receiveMany(descriptor);
    this.receive();
    this.connected();
  }

  attemptLost(_attempt: UringAttempt, code: string): void {
    this.connecting = null;
    this.attemptFailed(code);
  }

  /** The completion of the send in flight. */
  sendCompleted(result: number): void {
    this.pending--;
    this.sending = false;
    if (this.phase !== CopyPhase.Open) this.join();
    else if (result > 0) {
      this.took(result);
      this.sendWaiting();
    } else if (mayTryAgain(-result)) this.sendWaiting();
    else this.gone(errnoName(-result));
  }

  /** The mirror has answered something, or has ended. */
  receiveCompleted(result: number): void {
    this.pending--;
    this.receiving = false;
    if (this.phase === CopyPhase.Closing) this.join();
    else if (result > 0 || mayTryAgain(-result)) this.receive();
    else if (result < 0) this.gone(errnoName(-result));
    else if (this.isReset) this.gone(errnoName(Errno.ECONNRESET));
    else this.sourceEnded();
  }

  /**
   * Whether the mirror has reset the connection, though a receive has said that it ended: the one before
   * has brought some bytes and kept the error to itself. After our own FIN a connection that has ended looks
   * the same.
   */
  private get isReset(): boolean {
    return (
      this.phase === CopyPhase.Open && this.loop.sockets.otherAddress(this.descriptor) === null
    );
  }

  protected write(bytes: Uint8Array): number {
    const taken = this.loop.sockets.sendNow(this.descriptor, bytes);
    if (taken >= 0) return taken;
    return mayTryAgain(-taken) ? 0 : -1;
  }

  protected sendWaiting(): void {
    const { backlog } = this;
    if (this.phase !== CopyPhase.Open || backlog.size === 0) return;
    const { pool, first, firstSize } = backlog;
    const address = addressOf(pool.view(first)) + (pool.start[first] as number);
    this.sending = true;
    const low = this.begins(Operation.MirrorSend);
    this.loop.prepare.send(this.descriptor, address, firstSize, false, low, this.generation);
  }

  protected sendFin(): void {
    this.loop.sockets.endSending(this.descriptor);
  }

  protected get unsent(): number {
    return this.loop.sockets.unsentBytes(this.descriptor);
  }

  protected close(isClean: boolean): void {
    this.closesClean = isClean;
    this.connecting?.abandon();
    this.connecting = null;
    if (this.sending) this.cancel(Operation.MirrorSend);
    if (this.receiving) this.cancel(Operation.MirrorReceive);
    this.join();
  }

  private receive(): void {
    this.receiving = true;
    const low = this.begins(Operation.MirrorReceive);
    const { scratch } = this.table;
    const { prepare } = this.loop;
    const { address, buffer } = scratch;
    prepare.discard(this.descriptor, address, buffer.byteLength, low, this.generation);
  }

  /** Closes the connection when nothing of it is in flight. */
  private join(): void {
    if (this.pending > 0) return;
    this.closeDescriptor();
    this.released();
  }

  private closeDescriptor(): void {
    const { descriptor } = this;
    if (descriptor < 0) return;
    this.descriptor = -1;
    this.loop.closeSocket(descriptor, this.closesClean);
    this.loop.hall.descriptors.closed(1);
  }

  private begins(operation: Operation): number {
    this.pending++;
    return ticketLow(operation, this.slot);
  }

  private cancel(operation: Operation): void {
    this.loop.prepare.cancel(ticketLow(operation, this.slot), this.generation);
  }
}

/** Nothing is wrong with the connection. */
function mayTryAgain(errno: number): boolean {
  return errno === Errno.EAGAIN || errno === Errno.EINTR || errno === Errno.ECANCELED;
}
