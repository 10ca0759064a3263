import { keepAliveValues, type OptionValue } from "../keep-alive.ts";
import { setOption } from "../linux.ts";
import { RelayTimeouts } from "../relay-timeouts.ts";
import type { BunSocket } from "./bun-socket.ts";
import type { SocketsConduit } from "./conduit.ts";

/** The settings of an address that is accepted on, with the timeouts of the relays that have them. */
export class Listener extends RelayTimeouts<SocketsConduit> {
  private keepAliveValues: readonly OptionValue[] | null = null;

  /** Lets the kernel find out when the other end of a connection is gone without a word. */
  keepAlive(end: BunSocket<unknown>): void {
    const { options } = this;
    if (process.platform !== "linux") {
      // All that Bun lets one say.
      if (options.keepAliveMs > 0) end.setKeepAlive(true, options.keepAliveMs);
      return;
    }
    this.keepAliveValues ??= keepAliveValues(options);
    for (const one of this.keepAliveValues) setOption(end.fd, one, one.value);
  }
}
