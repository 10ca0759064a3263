import { type Address, formatAddress } from "../../base/address.ts";
import type { ListenerOptions } from "../../config/options.ts";
import { removeSocketFile } from "../../system/socket-file.ts";
import type { Listening } from "../engine.ts";
import { ListenError } from "../listen-error.ts";

/** What a listener in a worker is told. */
interface Orders {
  readonly update: (options: ListenerOptions) => void;
  readonly close: () => void;
}

/** A listener of a worker, as the control plane sees it. */
export class ThreadListening implements Listening {
  private readonly beginning = Promise.withResolvers<void>();
  private readonly end = Promise.withResolvers<void>();
  private isClosing = false;
  private hasBegunOnce = false;
  private isClosed = false;
  /** Called in turn, each when the worker has taken what it was told then. */
  private readonly updates: (() => void)[] = [];

  /** @param ownsPath the path of its unix socket goes when it goes */
  constructor(
    readonly address: Address,
    private readonly ownsPath: boolean,
    private readonly orders: Orders,
  ) {}

  /** Settles when the worker accepts, or cannot. */
  get begun(): Promise<void> {
    return this.beginning.promise;
  }

  /** The worker has said that it accepts, and was not told to close it. */
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

  /** Nobody new finds it any more. */
  removePath(): void {
    const { address, ownsPath } = this;
    if (ownsPath && address.kind === "unix") removeSocketFile(address.path);
  }

  /** The worker accepts, unless there is a failure. */
  hasBegun(failure: string): void {
    this.hasBegunOnce = failure === "";
    if (failure === "") this.beginning.resolve();
    else this.beginning.reject(new ListenError(this.address, "EINVAL", failure));
  }

  /** The worker has taken the first of the options that it was told and had not taken yet. */
  hasUpdated(): void {
    this.updates.shift()?.();
  }

  /** The worker accepts no more. */
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
