import { keepAliveValues, type OptionValue } from "../../relay/keep-alive.ts";
import {
  type RelayParts,
  RelayTimeouts,
  type Timed,
  type TimedDialer,
} from "../../relay/relay-timeouts.ts";
import { setOption } from "../../system/linux.ts";
import type { TlsServerContext } from "../../transport/tls/server-context.ts";
import type { BunSocket } from "./bun-socket.ts";

/** The settings of an address that is accepted on, with the timeouts of the relays that have them. */
export class Listener<T extends Timed> extends RelayTimeouts<T> {
  private keepAliveValues: readonly OptionValue[] | null = null;

  /** @param tls what its clients are shown; null where no TLS ends here */
  constructor(
    parts: RelayParts<T>,
    dialer: TimedDialer<T>,
    readonly tls: TlsServerContext | null,
  ) {
    super(parts, dialer);
  }

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
