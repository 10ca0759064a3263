import type { SocketHandler } from "bun";
import { assert } from "../../assert.ts";
import { formatAddress } from "../../config/address.ts";
import type { Address } from "../../config/options.ts";
import { type Reason, Side } from "../../flow/reason.ts";
import { ATTEMPTS_MAX } from "../../upstream/names/happy-eyeballs.ts";
import type { Descriptors } from "../descriptors.ts";
import { dialReason, ownShortage } from "../dial-reason.ts";
import { type ResolveName, withoutAddress } from "../names.ts";
import type { Observer } from "../observer.ts";
import type { TimedDialer } from "../relay-timeouts.ts";
import { BunAttempt, connect } from "./attempt.ts";
import { bunSocket } from "./bun-socket.ts";
import type { Conduit } from "./conduit.ts";
import type { DialWindow } from "./dial-window.ts";
import type { Turn } from "./turn.ts";

/**
 * One connection to an upstream, from the attempt to the last callback.
 *
 * `Bun.connect` cannot be taken back. An attempt that is no longer wanted (its client left, its time
 * is over, another one was faster) is abandoned: its conduit forgets it and, where the descriptor is
 * known, the kernel ends it at once. Elsewhere it holds its descriptor until the kernel gives up
 * (about two minutes), which {@link Descriptors} counts, and is reset if it ever connects.
 */
export class Attempt extends BunAttempt {
  /** @param conduit whose upstream this is; null once abandoned, or failed */
  constructor(
    public conduit: Conduit | null,
    /** Where it goes to: literal. */
    readonly address: Address,
  ) {
    super();
  }

  get isWanted(): boolean {
    return this.conduit !== null;
  }

  /** Nobody waits for it any more. Its descriptor is counted until Bun lets go of it. */
  abandon(): void {
    this.conduit = null;
    this.end();
  }
}

/**
 * Connects to upstreams and hands what happens on their sockets to the conduits.
 *
 *     literal address: one attempt ─► dialed | dialFailed
 *     host name:       its addresses, one attempt after the other and beside each other: the first
 *                      that is answered is the upstream's, all others are abandoned
 *
 * Bun never gets a name, as it has answers of its own.
 */
export class Dialer implements TimedDialer<Conduit> {
  private readonly handlers: SocketHandler<Attempt>;

  constructor(
    private readonly descriptors: Descriptors,
    private readonly turn: Turn,
    private readonly observer: Observer,
    private readonly resolveName: ResolveName,
    private readonly onDefect: OnDefect,
    private readonly window: DialWindow,
    private readonly onStarved: () => void,
  ) {
    this.handlers = this.makeHandlers();
  }

  /**
   * Dials the conduit's next upstream. Ends in `dialed`, `dialFailed` or `notDialed`, perhaps before
   * it returns.
   */
  dial(conduit: Conduit): void {
    const address = conduit.nextUpstream();
    if (address === null) {
      const { account, options, waiting } = conduit.listener;
      const why = waiting.add(conduit, options.dial, account);
      if (why !== null) conduit.notDialed(why);
      return;
    }
    if (this.descriptors.exhausted) {
      this.failed(conduit, "descriptor_limit", "none left");
      return;
    }
    const { mirror } = conduit.listener;
    if (mirror !== null && conduit.dials === 1) conduit.mirror(mirror);
    conduit.listener.dialing.add(conduit);
    if (conduit.mustAsk) this.resolve(conduit, address);
    else this.begin(conduit, address);
  }

  /** The dial in flight was not answered in time: the next upstream is tried, or the relay ends. */
  timedOut(conduit: Conduit): void {
    this.failed(
      conduit,
      "connect_timeout",
      `after ${conduit.listener.options.connectTimeoutMs} ms`,
    );
  }

  /** The attempts in flight have had their time: the name's next address is tried beside them. */
  attemptDue(conduit: Conduit): void {
    if (this.descriptors.tight) conduit.listener.racing.add(conduit);
    else {
      if (conduit.attempts.length === ATTEMPTS_MAX) conduit.attempts.shift()?.abandon();
      this.beginNext(conduit);
    }
  }

  /** A dial has failed, or is given up: the next upstream is tried, or the relay ends. */
  failed(conduit: Conduit, reason: Reason, detail: string): void {
    const { upstreamAddress: address, upstreamSlot: slot } = conduit;
    this.drop(conduit);
    if (address !== null && slot !== null) {
      const upstream = formatAddress(address);
      this.observer.on({ event: "dialFailed", upstream, reason, detail, slot });
    }
    conduit.dialFailed(reason);
  }

  /** Ends what is under way of a dial, if there is one, but for the attempt that was answered. */
  drop(conduit: Conduit, answered: Attempt | null = null): void {
    const { attempts, listener } = conduit;
    listener.dialing.delete(conduit);
    if (conduit.untried.length > 0) listener.racing.delete(conduit);
    conduit.untried = NONE;
    for (let one = attempts.pop(); one !== undefined; one = attempts.pop()) {
      if (one !== answered) one.abandon();
    }
  }

  private resolve(conduit: Conduit, address: Address): void {
    const { dials } = conduit;
    const { generation } = conduit.relay;
    this.resolveName(address, conduit.upstreamSlot, (addresses, refusal) => {
      if (!conduit.isDialing(generation, dials)) return;
      assert(conduit.attempts.length === 0, "resolve: nothing is tried before the answer");
      conduit.untried = addresses;
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
    const [next, ...others] = conduit.untried;
    const { racing } = conduit.listener;
    conduit.untried = others;
    if (others.length > 0) racing.add(conduit);
    else racing.delete(conduit);
    if (next !== undefined) this.begin(conduit, next);
  }

  private begin(conduit: Conduit, address: Address): void {
    const attempt = new Attempt(conduit, address);
    conduit.attempts.push(attempt);
    this.descriptors.opened(1);
    const { sourceAddresses } = conduit.listener.options;
    connect(
      attempt,
      address,
      this.handlers,
      this.window,
      sourceAddresses,
      conduit.client?.fd ?? -1,
    );
  }

  /** The name's next address is tried; without one, and without another attempt, the dial has failed. */
  private attemptFailed(conduit: Conduit, attempt: Attempt, code: string): void {
    const { attempts, untried } = conduit;
    attempt.conduit = null;
    attempts.splice(attempts.indexOf(attempt), 1);
    if (untried.length > 0) this.beginNext(conduit);
    else if (attempts.length === 0) this.failed(conduit, dialReason(code), code);
  }

  private makeHandlers(): SocketHandler<Attempt> {
    const { turn, descriptors } = this;
    return {
      open: (socket) => {
        turn.event();
        const { data: attempt } = socket;
        const { conduit } = attempt;
        if (conduit === null) {
          socket.terminate();
          return;
        }
        if (attempt.metItself(socket)) {
          this.attemptFailed(conduit, attempt, "ECONNREFUSED");
          socket.terminate();
          return;
        }
        this.drop(conduit, attempt);
        conduit.dialed(bunSocket(socket), attempt.address);
      },
      connectError: (socket, error) => {
        turn.event();
        descriptors.closed(1);
        const { conduit } = socket.data;
        const code = socket.data.codeOf(error);
        if (ownShortage(code) === "descriptor_limit") this.onStarved();
        if (conduit !== null) this.attemptFailed(conduit, socket.data, code);
      },
      data: (socket, chunk) => {
        const { conduit } = socket.data;
        if (conduit === null) return;
        if (conduit.down.flow.receivedBytes === 0) conduit.firstBytesCame();
        conduit.down.receive(chunk);
      },
      drain: (socket) => {
        socket.data.conduit?.up.drained();
      },
      end: (socket) => {
        turn.event();
        socket.data.conduit?.sourceEnded(Side.Upstream);
      },
      close: (socket, error) => {
        turn.event();
        const { conduit } = socket.data;
        if (conduit === null) descriptors.closed(1);
        else conduit.closed(Side.Upstream, error !== undefined);
      },
      error: (_socket, error) => this.onDefect(error),
    };
  }
}

/** What becomes of an error that a handler has thrown: it is a defect of ringway. */
export type OnDefect = (error: Error) => void;

/** Bun hands what a handler throws to `error`. It is a defect of ringway: it must not be swallowed. */
export function throwUncaught(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}

const NONE: readonly Address[] = [];
