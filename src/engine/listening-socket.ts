import { formatAddress } from "../config/address.ts";
import type { Address } from "../config/options.ts";
import { NameError } from "../upstream/names/name-error.ts";
import { askSystem } from "../upstream/names/resolver.ts";
import { ListenError } from "./engine.ts";
import {
  bindSocket,
  closeNow,
  errnoName,
  listenOn,
  openSocket,
  ownAddress,
  SocketOption,
  setOption,
} from "./linux.ts";
import { isName } from "./names.ts";
import { BACKLOG } from "./policy.ts";
import { decodeSockaddr, encodeSockaddr } from "./sockaddr.ts";
import { removeStaleSocket } from "./socket-file.ts";

/** A socket that listens, opened by its number. Linux only. */
export interface ListeningSocket {
  readonly descriptor: number;
  /** What it is really bound to, with the port that the system picked. */
  readonly address: Address;
}

/**
 * Opens a socket and listens on it.
 *
 * @param shares others of this process listen on the very same port, and the kernel spreads clients
 *   over them by their address (SO_REUSEPORT); not for unix sockets
 * @throws ListenError
 */
export async function openListening(address: Address, shares: boolean): Promise<ListeningSocket> {
  const place = await literal(address);
  const bytes = encodeSockaddr(place);
  const descriptor = openSocket(bytes[0] as number);
  const check = (result: number): void => {
    if (result >= 0) return;
    if (descriptor >= 0) closeNow(descriptor);
    throw listenError(address, errnoName(-result));
  };
  check(descriptor);
  if (place.kind === "tcp") {
    setOption(descriptor, SocketOption.reuseAddress, 1);
    if (shares) setOption(descriptor, SocketOption.reusePort, 1);
    if (place.host === "::") setOption(descriptor, SocketOption.onlyIPv6, 0);
    // What is accepted from it inherits this.
    setOption(descriptor, SocketOption.noDelay, 1);
  } else await removeStaleSocket(place.path);
  check(bindSocket(descriptor, bytes));
  check(listenOn(descriptor, BACKLOG));
  return { descriptor, address: boundAddress(address, descriptor) };
}

function boundAddress(address: Address, descriptor: number): Address {
  if (address.kind === "unix") return address;
  const bytes = ownAddress(descriptor);
  const bound = bytes === null ? null : decodeSockaddr(bytes, 0);
  return { ...address, port: bound?.kind === "tcp" ? bound.port : 0 };
}

/** The address to bind to: of a host name the first one. @throws ListenError */
async function literal(address: Address): Promise<Address> {
  if (!isName(address)) return address;
  const [host] = await askSystem(address.host).catch((error: unknown) => {
    if (error instanceof NameError) return [];
    throw error;
  });
  if (host !== undefined) return { ...address, host };
  throw listenError(address, "ENOTFOUND");
}

function listenError(address: Address, code: string): ListenError {
  const place = `cannot listen on ${formatAddress(address)}`;
  return new ListenError(address, code, code === "ENOTFOUND" ? place : `${place}: ${code}`);
}
