import { assert } from "../assert.ts";
import { type Address, formatAddress } from "../base/address.ts";
import type { Reason } from "../base/reason.ts";
import type { DialOptions } from "../config/options.ts";
import { RelayPhase } from "../flow/relay.ts";
import type { Descriptors } from "../system/descriptors.ts";
import { dialReason } from "../system/dial-reason.ts";
import { type ResolveName, withoutAddress } from "../upstream/names/ask.ts";
import { ATTEMPTS_MAX } from "../upstream/names/happy-eyeballs.ts";
import type { Mirror } from "./mirror/mirror.ts";
import type { Observer } from "./observer.ts";
import type { TimedDialer } from "./relay-timeouts.ts";
import type { WaitCount } from "./waiting-room.ts";

/**
 * One attempt to connect to one address. The carrier makes it and counts its descriptor until it is
 * closed or handed over.
 */
export interface DialAttempt {
  /** A literal address or a path. */
  readonly address: Address;
  /** Begins. Its owner hears of its end, perhaps before this returns. */
  begin(): void;
  /** Its owner no longer waits: it reports nothing and ends as soon as the carrier can end it. */
  abandon(): void;
}

/** The part of a listener that dials use. */
export interface DialingListener {
  readonly account: WaitCount;
  readonly options: { readonly dial: DialOptions; readonly connectTimeoutMs: number };
  readonly mirror: Mirror | null;
  readonly dialing: Queue;
  readonly racing: Queue;
}

interface Queue {
  add(relay: never): void;
  delete(relay: never): void;
}

/** The part of a relay that the dialer uses. */
export interface Dialing<End> {
  readonly listener: DialingListener;
  /** Where it waits if there is no upstream. */
  readonly branch: {
    readonly waiting: {
      add(relay: never, options: DialOptions, count: WaitCount): Reason | null;
    };
  };
  readonly relay: { readonly generation: number; readonly phase: RelayPhase };
  /** The attempts of the dial in flight, oldest first; more than one only for a host name. */
  readonly attempts: DialAttempt[];
  /** The name's addresses that were not tried yet. */
  untried: readonly Address[];
  /** See {@link RelayStory}. */
  readonly dials: number;
  readonly mustAsk: boolean;
  readonly upstreamAddress: Address | null;
  readonly upstreamSlot: number | null;
  nextUpstream(): Address | null;
  isDialing(tenant: number, dial: number): boolean;
  /** Its first dial begins, and with it the mirror's. */
  mirror(mirror: Mirror): void;
  /** The upstream has answered. @param where a literal address */
  dialed(upstream: End, where: Address): void;
  /** The dial in flight failed or was given up. */
  dialFailed(reason: Reason): void;
  /** There is no upstream, and the relay may not wait for one. */
  notDialed(reason: Reason): void;
}

/**
 * Dials the upstreams of relays.
 *
 *     literal address: one attempt ─► dialed | dialFailed
 *     host name:       its addresses, one attempt after the other and in parallel; the first one
 *                      that connects wins, all others are abandoned
 *
 * Owner: an engine, whose carrier makes the attempts.
 */
export class Dialer<End, A extends DialAttempt, T extends Dialing<End>> implements TimedDialer<T> {
  constructor(
    private readonly descriptors: Descriptors,
    private readonly observer: Observer,
    private readonly resolveName: ResolveName,
    private readonly newAttempt: (relay: T, address: Address) => A,
  ) {}

  /** Dials the next upstream. Ends in `dialed`, `dialFailed` or `notDialed`, perhaps at once. */
  dial(relay: T): void {
    const address = relay.nextUpstream();
    if (address === null) {
      const { account, options } = relay.listener;
      const why = relay.branch.waiting.add(relay as never, options.dial, account);
      if (why !== null) relay.notDialed(why);
      return;
    }
    if (this.descriptors.exhausted) {
      this.failed(relay, "descriptor_limit", "none left");
      return;
    }
    const { mirror } = relay.listener;
    if (mirror !== null && relay.dials === 1) relay.mirror(mirror);
    relay.listener.dialing.add(relay as never);
    if (relay.mustAsk) this.resolve(relay, address);
    else this.begin(relay, address);
  }

  /** The dial in flight has timed out: the next upstream is tried, or the relay ends. */
  timedOut(relay: T): void {
    const { connectTimeoutMs } = relay.listener.options;
    this.failed(relay, "connect_timeout", `after ${connectTimeoutMs} ms`);
  }

  /** The attempts in flight are slow: the name's next address is tried in parallel. */
  attemptDue(relay: T): void {
    const { attempts, listener } = relay;
    if (this.descriptors.tight) listener.racing.add(relay as never);
    else {
      if (attempts.length === ATTEMPTS_MAX) attempts.shift()?.abandon();
      this.beginNext(relay);
    }
  }

  /** A dial has failed or was given up: the next upstream is tried, or the relay ends. */
  failed(relay: T, reason: Reason, detail: string): void {
    const { upstreamAddress: address, upstreamSlot: slot } = relay;
    this.drop(relay);
    if (address !== null && slot !== null && relay.relay.phase === RelayPhase.Dialing) {
      const upstream = formatAddress(address);
      this.observer.on({ event: "dialFailed", upstream, reason, detail, slot });
    }
    relay.dialFailed(reason);
  }

  /** Abandons the attempts of a dial, except the one that was answered. */
  drop(relay: T, answered: DialAttempt | null = null): void {
    const { attempts, listener } = relay;
    listener.dialing.delete(relay as never);
    if (relay.untried.length > 0) listener.racing.delete(relay as never);
    relay.untried = NONE;
    for (let one = attempts.pop(); one !== undefined; one = attempts.pop()) {
      if (one !== answered) one.abandon();
    }
  }

  /** An attempt has connected. */
  answered(relay: T, attempt: A, upstream: End): void {
    this.drop(relay, attempt);
    relay.dialed(upstream, attempt.address);
  }

  /**
   * An attempt has failed: the name's next address is tried. If there is none, and no other
   * attempt, the dial has failed.
   *
   * @param detail the system's error code, such as ECONNREFUSED; or words, and then there is a reason
   */
  attemptFailed(relay: T, attempt: A, detail: string, reason = dialReason(detail)): void {
    const { attempts, untried } = relay;
    attempts.splice(attempts.indexOf(attempt), 1);
    if (untried.length > 0) this.beginNext(relay);
    else if (attempts.length === 0) this.failed(relay, reason, detail);
  }

  private resolve(relay: T, address: Address): void {
    const { dials } = relay;
    const { generation } = relay.relay;
    this.resolveName(address, relay.upstreamSlot, (addresses, refusal) => {
      if (!relay.isDialing(generation, dials)) return;
      assert(relay.attempts.length === 0, "resolve: no attempt begins before the answer");
      relay.untried = addresses;
      if (addresses.length > 0) {
        this.beginNext(relay);
        return;
      }
      const { reason, detail } = withoutAddress(refusal);
      this.failed(relay, reason, detail);
    });
  }

  /** Tries the name's next address, if there is one. */
  private beginNext(relay: T): void {
    const [next, ...others] = relay.untried;
    const { racing } = relay.listener;
    relay.untried = others;
    if (others.length > 0) racing.add(relay as never);
    else racing.delete(relay as never);
    if (next !== undefined) this.begin(relay, next);
  }

  private begin(relay: T, address: Address): void {
    const attempt = this.newAttempt(relay, address);
    relay.attempts.push(attempt);
    attempt.begin();
  }
}

const NONE: readonly Address[] = [];
