import { type Address, formatAddress, type TcpAddress } from "../base/address.ts";
import { listenerDefaults } from "../config/defaults.ts";
import type { ListenerOptions } from "../config/options.ts";
import { type FileAccess, setSocketAccess } from "../system/file-access.ts";
import {
  bindSocket,
  closeNow,
  Errno,
  errnoName,
  keepUrgentBytes,
  listenOn,
  openSocket,
  ownAddress,
  SocketOption,
  setOption,
} from "../system/linux.ts";
import { decodeSockaddr, encodeSockaddr } from "../system/sockaddr.ts";
import { removeSocketFile, removeStaleSocket } from "../system/socket-file.ts";
import { isName } from "../upstream/names/ask.ts";
import { NameError } from "../upstream/names/name-error.ts";
import { askSystem, type SystemLookup } from "../upstream/names/resolver.ts";
import { ListenError } from "./listen-error.ts";

/** A listening socket. Linux only. */
export interface ListeningSocket {
  readonly descriptor: number;
  /** The bound address, with the port that the system chose. */
  readonly address: Address;
}

/** Sockets that were opened before their listener exists. */
export interface GivenSockets {
  /** One for each worker that shares the port, or one for all of them. */
  readonly sockets: readonly [ListeningSocket, ...ListeningSocket[]];
  /** Whether this process opened them, so that it removes the file of a unix socket. */
  readonly areOwn: boolean;
  /** The literal address, if `address` of the sockets has a name. */
  readonly place?: Address;
}

/**
 * The sockets with which a socket shares its port: none, those that this process opens later, or
 * also those that it has already opened. The kernel distributes clients over them by their address
 * (SO_REUSEPORT).
 *
 * If another program of the same user shares its port, such as a second ringway, the kernel would
 * let in any socket that sets SO_REUSEPORT before bind(2). So the first socket of a port sets it
 * after listen(2): then the kernel refuses it if another program listens there.
 *
 * Source: inet_csk_get_port(), which bind(2) and listen(2) call, and reuseport_add_sock() of Linux.
 */
export type Sharing = "none" | "later" | "all";

/** A listener's settings for its sockets: access to a unix socket's file, and the backlog. */
export type SocketSettings = Pick<ListenerOptions, "unix" | "backlog">;

/**
 * Opens a socket and listens on it.
 *
 * @param sharing ignored for unix sockets
 * @param host the literal host of an address with a name, if it is known
 * @param settings the access of a unix socket's file is set before any client can connect
 * @throws ListenError
 */
export async function openListening(
  address: Address,
  sharing: Sharing,
  host?: string,
  settings: SocketSettings = listenerDefaults,
): Promise<ListeningSocket> {
  const isTcp = address.kind === "tcp";
  const place = isTcp ? { ...address, host: host ?? (await hostOf(address)) } : address;
  const bytes = encodeSockaddr(place);
  const descriptor = openSocket(bytes[0] as number);
  const check = (result: number): void => {
    if (result >= 0) return;
    if (descriptor >= 0) closeNow(descriptor);
    throw listenError(address, errnoName(-result));
  };
  check(descriptor);
  keepUrgentBytes(descriptor);
  if (place.kind === "tcp") {
    setOption(descriptor, SocketOption.reuseAddress, 1);
    if (sharing === "all") setOption(descriptor, SocketOption.reusePort, 1);
    if (place.host === "::") setOption(descriptor, SocketOption.onlyIPv6, 0);
    // Accepted sockets inherit this.
    setOption(descriptor, SocketOption.noDelay, 1);
  } else await removeStaleSocket(place.path);
  check(bindSocket(descriptor, bytes));
  if (place.kind === "unix") check(accessSet(place.path, settings.unix));
  check(listenOn(descriptor, settings.backlog));
  if (place.kind === "tcp" && sharing === "later") setOption(descriptor, SocketOption.reusePort, 1);
  return { descriptor, address: boundAddress(address, descriptor) };
}

/**
 * Opens a socket for each worker on one address, or one for all of them if the kernel does not
 * distribute clients over several.
 *
 * @param isOurs whether this process already listens on the same port
 * @throws ListenError; then none is open
 */
export async function openForWorkers(
  address: Address,
  workers: number,
  isOurs: boolean,
  settings: SocketSettings,
): Promise<readonly [ListeningSocket, ...ListeningSocket[]]> {
  if (address.kind === "unix") return [await openListening(address, "none", undefined, settings)];
  // A name is looked up once, because all sockets must be bound to the same address.
  const host = await hostOf(address);
  const first = await openListening(address, isOurs ? "all" : "later", host, settings);
  const sockets: [ListeningSocket, ...ListeningSocket[]] = [first];
  try {
    while (sockets.length < workers) {
      sockets.push(await openListening(first.address, "all", host, settings));
    }
  } catch (error) {
    for (const { descriptor } of sockets) closeNow(descriptor);
    throw error;
  }
  return sockets;
}

/** Sets the access of a unix socket's file. @returns 0; or −errno, with the file removed */
function accessSet(path: string, access: FileAccess): number {
  try {
    setSocketAccess(path, access);
    return 0;
  } catch (error) {
    removeSocketFile(path);
    return -Math.abs((error as NodeJS.ErrnoException).errno ?? Errno.EPERM);
  }
}

/**
 * Opens sockets on an address, or, if it has a name, on each of the name's addresses that this
 * machine has, on the same port. Sockets of this process may share a port if their addresses
 * differ, even if one is a wildcard: the kernel gives a client to the most specific one.
 *
 * @param isOurs see {@link openForWorkers}; called for each literal address
 * @param lookUp resolves a name; tests replace it
 * @returns at least one; the address of the sockets keeps the name
 * @throws ListenError; then none is open
 */
export async function openPlaces(
  address: Address,
  workers: number,
  isOurs: (place: Address) => boolean,
  settings: SocketSettings,
  lookUp = askSystem,
): Promise<GivenSockets[]> {
  if (address.kind === "unix") {
    return [{ sockets: await openForWorkers(address, workers, false, settings), areOwn: true }];
  }
  const opened: GivenSockets[] = [];
  let { port } = address;
  let absence: unknown;
  try {
    for (const host of await hostsOf(address, lookUp)) {
      const place = { ...address, host, port };
      try {
        const [first, ...others] = await openForWorkers(place, workers, isOurs(place), settings);
        if (first.address.kind === "tcp") port = first.address.port;
        const named = (socket: ListeningSocket) => ({ ...socket, address: { ...address, port } });
        const sockets = [named(first), ...others.map(named)] as const;
        opened.push({ sockets, areOwn: true, place: { ...place, port } });
      } catch (error) {
        if (!isAbsent(error)) throw error;
        absence ??= error;
      }
    }
    if (opened.length === 0) throw absence;
    return opened;
  } catch (error) {
    closeAll(opened);
    throw error;
  }
}

/** Closes sockets that no listener has taken. */
export function closeAll(given: readonly GivenSockets[]): void {
  for (const { sockets } of given) for (const { descriptor } of sockets) closeNow(descriptor);
}

/** Whether this machine does not have an address, such as one of IPv6. */
function isAbsent(error: unknown): boolean {
  return error instanceof ListenError && ["EADDRNOTAVAIL", "EAFNOSUPPORT"].includes(error.code);
}

function boundAddress(address: Address, descriptor: number): Address {
  if (address.kind === "unix") return address;
  const bytes = ownAddress(descriptor);
  const bound = bytes === null ? null : decodeSockaddr(bytes, 0);
  return { ...address, port: bound?.kind === "tcp" ? bound.port : 0 };
}

/** The host to bind to; the first address of a name. @throws ListenError */
async function hostOf(address: TcpAddress): Promise<string> {
  const [host] = await hostsOf(address, askSystem);
  return host;
}

/** All literal hosts of an address. @throws ListenError if its name has none */
async function hostsOf(address: TcpAddress, lookUp: SystemLookup): Promise<[string, ...string[]]> {
  const { host: name } = address;
  if (!isName(address)) return [name];
  const hosts = await lookUp(name).catch((error: unknown) => {
    if (error instanceof NameError) return [];
    throw error;
  });
  const [first, ...others] = new Set(hosts);
  if (first !== undefined) return [first, ...others];
  throw listenError(address, "ENOTFOUND");
}

function listenError(address: Address, code: string): ListenError {
  const place = `cannot listen on ${formatAddress(address)}`;
  return new ListenError(address, code, code === "ENOTFOUND" ? place : `${place}: ${code}`);
}
