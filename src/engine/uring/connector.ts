import type { Address } from "../../base/address.ts";
import type { DialAttempt } from "../../relay/dialer.ts";
import type { Descriptors } from "../../system/descriptors.ts";
import { dialCode } from "../../system/dial-reason.ts";
import { addressOf, Errno, errnoName, STREAM_SOCKET } from "../../system/linux.ts";
import { encodeSockaddr } from "../../system/sockaddr.ts";
import type { Sockets } from "./kernel.ts";
import type { Prepare } from "./prepare.ts";
import { Operation, ticketLow } from "./ticket.ts";
import type { Tuning } from "./tuning.ts";

/** What attempts need of their loop. */
export interface ConnectorHost {
  readonly hall: { readonly descriptors: Descriptors; settleStop(): void };
  readonly prepare: Prepare;
  readonly sockets: Sockets;
  readonly tuning: Tuning;
  /** The kernel could not open a socket. */
  starved(errno: number): void;
  /** The kernel has opened this one. */
  added(descriptor: number): void;
  /** @param isClean with FIN, not RST */
  closeSocket(descriptor: number, isClean: boolean): void;
}

/** An address as connect(2) wants it. */
interface Encoded {
  /** The kernel reads them where they lie, so they live as long as the attempt. */
  readonly bytes: Uint8Array;
  readonly address: number;
  readonly family: number;
}

/** Who waits for an attempt. */
export interface AttemptOwner {
  /** Addresses that it may come from; see {@link ListenerOptions.sourceAddresses}. */
  readonly sources: readonly string[];
  /** It was answered: the descriptor, which is counted, is the owner's from now on. */
  attemptAnswered(attempt: UringAttempt, descriptor: number): void;
  /** @param code the system's, such as ECONNREFUSED */
  attemptLost(attempt: UringAttempt, code: string): void;
}

/**
 * One try to connect to one address:
 *
 *     socket ─► options, connect ─► answered | lost        abandoned at any time: cancelled, then closed
 *
 * It has a slot, which its tickets name, so that nobody has to wait for one that was abandoned.
 *
 * Owner: the {@link Connector}.
 */
export class UringAttempt implements DialAttempt {
  /** Counts who had it: part of every ticket. */
  generation = 0;
  /** What the kernel has of it; {@link Operation.Ignored} when that is nothing. */
  operation = Operation.Ignored;
  address: Address = NOWHERE;
  /** The same as the kernel wants it. */
  private encoded: Encoded = NOTHING;
  /** Null once nobody waits for it any more. */
  owner: AttemptOwner | null = null;
  private descriptor = -1;

  constructor(
    private readonly loop: ConnectorHost,
    private readonly connector: Connector,
    readonly slot: number,
  ) {}

  /** It is to begin now, for somebody. */
  open(owner: AttemptOwner, address: Address, encoded: Encoded): void {
    this.generation++;
    this.owner = owner;
    this.address = address;
    this.encoded = encoded;
  }

  begin(): void {
    const { encoded, generation, loop } = this;
    loop.hall.descriptors.opened(1);
    const low = this.ticket(Operation.Socket);
    loop.prepare.socket(encoded.family, STREAM_SOCKET, low, generation);
  }

  abandon(): void {
    this.owner = null;
    this.loop.prepare.cancel(ticketLow(this.operation, this.slot), this.generation);
  }

  /** A completion of its operation. */
  completed(operation: Operation, result: number): void {
    this.operation = Operation.Ignored;
    if (operation === Operation.Socket) this.socketCompleted(result);
    else this.connectCompleted(result);
  }

  /** A socket is open, or could not be. */
  private socketCompleted(result: number): void {
    const { loop, owner } = this;
    if (result < 0) {
      loop.hall.descriptors.closed(1);
      loop.starved(-result);
      this.lost(errnoName(-result));
      return;
    }
    this.descriptor = result;
    loop.added(result);
    if (owner === null) {
      this.close(Errno.ECANCELED);
      return;
    }
    const { address, encoded } = this;
    const bound = loop.tuning.comeFrom(result, owner.sources, address);
    if (bound < 0) {
      this.close(-bound);
      return;
    }
    if (address.kind === "tcp") loop.tuning.noDelay(result);
    loop.tuning.keepUrgentBytes(result);
    const low = this.ticket(Operation.Connect);
    loop.prepare.connect(result, encoded.address, encoded.bytes.length, low, this.generation);
  }

  /** The address has answered, or not. */
  private connectCompleted(result: number): void {
    const { address, connector, descriptor, encoded, loop, owner } = this;
    if (result < 0 || owner === null) this.close(result < 0 ? -result : Errno.ECANCELED);
    else if (address.kind === "tcp" && loop.sockets.meetsItself(descriptor, encoded.bytes)) {
      this.close(Errno.ECONNREFUSED);
    } else {
      this.descriptor = -1;
      connector.release(this);
      owner.attemptAnswered(this, descriptor);
    }
  }

  /** It came to nothing: its descriptor goes. */
  private close(errno: number): void {
    const { descriptor, encoded, loop } = this;
    this.descriptor = -1;
    loop.closeSocket(descriptor, false);
    loop.hall.descriptors.closed(1);
    this.lost(dialCode(errnoName(errno), encoded.bytes));
  }

  private lost(code: string): void {
    const { owner } = this;
    this.connector.release(this);
    owner?.attemptLost(this, code);
  }

  private ticket(operation: Operation): number {
    this.operation = operation;
    return ticketLow(operation, this.slot);
  }
}

/** The attempts of a loop, by their slots, which are used again and again. Owner: the loop. */
export class Connector {
  readonly slots: UringAttempt[] = [];
  private readonly spare: UringAttempt[] = [];
  /** Made once for each address that was dialled. */
  private readonly encoded = new WeakMap<Address, Encoded>();

  constructor(private readonly loop: ConnectorHost) {}

  /** Attempts of which the kernel has something. */
  get count(): number {
    return this.slots.length - this.spare.length;
  }

  /** An attempt that is to begin now. @param address literal, or a path */
  attempt(owner: AttemptOwner, address: Address): UringAttempt {
    const attempt = this.spare.pop() ?? this.add();
    attempt.open(owner, address, this.encode(address));
    return attempt;
  }

  /** A completion of one of the attempts' operations. */
  completed(operation: Operation, slot: number, generation: number, result: number): void {
    const attempt = this.slots[slot];
    if (attempt?.generation === generation) attempt.completed(operation, result);
  }

  /** The kernel has nothing of an attempt any more. */
  release(attempt: UringAttempt): void {
    attempt.owner = null;
    this.spare.push(attempt);
    this.loop.hall.settleStop();
  }

  /** The address in the kernel's form. */
  private encode(address: Address): Encoded {
    let encoded = this.encoded.get(address);
    if (encoded === undefined) {
      const bytes = encodeSockaddr(address);
      encoded = { bytes, address: addressOf(bytes), family: bytes[0] as number };
      this.encoded.set(address, encoded);
    }
    return encoded;
  }

  private add(): UringAttempt {
    const attempt = new UringAttempt(this.loop, this, this.slots.length);
    this.slots.push(attempt);
    return attempt;
  }
}

const NOWHERE: Address = { kind: "unix", path: "" };
const NOTHING: Encoded = { bytes: new Uint8Array(0), address: 0, family: 0 };
