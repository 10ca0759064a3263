import type { Address, TcpAddress } from "./address.ts";
import { formatIPv6, ipKind, parseIPv4, parseIPv6 } from "./ip.ts";

/** What an address means depends on the machine that it is dialled from. */
export interface Machine {
  /** The addresses of its interfaces, as {@link plainHost} has them; those of the loopback go without saying. */
  readonly hosts: ReadonlySet<string>;
  /** Which file is at this path, links followed: the same text for the same file; null when there is none. */
  socketAt(path: string): string | null;
}

/**
 * Whether who dials `target` on this machine comes to `listener`. All spellings of an address are the same:
 * `::ffff:127.0.0.1`, `0.0.0.0`, which dials the loopback, any address of this machine where the listener
 * accepts on all of them, another way to the same socket file. A host name is nowhere, but `localhost`, and
 * where the listener was given the same name.
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

/** What two addresses must have in common, so that one of them may reach the other. */
export function meetingPoint(address: Address): string {
  return address.kind === "unix" ? "unix" : String(address.port);
}

/** Whether a host means this machine whatever DNS says. */
export function isLocalhost(host: string): boolean {
  return /(^|\.)localhost\.?$/i.test(host);
}

/**
 * A host in its plainest form: in small letters, an IPv4 address within IPv6 as what it is. A zone stays, as
 * the same link-local address may be somebody else's on another interface.
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

/** Where who dials a host may come to. */
function dialled(host: string): readonly string[] {
  const plain = plainHost(host);
  if (isLocalhost(plain) || plain === "::") return LOOPBACKS;
  return plain === "0.0.0.0" ? ["127.0.0.1"] : [plain];
}

/** Where a listener accepts. */
function accepting(host: string): readonly string[] {
  const plain = plainHost(host);
  return isLocalhost(plain) ? LOOPBACKS : [plain];
}

const LOOPBACKS = ["127.0.0.1", "::1"];

function isAt(place: string, listener: string, machine: Machine): boolean {
  if (place === listener || withoutZone(place) === listener) return true;
  if (withoutZone(listener) === place) return true;
  // One that accepts on all IPv6 addresses accepts on all others as well, as a rule.
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
