import type { ListenerOptions } from "../config/options.ts";
import { SocketOption } from "../system/linux.ts";

/** Milliseconds after which a relay is worth the system calls that turn keep-alive on. */
const YOUNG_MS = 20_000;

/** An option of setsockopt(2) with its value. */
export interface OptionValue {
  readonly level: number;
  readonly option: number;
  readonly value: number;
}

type KeepAliveOptions = Pick<
  ListenerOptions,
  "keepAliveMs" | "keepAliveIntervalMs" | "keepAliveProbes" | "tcpUserTimeoutMs"
>;

/** The socket options with which the kernel detects ends that have vanished. */
export function keepAliveValues(options: KeepAliveOptions): readonly OptionValue[] {
  const { keepAliveMs, keepAliveIntervalMs, keepAliveProbes, tcpUserTimeoutMs } = options;
  const probing =
    keepAliveMs === 0
      ? []
      : [
          { ...SocketOption.keepIdle, value: seconds(keepAliveMs) },
          { ...SocketOption.keepInterval, value: seconds(keepAliveIntervalMs) },
          { ...SocketOption.keepCount, value: keepAliveProbes },
          { ...SocketOption.keepAlive, value: 1 },
        ];
  const acknowledging =
    tcpUserTimeoutMs === 0 ? [] : [{ ...SocketOption.userTimeout, value: tcpUserTimeoutMs }];
  return [...probing, ...acknowledging];
}

/** Age in milliseconds at which a relay needs these options; 0 for never. */
export function keepAliveAfterMs({ keepAliveMs, tcpUserTimeoutMs }: KeepAliveOptions): number {
  const spans = [keepAliveMs, tcpUserTimeoutMs].filter((span) => span > 0);
  return spans.length === 0 ? 0 : Math.min(YOUNG_MS, ...spans.map((span) => span / 2));
}

function seconds(milliseconds: number): number {
  return Math.max(1, Math.round(milliseconds / 1_000));
}
