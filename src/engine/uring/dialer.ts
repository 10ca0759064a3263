import { formatAddress } from "../../config/address.ts";
import { ipKind } from "../../config/ip.ts";
import type { Address } from "../../config/options.ts";
import type { Reason } from "../../flow/reason.ts";
import { RelayPhase } from "../../flow/relay.ts";
import { dialReason } from "../dial-reason.ts";
import { addressOf, Errno, errnoName, SocketOption, STREAM_SOCKET } from "../linux.ts";
import { encodeSockaddr } from "../sockaddr.ts";
import type { Conduit } from "./conduit.ts";
import type { Listener } from "./listener.ts";
import type { Loop } from "./loop.ts";
import { Operation } from "./ticket.ts";

/** An address as connect(2) wants it. */
export interface Encoded {
  /** The kernel reads them where they lie, so they live as long as the dial. */
  readonly bytes: Uint8Array;
  readonly address: number;
  readonly family: number;
  readonly isTcp: boolean;
}

/**
 * Connects to upstreams.
 *
 *     literal address: socket ─► options, connect ─► dialed | dialFailed
 *     host name:       the control plane looks it up, then the same for each of its addresses
 *
 * A dial that is given up is cancelled; it fails then, and its descriptor is closed at once.
 */
export class Dialer {
  /** Made once for each address that was dialled; null for a host name. */
  private readonly encoded = new WeakMap<Address, Encoded | null>();
  private readonly values = new Int32Array([1]);
  private readonly valuesAddress = addressOf(this.values);

  constructor(private readonly loop: Loop) {}

  /** Dials the conduit's next upstream. Ends in `dialed`, `dialFailed` or `notDialed`. */
  dial(conduit: Conduit): void {
    const { loop } = this;
    conduit.givenUp = null;
    const address = conduit.nextUpstream();
    if (address === null) {
      const why = conduit.listener.waiting.add(conduit);
      if (why !== null) conduit.notDialed(why);
      return;
    }
    if (loop.descriptors.exhausted) {
      this.failed(conduit, "descriptor_limit", "none left");
      return;
    }
    conduit.listener.dialing.add(conduit);
    const encoded = this.encode(address);
    if (encoded !== null) this.open(conduit, encoded, []);
    else if (address.kind === "tcp") this.resolve(conduit, address.host, address.port);
  }

  /** Lets the kernel find out when the other end of a connection is gone without a word. */
  keepAlive(descriptor: number, { keepAliveAddress: idle }: Listener): void {
    const one = this.valuesAddress;
    this.loop.setOption(descriptor, SocketOption.keepAlive, one);
    this.loop.setOption(descriptor, SocketOption.keepIdle, idle);
  }

  /** Ends the dial that is under way, if there is one; it then fails for this reason. */
  giveUp(conduit: Conduit, reason: Reason): void {
    if (!conduit.relay.dialing || conduit.givenUp !== null) return;
    conduit.givenUp = reason;
    conduit.listener.waiting.delete(conduit);
    if (conduit.dialOperation === Operation.Ignored) this.failed(conduit, reason, "");
    else {
      const { prepare } = this.loop;
      prepare.cancel(conduit.ticket(conduit.dialOperation), conduit.generation);
    }
  }

  /** The dial was not answered in time. */
  timedOut(conduit: Conduit): void {
    this.giveUp(conduit, "connect_timeout");
  }

  /** The socket is open, or could not be. */
  socketCompleted(conduit: Conduit, result: number): void {
    conduit.pending--;
    conduit.dialOperation = Operation.Ignored;
    const { loop } = this;
    if (result < 0) {
      loop.descriptors.closed(1);
      this.attemptFailed(conduit, -result);
      return;
    }
    conduit.upstream = result;
    loop.added(result);
    if (conduit.givenUp !== null) {
      this.dropped(conduit, Errno.ECANCELED);
      return;
    }
    const { prepare } = loop;
    const { bytes, address, isTcp } = conduit.dialled as Encoded;
    if (isTcp) loop.setOption(result, SocketOption.noDelay, this.valuesAddress);
    conduit.pending++;
    conduit.dialOperation = Operation.Connect;
    const low = conduit.ticket(Operation.Connect);
    prepare.connect(result, address, bytes.length, low, conduit.generation);
  }

  /** The upstream has answered, or not. */
  connectCompleted(conduit: Conduit, result: number): void {
    conduit.pending--;
    conduit.dialOperation = Operation.Ignored;
    if (result < 0 || conduit.givenUp !== null) {
      this.dropped(conduit, result < 0 ? -result : Errno.ECANCELED);
      return;
    }
    conduit.listener.dialing.delete(conduit);
    conduit.dialed();
  }

  /** The control plane has looked a host name up: its addresses, none when there are none. */
  resolved(conduit: Conduit, addresses: readonly Address[]): void {
    if (!conduit.relay.dialing || conduit.givenUp !== null) return;
    const [first, ...others] = addresses.map((address) => this.encode(address));
    if (first) this.open(conduit, first, others);
    else this.failed(conduit, "connect_unresolved", "ENOTFOUND");
  }

  private resolve(conduit: Conduit, host: string, port: number): void {
    // An answer may come too late: for an earlier tenant, when the next upstream is dialled, or when
    // the relay waits for one.
    const { generation, dials } = conduit;
    this.loop.report.resolve(host, port, (addresses) => {
      const isSameDial = conduit.dials === dials && conduit.upstreamSlot !== null;
      const isMeant = conduit.generation === generation && isSameDial;
      if (isMeant) this.resolved(conduit, addresses);
    });
  }

  private open(conduit: Conduit, address: Encoded, others: Conduit["others"]): void {
    conduit.dialled = address;
    conduit.others = others;
    this.loop.descriptors.opened(1);
    conduit.pending++;
    conduit.dialOperation = Operation.Socket;
    const low = conduit.ticket(Operation.Socket);
    this.loop.prepare.socket(address.family, STREAM_SOCKET, low, conduit.generation);
  }

  /** The attempt came to nothing: its descriptor goes. */
  private dropped(conduit: Conduit, errno: number): void {
    const { loop } = this;
    loop.closeSocket(conduit.upstream, false);
    loop.descriptors.closed(1);
    conduit.upstream = -1;
    this.attemptFailed(conduit, errno);
  }

  /** The name's next address is tried, if there is one; else the dial has failed. */
  private attemptFailed(conduit: Conduit, errno: number): void {
    const [next, ...others] = conduit.others;
    if (next && conduit.givenUp === null) this.open(conduit, next, others);
    else {
      const { givenUp } = conduit;
      const after = conduit.listener.options.connectTimeoutMs;
      const code = errnoName(errno);
      if (givenUp === null) this.failed(conduit, dialReason(code), code);
      else this.failed(conduit, givenUp, givenUp === "connect_timeout" ? `after ${after} ms` : "");
    }
  }

  private failed(conduit: Conduit, reason: Reason, detail: string): void {
    const { relay } = conduit;
    conduit.listener.dialing.delete(conduit);
    if (relay.phase === RelayPhase.Dialing) {
      const { upstreamAddress: address, upstreamSlot: slot } = conduit;
      if (address !== null && slot !== null) {
        this.loop.report.dialFailed(formatAddress(address), reason, detail, slot);
      }
    }
    conduit.dialFailed(reason);
    if (relay.phase !== RelayPhase.Free) conduit.settle();
  }

  /** The address in the kernel's form; null when it is a host name. */
  private encode(address: Address): Encoded | null {
    let encoded = this.encoded.get(address);
    if (encoded === undefined) {
      encoded = isName(address) ? null : encode(address);
      this.encoded.set(address, encoded);
    }
    return encoded;
  }
}

function isName(address: Address): boolean {
  return address.kind === "tcp" && ipKind(address.host) === 0;
}

function encode(address: Address): Encoded {
  const bytes = encodeSockaddr(address);
  const family = bytes[0] as number;
  return { bytes, address: addressOf(bytes), family, isTcp: address.kind === "tcp" };
}
