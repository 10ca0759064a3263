import { formatAddress } from "../../config/address.ts";
import { closeNow, closeOnExec, keepUrgentBytes, ownAddress } from "../../engine/linux.ts";
import type { ListeningSocket } from "../../engine/listening-socket.ts";
import { decodeSockaddr } from "../../engine/sockaddr.ts";

/** The first descriptor that is passed on: SD_LISTEN_FDS_START. */
const FIRST = 3;
/** More than anybody passes on. */
const MOST = 1024;

/**
 * Sockets that the service manager has opened (socket activation): `$LISTEN_FDS` of them from
 * descriptor 3 on, meant for the process `$LISTEN_PID`. A listener whose address is that of such a
 * socket takes it instead of opening one of its own.
 *
 * Source: man sd_listen_fds(3).
 */
export class InheritedSockets {
  private readonly sockets = new Map<string, ListeningSocket>();

  /** @param environment where `LISTEN_FDS` and `LISTEN_PID` stand */
  constructor(environment: Readonly<Record<string, string | undefined>>) {
    const { LISTEN_FDS, LISTEN_PID } = environment;
    if (process.platform !== "linux" || LISTEN_FDS === undefined) return;
    if (Number(LISTEN_PID) !== process.pid) return;
    const count = Number(LISTEN_FDS);
    if (!Number.isInteger(count) || count < 1 || count > MOST) return;
    for (let descriptor = FIRST; descriptor < FIRST + count; descriptor++) this.add(descriptor);
  }

  /** Takes the socket that listens on this address, if there is one. */
  readonly take = (address: Parameters<typeof formatAddress>[0]): ListeningSocket | undefined => {
    const key = formatAddress(address);
    const socket = this.sockets.get(key);
    this.sockets.delete(key);
    return socket;
  };

  /** Closes those that no listener has taken. @returns their addresses */
  closeRest(): string[] {
    const rest = [...this.sockets.keys()];
    for (const { descriptor } of this.sockets.values()) closeNow(descriptor);
    this.sockets.clear();
    return rest;
  }

  private add(descriptor: number): void {
    closeOnExec(descriptor);
    const bytes = ownAddress(descriptor);
    // Something else was passed on: not ours to close.
    if (bytes === null || ![1, 2, 10].includes(bytes[0] as number)) return;
    keepUrgentBytes(descriptor);
    const address = decodeSockaddr(bytes.slice());
    this.sockets.set(formatAddress(address), { descriptor, address });
  }
}
