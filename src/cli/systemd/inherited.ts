import { formatAddress } from "../../base/address.ts";
import { describe } from "../../base/error.ts";
import { formatCount } from "../../base/quantity.ts";
import type { TakeSockets } from "../../control/proxy.ts";
import type { ListeningSocket } from "../../engine/listening-socket.ts";
import { socketKind } from "../../system/libc.ts";
import { closeNow, closeOnExec, keepUrgentBytes, ownAddress } from "../../system/linux.ts";
import { decodeSockaddr } from "../../system/sockaddr.ts";
import { StartError } from "../start-error.ts";

/** The first inherited descriptor: SD_LISTEN_FDS_START. */
const FIRST = 3;
/** More descriptors than any service passes on. */
const MOST = 1024;

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
/** TCP and multipath TCP, whose sockets behave alike. */
const STREAM_PROTOCOLS = [6, 262];

/**
 * Sockets that the service manager opened (socket activation): `$LISTEN_FDS` of them from
 * descriptor 3 on, meant for the process `$LISTEN_PID`. A listener with the address of such a
 * socket uses it instead of opening its own.
 *
 * Must be made before this process opens anything: if a descriptor was announced but not passed on,
 * one of its own might get that number.
 *
 * Source: man sd_listen_fds(3).
 */
export class InheritedSockets {
  private readonly sockets = new Map<string, ListeningSocket>();

  /**
   * @param environment has `LISTEN_FDS` and `LISTEN_PID`
   * @throws StartError if an inherited descriptor is no listening socket
   */
  constructor(environment: Readonly<Record<string, string | undefined>>) {
    const { LISTEN_FDS, LISTEN_PID } = environment;
    if (process.platform !== "linux" || LISTEN_FDS === undefined) return;
    if (Number(LISTEN_PID) !== process.pid) return;
    const count = /^\d{1,4}$/.test(LISTEN_FDS) ? Number(LISTEN_FDS) : Number.POSITIVE_INFINITY;
    if (count > MOST) {
      const expected = `expected the number of sockets that are passed on, 0…${formatCount(MOST)}`;
      throw new StartError(`LISTEN_FDS ${describe(LISTEN_FDS)}: ${expected}`);
    }
    for (let descriptor = FIRST; descriptor < FIRST + count; descriptor++) this.add(descriptor);
  }

  /** Takes the inherited socket of an address, if there is one. */
  readonly take: TakeSockets = (address) => {
    const key = formatAddress(address);
    const socket = this.sockets.get(key);
    this.sockets.delete(key);
    return socket === undefined ? undefined : [{ sockets: [socket], areOwn: false }];
  };

  /** Closes the sockets that no listener has taken. @returns their addresses */
  closeRest(): string[] {
    const rest = [...this.sockets.keys()];
    for (const { descriptor } of this.sockets.values()) closeNow(descriptor);
    this.sockets.clear();
    return rest;
  }

  private add(descriptor: number): void {
    const fault = faultOf(descriptor);
    const bytes = fault === null ? ownAddress(descriptor) : null;
    if (fault !== null || bytes === null) throw refusal(descriptor, fault ?? "it has no address");
    closeOnExec(descriptor);
    keepUrgentBytes(descriptor);
    const address = decodeSockaddr(bytes.slice());
    const key = formatAddress(address);
    if (this.sockets.has(key)) throw refusal(descriptor, `${key} was passed on twice`);
    this.sockets.set(key, { descriptor, address });
  }
}

/** Why a descriptor cannot accept clients; null if it can. */
function faultOf(descriptor: number): string | null {
  const kind = socketKind(descriptor);
  if (kind === null) return "it is no socket";
  const { domain, type, protocol, listens } = kind;
  if (![AF_UNIX, AF_INET, AF_INET6].includes(domain)) return "it is none of IPv4, IPv6 and unix";
  if (type !== SOCK_STREAM) return "it is no stream socket";
  if (domain !== AF_UNIX && !STREAM_PROTOCOLS.includes(protocol)) return "it is none of TCP";
  return listens ? null : "it does not listen";
}

function refusal(descriptor: number, why: string): StartError {
  const what = `descriptor ${descriptor} that was passed on (LISTEN_FDS)`;
  return new StartError(`${what} is no socket to accept clients from: ${why}`);
}
