import { Errno } from "../../src/system/linux.ts";
import { Pattern } from "../fixtures/pattern.ts";
import type { Clock } from "./clock.ts";

const POLLERR = 8;
const POLLHUP = 16;
const NOTHING = new Uint8Array(0);

/**
 * A TCP connection between ringway and a far end, with both kernels' buffers, as byte counts.
 *
 *     far end ──written──► [ inbound ≤ inboundMax ] ──received──► ringway
 *     far end ◄──read── [ ≤ farMax ] ◄──acked── [ our send queue ≤ queueMax ] ◄──sent── ringway
 *
 * What the far end writes follows a pattern of its own, so that nothing has to be stored; what
 * ringway sends is compared with the pattern of whom it should come from.
 *
 * Source: tcp_recvmsg, tcp_sendmsg, tcp_reset and tcp_poll of Linux' net/ipv4.
 */
export class Connection {
  readonly pattern: Pattern;
  written = 0;
  received = 0;
  sent = 0;
  acked = 0;
  read = 0;
  /** The far end has sent FIN. */
  hasEnded = false;
  /** Ringway has sent FIN. */
  finSent = false;
  /** Connected; an upstream's is not before connect(2) is through. */
  isOpen: boolean;
  /** It was reset by the far end, or the network took it. */
  isBroken = false;
  /** It was broken although the far end did not want that. */
  brokenByFault = false;
  /** Ringway was not told whose it is when it asked, as it was accepted. */
  isNameless = false;
  /** Ringway has closed its descriptor, and whether by RST. */
  isClosed = false;
  wasReset = false;
  /** The far end reads no more: bytes that come nevertheless are answered by RST. */
  readsNoMore = false;
  /** When bytes have last moved towards the far end: sent, or acknowledged. */
  sentAt: number;
  ackedAt: number;
  /** SO_LINGER with no time: closing resets. */
  lingers = false;
  /** The other end of the same relay, once both are there. */
  partner: Connection | null = null;
  /** It goes to a mirror: the client whose upstream's bytes are copied to it. */
  copyOf: Connection | null = null;
  /** What the far end writes before its pattern, and how many bytes of it nobody gets, as they are a header. */
  begins: Uint8Array = NOTHING;
  headerSize = 0;
  /** What ringway has sent ahead of what it carries; not counted as sent. */
  told: Uint8Array = NOTHING;
  /** `sk_err`: told once, to whoever asks first. */
  private error = 0;

  constructor(
    readonly name: string,
    seed: number,
    readonly isClient: boolean,
    private readonly clock: Clock,
    readonly inboundMax: number,
    readonly queueMax: number,
    readonly farMax: number,
  ) {
    this.pattern = new Pattern(seed);
    this.isOpen = isClient;
    this.sentAt = this.ackedAt = clock.now;
  }

  /** Bytes that ringway could receive now. */
  get readable(): number {
    return this.written - this.received;
  }

  /** Bytes that the far end could write now. */
  get inboundRoom(): number {
    return this.isBroken || this.isClosed ? 0 : this.inboundMax - this.readable;
  }

  /** Bytes that ringway could send now. */
  get sendRoom(): number {
    return this.queueMax - (this.sent - this.acked);
  }

  /** A receive would not have to wait. */
  get isReadable(): boolean {
    return this.readable > 0 || this.hasEnded || this.isBroken;
  }

  /** What a receive says that finds no byte: 0 for the end, −errno, or null when it has to wait. */
  receiveVerdict(): number | null {
    if (this.hasEnded) return 0;
    const error = this.takeError();
    if (error !== 0) return -error;
    return this.isBroken ? 0 : null;
  }

  /** Why a send fails, as −errno, or null when it does not. */
  sendVerdict(): number | null {
    if (this.finSent) return -Errno.EPIPE;
    if (!this.isBroken) return null;
    const error = this.takeError();
    return error !== 0 ? -error : -Errno.EPIPE;
  }

  /** What poll(2) says when it is asked for nothing: the events that nobody can leave out. */
  get pollMask(): number {
    if (this.isBroken) return (this.error !== 0 ? POLLERR : 0) | POLLHUP;
    return this.hasEnded && this.finSent ? POLLHUP : 0;
  }

  /** The far end resets it, or the network does. */
  break(errno: number): void {
    if (this.isBroken) return;
    this.isBroken = true;
    this.error = this.hasEnded ? Errno.EPIPE : errno;
  }

  /** Ringway has sent so many bytes. */
  take(size: number): void {
    this.sent += size;
    this.sentAt = this.clock.now;
  }

  /** Moves what was sent as far as the far end's buffer takes it. @returns whether anything moved */
  carry(): boolean {
    if (this.isBroken || this.wasReset || this.sent === this.acked) return false;
    if (this.readsNoMore) {
      this.break(Errno.ECONNRESET);
      return true;
    }
    const size = Math.min(this.sent - this.acked, this.farMax - (this.acked - this.read));
    this.acked += size;
    if (size > 0) this.ackedAt = this.clock.now;
    return size > 0;
  }

  /** The far end has all that it will ever get, and the end of it. */
  get isDelivered(): boolean {
    return this.read === this.sent && (this.finSent || this.isClosed);
  }

  private takeError(): number {
    const { error } = this;
    this.error = 0;
    return error;
  }
}
