import type { Address } from "../../base/address.ts";
import type { ListenerOptions } from "../../config/options.ts";
import type { MovableListening } from "../engine.ts";
import type { GivenSockets } from "../listening-socket.ts";
import type { Acceptor } from "./acceptor.ts";
import type { SocketsListener } from "./conduit.ts";
import { beginsWithTls } from "./tls.ts";

/** A listener of this engine: its socket, and the settings that the next client gets. */
export class SocketsListening implements MovableListening {
  private closing: Promise<void> | null = null;

  constructor(
    readonly acceptor: Acceptor,
    public listener: SocketsListener,
    private readonly renew: (options: ListenerOptions, before: SocketsListener) => SocketsListener,
    private readonly unlisten: () => Promise<void>,
    /** It accepts no more. */
    private readonly over: () => void,
  ) {}

  get address(): Address {
    return this.acceptor.address;
  }

  update(options: ListenerOptions): Promise<void> {
    this.acceptor.queueUpTo(options.backlog);
    this.listener = this.renew(options, this.listener);
    this.acceptor.show(beginsWithTls(options) ? this.listener.tls : null);
    // Clients that wait use new room before any new client does.
    this.listener.serve();
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closing ??= this.unlisten();
    return this.closing;
  }

  handOver(): Promise<GivenSockets> {
    return new Promise((resolve) => {
      const given = this.acceptor.handOver();
      this.closing = Promise.resolve();
      this.over();
      resolve(given);
    });
  }
}
