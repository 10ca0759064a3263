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

/** A socket that listens, opened by its number. Linux only. */
export interface ListeningSocket {
  readonly descriptor: number;
  /** What it is really bound to, with the port that the system picked. */
  readonly address: Address;
}

/** Sockets that were opened for a listener before it was there. */
export interface GivenSockets {
  /** One for each worker that shares the port, or one for all of them. */
  readonly sockets: readonly [ListeningSocket, ...ListeningSocket[]];
  /** They are this process's own: the path of a unix socket goes with them. */
  readonly areOwn: boolean;
  /** Where they really are, of a name one of its addresses; missing where that is their address. */
  readonly place?: Address;
}

/**
 * With whom a socket shares its port: with nobody, with those of this process that are opened later,
 * or also with those that are open already. The kernel spreads clients over them by their address
 * (SO_REUSEPORT).
 *
 * Whoever else of the same user shares his port, such as a second ringway, would let a socket in
 * that says so before it is bound. So the first one of a port says so when it listens: then the
 * kernel has refused it as it refuses anybody where somebody listens.
 *
 * Source: inet_csk_get_port(), which bind(2) and listen(2) call, and reuseport_add_sock() of Linux.
 */
export type Sharing = "none" | "later" | "all";

/** What a listener has to say of its sockets: what the file of a unix one gets, and how many may wait. */
export type SocketSettings = Pick<ListenerOptions, "unix" | "backlog">;

/**
 * Opens a socket and listens on it.
 *
 * @param sharing does not matter for unix sockets
 * @param host what the address's name stands for, where that is known already
 * @param settings the file of a unix socket gets its access before anybody can connect
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
    // What is accepted from it inherits this.
    setOption(descriptor, SocketOption.noDelay, 1);
  } else await removeStaleSocket(place.path);
  check(bindSocket(descriptor, bytes));
  if (place.kind === "unix") check(accessSet(place.path, settings.unix));
  check(listenOn(descriptor, settings.backlog));
  if (place.kind === "tcp" && sharing === "later") setOption(descriptor, SocketOption.reusePort, 1);
  return { descriptor, address: boundAddress(address, descriptor) };
}

/**
 * Opens a socket for each of several workers on one address, or one for all of them where the kernel
 * does not spread clients over several.
 *
 * @param isOurs whether this process listens already where these do, too
 * @throws ListenError; then none is open
 */
export async function openForWorkers(
  address: Address,
  workers: number,
  isOurs: boolean,
  settings: SocketSettings,
): Promise<readonly [ListeningSocket, ...ListeningSocket[]]> {
  if (address.kind === "unix") return [await openListening(address, "none", undefined, settings)];
  // A name is looked up once: all of them have to be bound to the very same address.
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

/** @returns 0, or −1 with the socket removed; it would have been refused to those that it is meant for */
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
 * Opens sockets on all that an address stands for: a name on each of its addresses that this machine has,
 * by one port. Sockets of this process may lie on the same port as long as their addresses differ, be it
 * that one stands for all: the kernel gives a client to the narrowest.
 *
 * @param isOurs see {@link openForWorkers}; asked of each literal address
 * @param lookUp what a name stands for, for tests to replace
 * @returns at least one; what is told of them has the name
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

/** Closes sockets that nobody has taken. */
export function closeAll(given: readonly GivenSockets[]): void {
  for (const { sockets } of given) for (const { descriptor } of sockets) closeNow(descriptor);
}

/** A name may stand for addresses that this machine does not have, such as those of IPv6. */
function isAbsent(error: unknown): boolean {
  return error instanceof ListenError && ["EADDRNOTAVAIL", "EAFNOSUPPORT"].includes(error.code);
}

function boundAddress(address: Address, descriptor: number): Address {
  if (address.kind === "unix") return address;
  const bytes = ownAddress(descriptor);
  const bound = bytes === null ? null : decodeSockaddr(bytes, 0);
  return { ...address, port: bound?.kind === "tcp" ? bound.port : 0 };
}

/** The host to bind to: of a name the first one that it stands for. @throws ListenError */
async function hostOf(address: TcpAddress): Promise<string> {
  const [host] = await hostsOf(address, askSystem);
  return host;
}

/** All hosts that a name stands for. @throws ListenError when there is none */
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
