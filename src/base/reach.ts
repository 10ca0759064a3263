import type { Address, TcpAddress } from "./address.ts";
import { formatIPv6, ipKind, parseIPv4, parseIPv6 } from "./ip.ts";

/** The machine that an address is dialled from, on which its meaning depends. */
export interface Machine {
  /** The addresses of its interfaces, as {@link plainHost} returns them, without the loopback. */
  readonly hosts: ReadonlySet<string>;
  /**
   * Identifies the file at a path, through links: the same text for the same file; null for no
   * file.
   */
  socketAt(path: string): string | null;
}

/**
 * Whether a dial to `target` on this machine ends at `listener`. Different spellings count:
 * `::ffff:127.0.0.1`; `0.0.0.0`, which dials the loopback; any address of this machine if the
 * listener accepts on all; another path to the same socket file. A host name leads nowhere, except
 * `localhost` and the very name of the listener.
 */
export function reaches(target: Address, listener: Address, machine: Machine): boolean {
  if (target.kind === "unix" || listener.kind === "unix") {
    return target.kind === listener.kind && isSamePath(pathOf(target), pathOf(listener), machine);
  }
  if (target.port !== listener.port) return false;
  const places = dialled(target.host);
  return accepting(listener.host).some((host) =>
    places.some((place) => isAt(place, host, machine)),
  );
}

/** A key that two addresses share if one may reach the other. */
export function meetingPoint(address: Address): string {
  return address.kind === "unix" ? "unix" : String(address.port);
}

/** Whether a host name always means this machine, whatever DNS says. */
export function isLocalhost(host: string): boolean {
  return /(^|\.)localhost\.?$/i.test(host);
}

/**
 * A host in its simplest form: in lower case, an IPv4-mapped address as IPv4. A zone stays, because
 * a link-local address may belong to another machine on another interface.
 */
export function plainHost(host: string): string {
  const small = host.toLowerCase();
  if (ipKind(small) !== 6) return small;
  const [literal = "", zone] = small.split("%");
  const groups = parseIPv6(literal) ?? [];
  const [prefix, high = 0, low = 0] = groups.slice(5);
  if (prefix === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
  }
  return zone === undefined ? formatIPv6(groups) : `${formatIPv6(groups)}%${zone}`;
}

/** The hosts that a dial to a host may reach. */
function dialled(host: string): readonly string[] {
  const plain = plainHost(host);
  if (isLocalhost(plain) || plain === "::") return LOOPBACKS;
  return plain === "0.0.0.0" ? ["127.0.0.1"] : [plain];
}

/** The hosts on which a listener accepts. */
function accepting(host: string): readonly string[] {
  const plain = plainHost(host);
  return isLocalhost(plain) ? LOOPBACKS : [plain];
}

const LOOPBACKS = ["127.0.0.1", "::1"];

function isAt(place: string, listener: string, machine: Machine): boolean {
  if (place === listener || withoutZone(place) === listener) return true;
  if (withoutZone(listener) === place) return true;
  // A listener on all IPv6 addresses usually accepts IPv4, too.
  const all = listener === "::" || (listener === "0.0.0.0" && ipKind(place) === 4);
  return all && (isLoopback(place) || machine.hosts.has(place));
}

function isLoopback(host: string): boolean {
  return host === "::1" || parseIPv4(host)?.[0] === 127;
}

function withoutZone(host: string): string {
  return host.split("%")[0] ?? host;
}

function isSamePath(path: string, other: string, machine: Machine): boolean {
  if (path === other) return true;
  const file = machine.socketAt(path);
  return file !== null && file === machine.socketAt(other);
}

function pathOf(address: Exclude<Address, TcpAddress> | TcpAddress): string {
  return address.kind === "unix" ? address.path : "";
}
