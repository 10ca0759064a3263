import type { SocketHandler } from "bun";
import { formatAddress } from "../../config/address.ts";
import type { Address } from "../../config/options.ts";
import { type Reason, Side } from "../../flow/reason.ts";
import type { Descriptors } from "../descriptors.ts";
import { dialReason } from "../dial-reason.ts";
import type { EngineObserver } from "../engine.ts";
import { endAttempt, nextDescriptor, socketCookie } from "../libc.ts";
import { bunSocket } from "./bun-socket.ts";
import type { Conduit } from "./conduit.ts";
import type { Turn } from "./turn.ts";

/**
 * One connection to an upstream, from the attempt to the last callback.
 *
 * `Bun.connect` cannot be taken back. An attempt that is no longer wanted (its client left, its time
 * is over) is abandoned: its conduit forgets it and, where the descriptor is known, the kernel ends
 * it at once. Elsewhere it holds its descriptor until the kernel gives up (about two minutes), which
 * {@link Descriptors} counts, and is reset if it ever connects.
 */
export class Dial {
  /** The descriptor and the kernel's number of the attempt's socket, where they are known. */
  private descriptor = -1;
  private cookie: bigint | null = null;

  constructor(
    /** Whose upstream this is; null once abandoned. */
    public conduit: Conduit | null,
    readonly address: Address,
  ) {}

  /** Remembers which socket this is; whether it still is an attempt is asked when it matters. */
  track(descriptor: number): void {
    this.descriptor = descriptor;
    this.cookie = socketCookie(descriptor);
  }

  /** Nobody waits for it any more. Its descriptor is counted until Bun lets go of it. */
  abandon(): void {
    this.conduit = null;
    if (this.cookie !== null) endAttempt(this.descriptor, this.cookie);
    this.cookie = null;
  }
}

/** Connects to upstreams and hands what happens on their sockets to the conduits. */
export class Dialer {
  private readonly handlers: SocketHandler<Dial>;

  constructor(
    private readonly descriptors: Descriptors,
    private readonly turn: Turn,
    private readonly observer: EngineObserver,
    private readonly onDefect: OnDefect,
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
      const why = conduit.listener.waiting.add(conduit);
      if (why !== null) conduit.notDialed(why);
      return;
    }
    const dial = new Dial(conduit, address);
    conduit.dial = dial;
    if (this.descriptors.exhausted) {
      this.failed(dial, "descriptor_limit", "none left");
      return;
    }
    conduit.listener.dialing.add(conduit);
    this.descriptors.opened(1);
    const { handlers: socket } = this;
    // The promise says nothing that the handlers do not: with `connectError` it cannot go unhandled.
    if (address.kind === "unix") {
      void Bun.connect({ unix: address.path, socket, data: dial, allowHalfOpen: true });
    } else {
      const { host: hostname, port } = address;
      // Bun opens the socket of a literal address before it returns, so this is its descriptor; the
      // attempt's own name, taken and checked by the kernel, makes sure that no other one is ended.
      const { client, listener } = conduit;
      const descriptor = client && listener.literals.has(address) ? nextDescriptor(client.fd) : -1;
      void Bun.connect({ hostname, port, socket, data: dial, allowHalfOpen: true });
      if (descriptor !== -1 && dial.conduit !== null) dial.track(descriptor);
    }
  }

  /** The dial in flight was not answered in time: the next upstream is tried, or the relay ends. */
  timedOut(conduit: Conduit): void {
    const { dial } = conduit;
    if (dial === null) return;
    this.failed(dial, "connect_timeout", `after ${conduit.listener.options.connectTimeoutMs} ms`);
  }

  /** A dial has failed, or is over: the next upstream is tried, or the relay ends. */
  failed(dial: Dial, reason: Reason, detail: string): void {
    const { conduit } = dial;
    if (conduit === null) return;
    dial.abandon();
    conduit.listener.dialing.delete(conduit);
    const slot = conduit.upstreamSlot ?? 0;
    this.observer.dialFailed(formatAddress(dial.address), reason, detail, slot);
    conduit.dialFailed(reason);
  }

  private makeHandlers(): SocketHandler<Dial> {
    const { turn, descriptors } = this;
    return {
      open: (socket) => {
        turn.event();
        const { conduit } = socket.data;
        if (conduit === null) {
          socket.terminate();
          return;
        }
        conduit.listener.dialing.delete(conduit);
        conduit.dialed(bunSocket(socket));
      },
      connectError: (socket, error) => {
        turn.event();
        descriptors.closed(1);
        const code = (error as NodeJS.ErrnoException).code ?? "unknown";
        this.failed(socket.data, dialReason(code), code);
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
