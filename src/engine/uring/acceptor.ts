import type { ListenerOptions } from "../../config/options.ts";
import type { PauseCause } from "../../relay/hall.ts";
import { RELAY_DESCRIPTORS_MAX } from "../../system/descriptors.ts";
import { ACCEPT_FLAGS, Errno } from "../../system/linux.ts";
import type { Answering } from "../thread/reporter.ts";
import { CqeFlag } from "./abi.ts";
import type { Alarms } from "./alarms.ts";
import type { UringHall, UringListener } from "./conduit.ts";
import type { Sockets } from "./kernel.ts";
import { Listener } from "./listener.ts";
import type { Prepare } from "./prepare.ts";
import { Operation, ticketLow } from "./ticket.ts";

/** What an acceptor needs of its loop. */
export interface AcceptorHost {
  readonly alarms: Alarms;
  readonly hall: UringHall;
  readonly prepare: Prepare;
  readonly sockets: Sockets;
  readonly report: {
    /** See {@link Acceptor.unlisten}. */
    unlistened(key: number): void;
  };
  /** A client has come in. */
  accept(listener: UringListener, descriptor: number): void;
  /** This one was accepted without the ring. */
  took(descriptor: number): void;
  closeNow(descriptor: number): void;
}

/** While descriptors have run out, accepting is tried after so long, then less and less often. */
const ACCEPT_LOOK_MS = 100;
const ACCEPT_LOOK_MAX_MS = 2_000;

/**
 * The listeners of a loop. While they do not accept clients wait in the kernel's backlog.
 *
 * Owner: the loop, which makes relays of who comes in.
 */
export class Acceptor {
  private readonly listeners = new Map<number, UringListener>();
  /** Looks since somebody was accepted. */
  private looks = 0;
  /** An alarm is set that looks whether it can open. */
  private isLooking = false;

  constructor(private readonly loop: AcceptorHost) {}

  /** No listener is left. */
  get isEmpty(): boolean {
    return this.listeners.size === 0;
  }

  private get isOpen(): boolean {
    return this.loop.hall.isAccepting;
  }

  /** Listeners that accept, and whether that is paused. */
  get accepting(): Answering["accepting"] {
    let listeners = 0;
    // Armed ones are the kernel's: what is open and not armed is a defect.
    for (const { armed, closing } of this.listeners.values()) {
      if (!closing && (armed || !this.isOpen)) listeners++;
    }
    return { listeners, isPaused: !this.isOpen };
  }

  /** See {@link Loop.listen}. */
  listen(key: number, options: ListenerOptions, descriptor: number): void {
    const listener = this.newListener(options, descriptor, null);
    this.listeners.set(key, listener);
    this.loop.sockets.queueUpTo(descriptor, options.backlog);
    this.loop.hall.descriptors.listens(1);
    if (this.loop.hall.isStopping) this.close(key, listener);
    else if (this.isOpen) this.arm(key, listener);
  }

  /** See {@link Loop.update}. */
  update(key: number, options: ListenerOptions): void {
    const before = this.listeners.get(key);
    if (before === undefined) return;
    const { address } = before.options;
    const listener = this.newListener({ ...options, address }, before.descriptor, before);
    this.loop.sockets.queueUpTo(before.descriptor, options.backlog);
    listener.armed = before.armed;
    listener.closing = before.closing;
    this.listeners.set(key, listener);
    listener.serve();
  }

  /** See {@link Loop.unlisten}. */
  unlisten(key: number): void {
    const listener = this.listeners.get(key);
    if (listener === undefined || listener.closing) return;
    listener.closing = true;
    if (listener.armed) this.cancelAccept(key);
    else this.close(key, listener);
  }

  /** The same for all of them. */
  unlistenAll(): void {
    for (const key of this.listeners.keys()) this.unlisten(key);
  }

  /** Nobody is accepted any more; what was accepted until then completes. */
  cancelAccepts(): void {
    for (const [key, { armed }] of this.listeners) if (armed) this.cancelAccept(key);
  }

  /** A completion of an accept. */
  completed(key: number, result: number, flags: number): void {
    const { loop } = this;
    const listener = this.listeners.get(key);
    if (listener === undefined) {
      if (result >= 0) loop.closeNow(result);
      return;
    }
    if (result >= 0) {
      this.looks = 0;
      loop.accept(listener, result);
    }
    if ((flags & CqeFlag.More) !== 0) {
      // From here on one at a time: the last one that fits must be the last one accepted.
      if (!this.isAmpleFor(listener)) this.cancelAccept(key);
      return;
    }
    listener.armed = false;
    if (listener.closing) this.close(key, listener);
    else if (result >= 0 || isPassing(-result)) {
      if (this.isOpen) this.arm(key, listener);
    } else {
      this.pause(-result);
    }
  }

  /** The kernel could not open a socket for a dial: what that lacks, whoever would be accepted next lacks, too. */
  starved(errno: number): void {
    if (isOfMemory(errno) || isOfDescriptors(errno)) this.pause(errno);
  }

  /** Whatever the kernel lacks, it lacks it at the next try, too. */
  private pause(errno: number): void {
    const { hall } = this.loop;
    if (hall.isStopping) return;
    hall.descriptors.look();
    hall.pause(isOfMemory(errno) ? "memory" : "descriptors");
    this.lookLater();
  }

  /** The hall accepts nobody more. */
  shut(cause: PauseCause): void {
    for (const [key, listener] of this.listeners) {
      if (listener.armed && !listener.closing) this.cancelAccept(key);
    }
    if (cause === "descriptors") this.lookLater();
  }

  /** It does again. */
  open(): void {
    for (const [key, listener] of this.listeners) {
      if (!listener.armed && !listener.closing) this.arm(key, listener);
    }
  }

  /** @param before whose place it takes */
  private newListener(
    options: ListenerOptions,
    descriptor: number,
    before: UringListener | null,
  ): UringListener {
    const { hall } = this.loop;
    const parts = hall.partsOf(options, options.address, before);
    return new Listener(parts, hall.dialer, descriptor);
  }

  private arm(key: number, listener: UringListener): void {
    listener.armed = true;
    const low = ticketLow(Operation.Accept, key);
    this.loop.prepare.accept(listener.descriptor, ACCEPT_FLAGS, this.isAmpleFor(listener), low);
  }

  /** Whether all who may wait there may be accepted at once without running out of descriptors. */
  private isAmpleFor({ options }: UringListener): boolean {
    return this.loop.hall.descriptors.left > options.backlog * RELAY_DESCRIPTORS_MAX;
  }

  private cancelAccept(key: number): void {
    this.loop.prepare.cancel(ticketLow(Operation.Accept, key), 0);
  }

  /** What was wanting may come back though no relay had it: nobody tells, so it is tried. */
  private lookLater(): void {
    if (this.isLooking) return;
    this.isLooking = true;
    const afterMs = Math.min(ACCEPT_LOOK_MAX_MS, ACCEPT_LOOK_MS * 2 ** this.looks);
    this.loop.alarms.set(afterMs, () => {
      this.isLooking = false;
      const { hall } = this.loop;
      if (this.isOpen || hall.isStopping) return;
      this.looks++;
      hall.descriptors.look();
      hall.outsiders.makeRoom(Infinity);
      hall.decide();
      if (!this.isOpen) this.lookLater();
    });
  }

  /**
   * Closing a listening socket resets whoever the kernel has connected and nobody has accepted yet,
   * with a request perhaps already sent. So they are accepted first.
   */
  private close(key: number, listener: UringListener): void {
    const { loop } = this;
    const { descriptor } = listener;
    this.listeners.delete(key);
    loop.hall.ledger.gone(listener);
    loop.hall.descriptors.listens(-1);
    loop.sockets.stopWaiting(descriptor);
    for (let failures = 0; failures < listener.options.backlog; ) {
      const accepted = loop.sockets.acceptNow(descriptor);
      if (accepted >= 0) {
        loop.took(accepted);
        loop.accept(listener, accepted);
      } else if (isGoodbye(-accepted)) failures++;
      else break;
    }
    loop.closeNow(descriptor);
    loop.report.unlistened(key);
    loop.hall.settleStop();
  }
}

/** This client could not be accepted, or accepting was called off: the next one may well be. */
function isPassing(errno: number): boolean {
  if (isGoodbye(errno)) return true;
  const { ECANCELED, EPERM, EHOSTUNREACH, ENETUNREACH } = Errno;
  return [ECANCELED, EPERM, EHOSTUNREACH, ENETUNREACH].includes(errno);
}

function isOfMemory(errno: number): boolean {
  return errno === Errno.ENOMEM || errno === Errno.ENOBUFS;
}

function isOfDescriptors(errno: number): boolean {
  return errno === Errno.EMFILE || errno === Errno.ENFILE;
}

/** accept(2) tells of a client that has left already; there may be others behind it. */
function isGoodbye(errno: number): boolean {
  return errno === Errno.ECONNABORTED || errno === Errno.EINTR || errno === Errno.EPROTO;
}
