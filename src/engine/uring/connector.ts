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

/** The part of the loop that attempts use. */
export interface ConnectorHost {
  readonly hall: { readonly descriptors: Descriptors; settleStop(): void };
  readonly prepare: Prepare;
  readonly sockets: Sockets;
  readonly tuning: Tuning;
  /** The kernel could not open a socket. */
  starved(errno: number): void;
  /** The kernel has opened a socket. */
  added(descriptor: number): void;
  /** @param isClean with FIN, not RST */
  closeSocket(descriptor: number, isClean: boolean): void;
}

/** An address in the form of connect(2). */
interface Encoded {
  /** The kernel reads them in place, so they live as long as the attempt. */
  readonly bytes: Uint8Array;
  readonly address: number;
  readonly family: number;
}

/** The relay or copy that an attempt is for. */
export interface AttemptOwner {
  /** Addresses to dial from; see {@link ListenerOptions.sourceAddresses}. */
  readonly sources: readonly string[];
  /** The attempt succeeded: the owner takes over the descriptor, which is already counted. */
  attemptAnswered(attempt: UringAttempt, descriptor: number): void;
  /** @param code the system's, such as ECONNREFUSED */
  attemptLost(attempt: UringAttempt, code: string): void;
}

/**
 * One attempt to connect to one address:
 *
 *     socket ─► options, connect ─► answered | lost        abandoned at any time: cancelled, then closed
 *
 * Its tickets name its slot, so that an abandoned attempt can end by itself.
 *
 * Owner: the {@link Connector}.
 */
export class UringAttempt implements DialAttempt {
  /** Counts the attempts of this slot; part of every ticket. */
  generation = 0;
  /** The operation that the kernel has; {@link Operation.Ignored} for none. */
  operation = Operation.Ignored;
  address: Address = NOWHERE;
  /** The address in the kernel's form. */
  private encoded: Encoded = NOTHING;
  /** Null once it is abandoned. */
  owner: AttemptOwner | null = null;
  private descriptor = -1;

  constructor(
    private readonly loop: ConnectorHost,
    private readonly connector: Connector,
    readonly slot: number,
  ) {}

  /** Prepares it for an owner. */
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

  completed(operation: Operation, result: number): void {
    this.operation = Operation.Ignored;
    if (operation === Operation.Socket) this.socketCompleted(result);
    else this.connectCompleted(result);
  }

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

  /** Closes the descriptor of a failed attempt. */
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

/** The attempts of a loop, by slots that are reused. Owner: the loop. */
export class Connector {
  readonly slots: UringAttempt[] = [];
  private readonly spare: UringAttempt[] = [];
  /** Kept for each address, as it may be dialled often. */
  private readonly encoded = new WeakMap<Address, Encoded>();

  constructor(private readonly loop: ConnectorHost) {}

  /** How many attempts the kernel still has operations of. */
  get count(): number {
    return this.slots.length - this.spare.length;
  }

  /** An attempt that is ready to begin. @param address literal, or a path */
  attempt(owner: AttemptOwner, address: Address): UringAttempt {
    const attempt = this.spare.pop() ?? this.add();
    attempt.open(owner, address, this.encode(address));
    return attempt;
  }

  /** Handles a completion of an attempt's operation. */
  completed(operation: Operation, slot: number, generation: number, result: number): void {
    const attempt = this.slots[slot];
    if (attempt?.generation === generation) attempt.completed(operation, result);
  }

  /** The kernel has no operation of this attempt any more. */
  release(attempt: UringAttempt): void {
    attempt.owner = null;
    this.spare.push(attempt);
    this.loop.hall.settleStop();
  }

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
