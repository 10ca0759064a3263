import { assert } from "../../assert.ts";
import { formatAddress } from "../../config/address.ts";
import type { Address } from "../../config/options.ts";
import { sourceFor } from "../../config/source-address.ts";
import type { Reason } from "../../flow/reason.ts";
import { RelayPhase } from "../../flow/relay.ts";
import { ATTEMPTS_MAX } from "../../upstream/names/happy-eyeballs.ts";
import { dialCode, dialReason } from "../dial-reason.ts";
import { addressOf, Errno, errnoName, SocketOption, STREAM_SOCKET } from "../linux.ts";
import { ANSWER_BYTES } from "../mirror/copies.ts";
import { mustAsk, withoutAddress } from "../names.ts";
import type { TimedDialer } from "../relay-timeouts.ts";
import { encodeSockaddr } from "../sockaddr.ts";
import type { Conduit } from "./conduit.ts";
import type { DialAttempt } from "./dial-attempts.ts";
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
  /** The same as it is told: literal. */
  readonly where: Address;
}

/**
 * Connects to upstreams.
 *
 *     literal address: socket ─► options, connect ─► dialed | dialFailed
 *     host name:       the control plane tells its addresses, then the same for each of them, one
 *                      after the other and beside each other: the first that is answered is the
 *                      upstream's
 *
 * An attempt that is not wanted any more is cancelled; it fails then, and its descriptor is closed at
 * once. A dial fails when none of its attempts is left.
 */
export class Dialer implements TimedDialer<Conduit> {
  /** Made once for each address that was dialled; null for one that has to be asked for. */
  private readonly encoded = new WeakMap<Address, Encoded | null>();
  private readonly values = new Int32Array([1]);
  private readonly valuesAddress = addressOf(this.values);
  private readonly answerBytes = Int32Array.of(ANSWER_BYTES);
  private readonly answerBytesAddress = addressOf(this.answerBytes);

  constructor(private readonly loop: Loop) {}

  /** Dials the conduit's next upstream. Ends in `dialed`, `dialFailed` or `notDialed`. */
  dial(conduit: Conduit): void {
    const { loop } = this;
    conduit.givenUp = null;
    const address = conduit.nextUpstream();
    if (address === null) {
      const { account, options, waiting } = conduit.listener;
      const why = waiting.add(conduit, options.dial, account);
      if (why !== null) conduit.notDialed(why);
      return;
    }
    if (loop.descriptors.exhausted) {
      this.failed(conduit, "descriptor_limit", "none left");
      return;
    }
    const { mirror } = conduit.listener;
    if (mirror !== null && conduit.dials === 1) conduit.mirror(mirror);
    conduit.listener.dialing.add(conduit);
    const encoded = this.encode(address);
    if (encoded !== null) this.begin(conduit, encoded);
    else this.resolve(conduit, address);
  }

  /** Lets the kernel find out when the other end of a connection is gone without a word. */
  keepAlive(descriptor: number, { keepAliveValues }: Listener): void {
    for (const one of keepAliveValues) this.loop.setOption(descriptor, one, one.address);
  }

  /** Ends the dial that is under way, if there is one; it then fails for this reason. */
  giveUp(conduit: Conduit, reason: Reason): void {
    if (!isWanted(conduit)) return;
    conduit.givenUp = reason;
    conduit.listener.waiting.delete(conduit);
    const { attempts } = conduit;
    this.cancelAll(conduit);
    if (attempts.count === 0) this.failed(conduit, reason, "");
  }

  /** The dial was not answered in time. */
  timedOut(conduit: Conduit): void {
    this.giveUp(conduit, "connect_timeout");
  }

  /** The attempts in flight have had their time: the name's next address is tried beside them. */
  attemptDue(conduit: Conduit): void {
    const { attempts, listener } = conduit;
    if (this.loop.descriptors.tight) listener.racing.add(conduit);
    else if (attempts.count < ATTEMPTS_MAX) this.beginNext(conduit);
    // When that one is over the next one begins.
    else if (attempts.oldest !== undefined) this.cancel(conduit, attempts.oldest);
  }

  /** A socket is open, or could not be. @param number of the attempt */
  socketCompleted(conduit: Conduit, number: number, result: number): void {
    const attempt = this.completed(conduit, number);
    const { loop } = this;
    if (result < 0) {
      loop.descriptors.closed(1);
      loop.starved(-result);
      this.attemptFailed(conduit, errnoName(-result));
      return;
    }
    attempt.descriptor = result;
    loop.added(result);
    if (!isWanted(conduit)) {
      this.dropped(conduit, attempt, Errno.ECANCELED);
      return;
    }
    const { prepare } = loop;
    const { bytes, address, isTcp, where } = attempt.address as Encoded;
    const bound = this.comeFrom(result, conduit.listener.options.sourceAddresses, where);
    if (bound < 0) {
      this.dropped(conduit, attempt, -bound);
      return;
    }
    if (isTcp) this.noDelay(result);
    this.keepUrgentBytes(result);
    conduit.pending++;
    attempt.operation = Operation.Connect;
    const low = conduit.ticket(Operation.Connect, number);
    prepare.connect(result, address, bytes.length, low, conduit.generation);
  }

  /** An address has answered, or not. @param number of the attempt */
  connectCompleted(conduit: Conduit, number: number, result: number): void {
    const attempt = this.completed(conduit, number);
    if (result < 0 || !isWanted(conduit)) {
      this.dropped(conduit, attempt, result < 0 ? -result : Errno.ECANCELED);
      return;
    }
    if (this.loop.metItself(attempt.descriptor, attempt.address as Encoded)) {
      this.dropped(conduit, attempt, Errno.ECONNREFUSED);
      return;
    }
    conduit.upstream = attempt.descriptor;
    attempt.descriptor = -1;
    this.cancelAll(conduit);
    conduit.listener.dialing.delete(conduit);
    conduit.dialed((attempt.address as Encoded).where);
  }

  private resolve(conduit: Conduit, address: Address): void {
    const { generation, dials } = conduit;
    this.loop.report.resolve(address, conduit.upstreamSlot, (addresses, refusal) => {
      if (!conduit.isDialing(generation, dials)) return;
      assert(conduit.attempts.count === 0, "resolve: nothing is tried before the answer");
      conduit.attempts.untried = addresses.map(encode);
      if (addresses.length > 0) {
        this.beginNext(conduit);
        return;
      }
      const { reason, detail } = withoutAddress(refusal);
      this.failed(conduit, reason, detail);
    });
  }

  /** Tries the next one of a name's addresses, of which there is one. */
  private beginNext(conduit: Conduit): void {
    const { attempts, listener } = conduit;
    const [next, ...others] = attempts.untried;
    attempts.untried = others;
    if (others.length > 0) listener.racing.add(conduit);
    else listener.racing.delete(conduit);
    if (next !== undefined) this.begin(conduit, next);
  }

  private begin(conduit: Conduit, address: Encoded): void {
    const { number } = conduit.attempts.begin(address);
    this.loop.descriptors.opened(1);
    conduit.pending++;
    const low = conduit.ticket(Operation.Socket, number);
    this.loop.prepare.socket(address.family, STREAM_SOCKET, low, conduit.generation);
  }

  /** The kernel has nothing of that attempt any more. */
  private completed(conduit: Conduit, number: number): DialAttempt {
    conduit.pending--;
    const attempt = conduit.attempts.all[number];
    assert(attempt !== undefined, "completed: an attempt that was begun");
    attempt.operation = Operation.Ignored;
    return attempt;
  }

  /** No attempt is wanted any more, and none begins. */
  private cancelAll(conduit: Conduit): void {
    const { attempts, listener } = conduit;
    if (attempts.untried.length > 0) listener.racing.delete(conduit);
    attempts.untried = NONE;
    for (const attempt of attempts.all) if (attempt.isUnderWay) this.cancel(conduit, attempt);
  }

  private cancel(conduit: Conduit, { operation, number }: DialAttempt): void {
    this.loop.prepare.cancel(conduit.ticket(operation, number), conduit.generation);
  }

  /** The attempt came to nothing: its descriptor goes. */
  private dropped(conduit: Conduit, attempt: DialAttempt, errno: number): void {
    const { loop } = this;
    loop.closeSocket(attempt.descriptor, false);
    loop.descriptors.closed(1);
    attempt.descriptor = -1;
    const { bytes } = attempt.address as Encoded;
    this.attemptFailed(conduit, dialCode(errnoName(errno), bytes));
  }

  /** The name's next address is tried; without one, and without another attempt, the dial has failed. */
  private attemptFailed(conduit: Conduit, code: string): void {
    const { attempts, givenUp, listener, relay } = conduit;
    if (!relay.dialing) {
      // Another one was faster; the relay may have waited for this one to be over.
      conduit.settle();
    } else if (attempts.untried.length > 0) {
      this.beginNext(conduit);
    } else if (attempts.count === 0) {
      const after = listener.options.connectTimeoutMs;
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
        const upstream = formatAddress(address);
        this.loop.report.on({ event: "dialFailed", upstream, reason, detail, slot });
      }
    }
    conduit.dialFailed(reason);
    if (relay.phase !== RelayPhase.Free) conduit.settle();
  }

  /** Lets a connection send small pieces at once. */
  noDelay(descriptor: number): void {
    this.loop.setOption(descriptor, SocketOption.noDelay, this.valuesAddress);
  }

  /**
   * A socket that is to connect there comes from one of these, if any is of its family.
   *
   * @param where a literal, or a path
   * @returns 0 or a negated errno
   */
  comeFrom(descriptor: number, sources: readonly string[], where: Address): number {
    const source = where.kind === "unix" ? undefined : sourceFor(sources, where.host);
    if (source === undefined) return 0;
    const address = encodeSockaddr({ kind: "tcp", host: source, port: 0 });
    return this.loop.sockets.comeFrom(descriptor, address);
  }

  /** An urgent byte is received in its place, see linux.ts. */
  keepUrgentBytes(descriptor: number): void {
    this.loop.setOption(descriptor, SocketOption.urgentInline, this.valuesAddress);
  }

  /** Nobody is woken for a few bytes that come. */
  receiveMany(descriptor: number): void {
    this.loop.setOption(descriptor, SocketOption.receiveLowWater, this.answerBytesAddress);
  }

  /** The address in the kernel's form; null when it has to be asked for. */
  encode(address: Address): Encoded | null {
    let encoded = this.encoded.get(address);
    if (encoded === undefined) {
      encoded = mustAsk(address) ? null : encode(address);
      this.encoded.set(address, encoded);
    }
    return encoded;
  }
}

/** Whether the dial that is under way is still to be answered. */
function isWanted({ relay, givenUp }: Conduit): boolean {
  return relay.dialing && givenUp === null;
}

function encode(address: Address): Encoded {
  const bytes = encodeSockaddr(address);
  const family = bytes[0] as number;
  return {
    bytes,
    address: addressOf(bytes),
    family,
    isTcp: address.kind === "tcp",
    where: address,
  };
}

const NONE: readonly Encoded[] = [];
