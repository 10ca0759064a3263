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
  /** The kernel has an operation that accepts. */
  armed = false;
  /** It is to accept no more, when whoever has connected is accepted. */
  closing = false;
  /** What keep-alive is, with the addresses of its values: the kernel reads them when it gets to that. */
  readonly keepAliveValues: readonly StoredValue[];
  private readonly values: Int32Array;

  /** @param descriptor listens; closed by whoever closes this */
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
