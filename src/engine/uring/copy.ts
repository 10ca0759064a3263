import type { Address } from "../../config/options.ts";
import type { Backlog } from "../../memory/backlog.ts";
import { dialCode } from "../dial-reason.ts";
import { addressOf, Errno, errnoName, STREAM_SOCKET } from "../linux.ts";
import { Copy, CopyPhase } from "../mirror/copy.ts";
import type { CopyTable } from "./copy-table.ts";
import type { Encoded } from "./dialer.ts";
import type { Loop } from "./loop.ts";
import { Operation, ticketLow } from "./ticket.ts";

/**
 * A copy on io_uring. What the mirror takes at once is sent beside the ring, from where the relay's bytes
 * lie: they are free again right after. What it leaves is sent by one operation at a time, and one other
 * receives what the mirror answers, into memory that nobody reads.
 *
 * It has a slot of its own, which its tickets name. `pending` counts the operations of it that the kernel
 * has; its connection is closed, and its slot may be used again, when there is none left.
 *
 * Owner: the loop's {@link CopyTable}.
 */
export class UringCopy extends Copy {
  /** Counts the relays that it was a copy for: part of every ticket. */
  generation = 0;
  /** Operations that the kernel has. */
  pending = 0;
  descriptor = -1;
  private sending = false;
  private receiving = false;
  /** Operation of the dial that can be cancelled, or {@link Operation.Ignored}. */
  private dialOperation = Operation.Ignored;
  /** The address that is dialled, and those of the same host name that are still to be tried. */
  private dialled: Encoded | null = null;
  private others: readonly (Encoded | null)[] = [];
  private closesClean = false;

  constructor(
    private readonly loop: Loop,
    private readonly table: CopyTable,
    readonly slot: number,
    backlog: Backlog,
  ) {
    super(loop.copies, backlog);
  }

  protected dial(address: Address): void {
    this.generation++;
    this.closesClean = false;
    const { loop, generation } = this;
    const encoded = loop.dialer.encode(address);
    if (encoded !== null) this.open(encoded, []);
    else {
      loop.report.resolve(address, null, (addresses, refusal) => {
        // It may have been given up meanwhile, and be another relay's.
        if (this.generation !== generation || this.phase !== CopyPhase.Dialing) return;
        const [first, ...others] = addresses.map((one) => loop.dialer.encode(one));
        if (first) this.open(first, others);
        else this.notDialed(refusal);
      });
    }
  }

  /** The socket is open, or could not be. */
  socketCompleted(result: number): void {
    this.pending--;
    this.dialOperation = Operation.Ignored;
    const { loop } = this;
    if (result < 0) {
      loop.descriptors.closed(1);
      this.attemptFailed(errnoName(-result));
      return;
    }
    this.descriptor = result;
    loop.added(result);
    if (this.phase !== CopyPhase.Dialing) {
      this.join();
      return;
    }
    const { bytes, address, isTcp, where } = this.dialled as Encoded;
    const bound = loop.dialer.comeFrom(result, this.mirror.options.sourceAddresses ?? [], where);
    if (bound < 0) {
      this.closeDescriptor();
      this.attemptFailed(errnoName(-bound));
      return;
    }
    if (isTcp) {
      loop.dialer.noDelay(result);
      loop.dialer.receiveMany(result);
    }
    const low = this.begins(Operation.MirrorConnect);
    this.dialOperation = Operation.MirrorConnect;
    loop.prepare.connect(result, address, bytes.length, low, this.generation);
  }

  /** The mirror has answered, or not. */
  connectCompleted(result: number): void {
    this.pending--;
    this.dialOperation = Operation.Ignored;
    if (this.phase !== CopyPhase.Dialing) this.join();
    else if (result < 0 || this.loop.metItself(this.descriptor, this.dialled as Encoded)) {
      this.closeDescriptor();
      const code = errnoName(result < 0 ? -result : Errno.ECONNREFUSED);
      this.attemptFailed(dialCode(code, (this.dialled as Encoded).bytes));
    } else {
      this.receive();
      this.connected();
    }
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
    if (this.dialOperation !== Operation.Ignored) this.cancel(this.dialOperation);
    if (this.sending) this.cancel(Operation.MirrorSend);
    if (this.receiving) this.cancel(Operation.MirrorReceive);
    this.join();
  }

  private open(address: Encoded, others: readonly (Encoded | null)[]): void {
    this.dialled = address;
    this.others = others;
    this.loop.descriptors.opened(1);
    const low = this.begins(Operation.MirrorSocket);
    this.dialOperation = Operation.MirrorSocket;
    this.loop.prepare.socket(address.family, STREAM_SOCKET, low, this.generation);
  }

  /** The name's next address is tried, if there is one; else the dial has failed. */
  private attemptFailed(code: string): void {
    const [next, ...others] = this.others;
    if (this.phase !== CopyPhase.Dialing) this.join();
    else if (next) this.open(next, others);
    else this.dialFailed(code);
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
    this.loop.descriptors.closed(1);
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
