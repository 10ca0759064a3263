import { monotonicMicros, sendDatagram } from "../../system/linux.ts";
import { encodeSockaddr } from "../../system/sockaddr.ts";

/** The messages to a service manager; see sd_notify(3). */
export type State = "READY=1" | "RELOADING=1" | "STOPPING=1" | "WATCHDOG=1";

/**
 * Reports the state of the service to systemd, or a manager with the same protocol:
 * `$NOTIFY_SOCKET` names a unix socket for datagrams. Without it, and on other systems than Linux,
 * nothing happens. It does not matter whether the manager listens.
 *
 * Source: man sd_notify(3).
 */
export class ServiceManager {
  private readonly address: Uint8Array | null;
  private watchdog: ReturnType<typeof setInterval> | null = null;

  /** @param environment has `NOTIFY_SOCKET` and `WATCHDOG_USEC` */
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
    // For systemd, a reload counts only if it began after the request.
    this.tell("RELOADING=1", `MONOTONIC_USEC=${monotonicMicros()}`);
  }

  /** The service stops. */
  stopping(status: string): void {
    this.tell("STOPPING=1", `STATUS=${oneLine(status)}`);
  }

  /** Sends nothing more, because the process ends. */
  close(): void {
    if (this.watchdog !== null) clearInterval(this.watchdog);
    this.watchdog = null;
  }

  /** Reports twice per period that the control plane is alive, if the manager wants that. */
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
      // There is no C library to send with.
    }
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, " ");
}
