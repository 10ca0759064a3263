import type { ListenerOptions } from "../../config/options.ts";
import type { Admission } from "../../edge/admission.ts";
import type { UpstreamChooser } from "../../upstream/chooser.ts";
import type { ListenerAccount } from "../account.ts";
import type { Alarm } from "../deadlines.ts";
import { keepAliveValues } from "../keep-alive.ts";
import { addressOf } from "../linux.ts";
import type { Mirror } from "../mirror/mirror.ts";
import type { Outsiders } from "../outsiders.ts";
import { RelayTimeouts, type TimedDialer } from "../relay-timeouts.ts";
import type { Routing } from "../route-desk.ts";
import type { UringConduit } from "./conduit.ts";
import type { StoredValue } from "./tuning.ts";

/** One address that is accepted on, with the timeouts of its relays. */
export class Listener extends RelayTimeouts<UringConduit> {
  /** The kernel has an operation that accepts. */
  armed = false;
  /** It is to accept no more, when whoever has connected is accepted. */
  closing = false;
  /** What keep-alive is, with the addresses of its values: the kernel reads them when it gets to that. */
  readonly keepAliveValues: readonly StoredValue[];
  private readonly values: Int32Array;

  /** @param descriptor listens; closed by whoever closes this */
  constructor(
    options: ListenerOptions,
    account: ListenerAccount,
    chooser: UpstreamChooser,
    before: Listener | null,
    admission: Admission | null,
    mirror: Mirror | null,
    outsiders: Outsiders<UringConduit>,
    routing: Routing,
    readonly descriptor: number,
    alarm: Alarm,
    dialer: TimedDialer<UringConduit>,
  ) {
    super(options, account, chooser, before, admission, mirror, outsiders, routing, dialer, alarm);
    const values = keepAliveValues(options);
    this.values = Int32Array.from(values, ({ value }) => value);
    this.keepAliveValues = values.map((one, index) => ({
      ...one,
      address: addressOf(this.values.subarray(index)),
    }));
  }
}
