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

/** The part of the loop that copies use. */
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
 * A copy on io_uring. What the mirror takes at once is sent without the ring, from where the
 * relay's bytes lie, which are free again right after. One operation at a time sends the rest, and
 * another one receives the mirror's answers into memory that is never read.
 *
 * Its tickets name its slot. `pending` counts its operations in the kernel; when it is 0 the
 * connection may be closed and the slot reused.
 *
 * Owner: the loop's table of copies.
 */
export class UringCopy extends Copy implements AttemptOwner {
  /** Counts the relays that it was a copy for; part of every ticket. */
  generation = 0;
  /** How many operations the kernel has. */
  pending = 0;
  descriptor = -1;
  private sending = false;
  private receiving = false;
  /** The attempt to connect; null if there is none. */
  private connecting: UringAttempt | null = null;
  private closesClean = false;

  constructor(
    private readonly loop: CopyHost,
    /** Where mirrors' answers are received. */
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

  /** Handles the completion of the send in flight. */
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
   * Whether the mirror has reset the connection although a receive reported its end: the receive
   * before may have brought bytes and swallowed the error. After our own FIN a connection that has
   * ended looks the same.
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

  /** Closes the connection once none of its operations is in flight. */
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

/** The error does not affect the connection. */
function mayTryAgain(errno: number): boolean {
  return errno === Errno.EAGAIN || errno === Errno.EINTR || errno === Errno.ECANCELED;
}
