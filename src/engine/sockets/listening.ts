import type { Address } from "../../base/address.ts";
import type { ListenerOptions } from "../../config/options.ts";
import type { Listening } from "../engine.ts";
import type { Acceptor } from "./acceptor.ts";
import type { SocketsListener } from "./conduit.ts";

/** A listener of this engine: its socket, and the settings that the next client gets. */
export class SocketsListening implements Listening {
  private closing: Promise<void> | null = null;

  constructor(
    readonly acceptor: Acceptor,
    public listener: SocketsListener,
    private readonly renew: (options: ListenerOptions, before: SocketsListener) => SocketsListener,
    private readonly unlisten: () => Promise<void>,
  ) {}

  get address(): Address {
    return this.acceptor.address;
  }

  update(options: ListenerOptions): Promise<void> {
    this.acceptor.queueUpTo(options.backlog);
    this.listener = this.renew(options, this.listener);
    this.listener.serve();
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closing ??= this.unlisten();
    return this.closing;
  }
}
