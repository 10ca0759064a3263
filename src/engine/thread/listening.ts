import { type Address, formatAddress } from "../../base/address.ts";
import type { ListenerOptions } from "../../config/options.ts";
import { removeSocketFile } from "../../system/socket-file.ts";
import type { Listening } from "../engine.ts";
import { ListenError } from "../listen-error.ts";

interface Orders {
  readonly update: (options: ListenerOptions) => void;
  readonly close: () => void;
}

/** The control plane's handle of a listener in a worker. */
export class ThreadListening implements Listening {
  private readonly beginning = Promise.withResolvers<void>();
  private readonly end = Promise.withResolvers<void>();
  private isClosing = false;
  private hasBegunOnce = false;
  private isClosed = false;
  /** Resolve the promises of {@link update}, in order. */
  private readonly updates: (() => void)[] = [];

  /** @param ownsPath whether closing removes the unix socket's file */
  constructor(
    readonly address: Address,
    private readonly ownsPath: boolean,
    private readonly orders: Orders,
  ) {}

  /** Resolves once the worker accepts; rejects if it cannot. */
  get begun(): Promise<void> {
    return this.beginning.promise;
  }

  /** The worker accepts, and was not told to close the listener. */
  get isAccepting(): boolean {
    return this.hasBegunOnce && !this.isClosing && !this.isClosed;
  }

  update(options: ListenerOptions): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.isClosed) resolve();
    else this.updates.push(resolve);
    this.orders.update(options);
    return promise;
  }

  close(): Promise<void> {
    if (!this.isClosing) {
      this.isClosing = true;
      this.removePath();
      this.orders.close();
    }
    return this.end.promise;
  }

  /** Removes the unix socket's file, so that no new client finds it. */
  removePath(): void {
    const { address, ownsPath } = this;
    if (ownsPath && address.kind === "unix") removeSocketFile(address.path);
  }

  /** The worker accepts, or could not. @param failure empty if it accepts */
  hasBegun(failure: string): void {
    this.hasBegunOnce = failure === "";
    if (failure === "") this.beginning.resolve();
    else this.beginning.reject(new ListenError(this.address, "EINVAL", failure));
  }

  /** The worker has applied the oldest pending update. */
  hasUpdated(): void {
    this.updates.shift()?.();
  }

  /** The worker has closed the listener, or has died. */
  hasClosed(): void {
    this.isClosed = true;
    for (const taken of this.updates.splice(0)) taken();
    const place = formatAddress(this.address);
    this.beginning.reject(
      new ListenError(this.address, "ECANCELED", `cannot listen on ${place}: the worker has ended`),
    );
    this.end.resolve();
  }
}
