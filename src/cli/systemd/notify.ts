import { monotonicMicros, sendDatagram } from "../../system/linux.ts";
import { encodeSockaddr } from "../../system/sockaddr.ts";

/** What a service manager is told, of sd_notify(3). */
export type State = "READY=1" | "RELOADING=1" | "STOPPING=1" | "WATCHDOG=1";

/**
 * Tells systemd, or whoever speaks its protocol, how the service is: `$NOTIFY_SOCKET` names a unix
 * socket that takes datagrams. Without it, and off Linux, nothing happens; whether anybody listens
 * there does not matter to the service.
 *
 * Source: man sd_notify(3).
 */
export class ServiceManager {
  private readonly address: Uint8Array | null;
  private watchdog: ReturnType<typeof setInterval> | null = null;

  /** @param environment where `NOTIFY_SOCKET` and `WATCHDOG_USEC` stand */
  constructor(private readonly environment: Readonly<Record<string, string | undefined>>) {
    const { NOTIFY_SOCKET: path = "" } = environment;
    const isPath = path.startsWith("/") || path.startsWith("@");
    const isUsable = process.platform === "linux" && isPath && Buffer.byteLength(path) < 108;
    this.address = isUsable
      ? encodeSockaddr({ kind: "unix", path: path.replace(/^@/, "\0") })
      : null;
  }

  /** All listeners accept; also after a reload. @param status for `systemctl status` */
  ready(status: string): void {
    this.tell("READY=1", `STATUS=${oneLine(status)}`, `MAINPID=${process.pid}`);
    this.feedWatchdog();
  }

  /** A reload begins; {@link ready} ends it. */
  reloading(): void {
    if (this.address === null) return;
    // A reload counts for systemd only if it began after it was asked for.
    this.tell("RELOADING=1", `MONOTONIC_USEC=${monotonicMicros()}`);
  }

  /** The service comes to its end. */
  stopping(status: string): void {
    this.tell("STOPPING=1", `STATUS=${oneLine(status)}`);
  }

  /** Nothing more is told: the process ends. */
  close(): void {
    if (this.watchdog !== null) clearInterval(this.watchdog);
    this.watchdog = null;
  }

  /** Says twice per period that the control plane lives, if the manager wants to hear it. */
  private feedWatchdog(): void {
    const { WATCHDOG_USEC, WATCHDOG_PID } = this.environment;
    const micros = Number(WATCHDOG_USEC ?? 0);
    const isMeant = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
    if (this.watchdog !== null || !isMeant || !(micros > 0)) return;
    this.watchdog = setInterval(() => this.tell("WATCHDOG=1"), micros / 2e3);
    this.watchdog.unref();
  }

  private tell(...lines: readonly [State, ...string[]]): void {
    if (this.address === null) return;
    try {
      sendDatagram(this.address, new TextEncoder().encode(lines.join("\n")));
    } catch {
      // There is no C library to send it with.
    }
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, " ");
}
