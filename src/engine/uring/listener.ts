import { keepAliveValues } from "../../relay/keep-alive.ts";
import {
  type RelayParts,
  RelayTimeouts,
  type Timed,
  type TimedDialer,
} from "../../relay/relay-timeouts.ts";
import { addressOf } from "../../system/linux.ts";
import type { StoredValue } from "./tuning.ts";

/** One address that is accepted on, with the timeouts of its relays. */
export class Listener<T extends Timed> extends RelayTimeouts<T> {
  /** The kernel has an accept operation for it. */
  armed = false;
  /** It stops accepting once all connected clients are accepted. */
  closing = false;
  /** The keep-alive options, with the addresses where the kernel later reads their values. */
  readonly keepAliveValues: readonly StoredValue[];
  private readonly values: Int32Array;

  /** @param descriptor the listening socket, which the owner closes */
  constructor(
    parts: RelayParts<T>,
    dialer: TimedDialer<T>,
    readonly descriptor: number,
  ) {
    super(parts, dialer);
    const values = keepAliveValues(parts.options);
    this.values = Int32Array.from(values, ({ value }) => value);
    this.keepAliveValues = values.map((one, index) => ({
      ...one,
      address: addressOf(this.values.subarray(index)),
    }));
  }
}
