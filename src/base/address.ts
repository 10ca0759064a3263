import { addressCalled } from "./elsewhere.ts";
import { ConfigError, describe, printable } from "./error.ts";
import { formatIPv6, ipKind, isIPv6, parseIPv6 } from "./ip.ts";
import { formatCount } from "./quantity.ts";

/** A TCP address. `host` is a host name, an IPv4 or an IPv6 literal (without brackets). */
export interface TcpAddress {
  readonly kind: "tcp";
  readonly host: string;
  /** 0…65535; 0 lets the system pick, for a listener only. */
  readonly port: number;
  /** See {@link Asked}. */
  readonly asks?: Asked;
}

/** A unix socket. A path that begins with `\0` is in Linux' abstract namespace. */
export interface UnixAddress {
  readonly kind: "unix";
  readonly path: string;
  /** See {@link Asked}. */
  readonly asks?: Asked;
}

/**
 * Marks a literal upstream that may lead to this process, because interfaces and files change while
 * the proxy runs: the engine asks the control plane before each dial. Set by the control plane
 * only.
 */
export type Asked = true;

/** Where a listener accepts or an upstream is reached. */
export type Address = TcpAddress | UnixAddress;

/** A service in DNS: each place that its SRV records name is an upstream. */
export interface ServiceAddress {
  readonly kind: "service";
  /** Such as `_redis._tcp.example.org`: in lower case, without a final dot. */
  readonly name: string;
}

/** An upstream's address as configured. */
export type UpstreamAddress = Address | ServiceAddress;

/**
 * A range of ports of one host, as a listener's or upstream's address may be written. Finished
 * options have none: each port becomes a listener.
 */
export interface PortRange {
  readonly kind: "ports";
  /** As {@link TcpAddress.host}. */
  readonly host: string;
  /** 1…65535. */
  readonly first: number;
  /** At least the first, and at most {@link PORTS_MAX} with it. */
  readonly last: number;
}

/** The most ports of a range. A larger one is a mistake, or a case for the kernel (TPROXY). */
const PORTS_MAX = 1_024;

/**
 * What an address is for. Only a listener may have port 0; a missing host means something else for
 * each.
 */
export type AddressRole = "listener" | "upstream";

/** The host of `:port`: for a listener all addresses (IPv6 and IPv4), otherwise this machine. */
const HOST_UNLESS_GIVEN = { listener: "::", upstream: "127.0.0.1" } as const;

/** The most bytes of a unix socket's path (`sun_path` without its final zero). */
const UNIX_PATH_BYTES_MAX = process.platform === "linux" ? 107 : 103;

/** The prefix of a service in DNS. */
const SERVICE = "srv:";

const EXPECTED = {
  listener: "expected host:port, :port, [ipv6]:port or unix:/path",
  upstream: "expected host:port, [ipv6]:port or unix:/path",
} as const;

/**
 * The address as a person writes it: `host:port`, `[::1]:port`, `unix:/path`, `srv:name` or
 * `host:first-last`.
 */
export function formatAddress(address: UpstreamAddress | PortRange): string {
  if (address.kind === "service") return `${SERVICE}${address.name}`;
  if (address.kind === "unix") return `unix:${address.path.replace("\0", "@")}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.kind === "ports" ? `${address.first}-${address.last}` : address.port}`;
}

/**
 * Reads an address as {@link parseAddress} does, or `srv:_redis._tcp.example.org`.
 *
 * @throws ConfigError with one sentence that begins with the quoted text
 */
export function parseUpstream(text: string): UpstreamAddress {
  return text.startsWith(SERVICE) ? parseService(text) : parseAddress(text, "upstream");
}

/**
 * Reads `host:port`, `:port`, `[::1]:port`, `unix:/path` or `unix:@abstract`.
 *
 * @throws ConfigError with one sentence that begins with the quoted text
 */
export function parseAddress(text: string, role: AddressRole): Address {
  if (text.startsWith("unix:")) return parseUnix(text);
  const fail = failing(text);
  const [hostText, portText] = parts(text, role, fail);
  const port = parsePort(portText, role, fail);
  return { kind: "tcp", host: parseHost(hostText, role, fail), port };
}

/**
 * Reads `host:first-last`, with a host as in {@link parseAddress}.
 *
 * @returns null for any other text
 * @throws ConfigError with one sentence that begins with the quoted text
 */
export function parsePorts(text: string, role: AddressRole): PortRange | null {
  const [, begin = "", end = ""] = /:(\d+)-(\d+)$/.exec(text) ?? [];
  if (begin === "" || text.startsWith(SERVICE)) return null;
  const fail = failing(text);
  if (text.startsWith("unix:")) fail("a unix socket has no ports");
  const [hostText] = parts(text, role, fail);
  const [first, last] = [parsePort(begin, role, fail), parsePort(end, role, fail)];
  if (first > last) fail(`a range of ports begins with the lowest: ${last}-${first}`);
  if (first === 0) fail("a range of ports has no port 0, for which the system picks one");
  const count = last - first + 1;
  if (count > PORTS_MAX) {
    const most = formatCount(PORTS_MAX);
    fail(`a range has at most ${most} ports, and this one has ${formatCount(count)}`);
  }
  return { kind: "ports", host: parseHost(hostText, role, fail), first, last };
}

type Fail = (why: string) => never;

function failing(text: string): Fail {
  return (why) => {
    throw new ConfigError(`${describe(text)}: ${why}`);
  };
}

/** The host of a TCP address, and the text of its port. */
function parts(text: string, role: AddressRole, fail: Fail): [host: string, port: string] {
  const called = addressCalled(text);
  if (called !== null) fail(called);
  if (text.startsWith(SERVICE)) fail("a service in DNS can only be an upstream");
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) fail(`${EXPECTED[role]}, without a scheme`);
  const [, hostText = "", portText] = /^(\[[^\]]*\]|[^[\]]*):([^:\]]*)$/.exec(text) ?? [];
  if (isIPv6(text) || (!hostText.startsWith("[") && isIPv6(hostText))) {
    fail("an IPv6 address is written in brackets, with a port after them: [::1]:6380");
  }
  if (portText === undefined || portText === "") return fail(`no port; ${EXPECTED[role]}`);
  return [hostText, portText];
}

function parsePort(text: string, role: AddressRole, fail: Fail): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  const least = role === "listener" ? 0 : 1;
  if (!(port >= least && port <= 65_535)) {
    fail(`port ${describe(text)} is not a number of ${least}…65535`);
  }
  return port;
}

function parseHost(text: string, role: AddressRole, fail: Fail): string {
  if (text === "") return HOST_UNLESS_GIVEN[role];
  if (text === "*") fail("leave the host out to listen on all addresses, as in :6380");
  if (text.startsWith("[")) {
    const literal = text.slice(1, -1);
    if (!isIPv6(literal)) fail(`${describe(literal)} is not an IPv6 address`);
    const groups = parseIPv6(literal);
    return groups === null ? literal : formatIPv6(groups);
  }
  if (ipKind(text) === 4) return text;
  // No top-level domain is a number, so a host that ends in one is an IPv4 address or a mistake.
  if (/(^|\.)(\d+|0x[\da-f]*)\.?$/i.test(text)) fail(`${describe(text)} is not an IPv4 address`);
  const isName = text.length <= 253 && /^([a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?(\.|$))+$/i.test(text);
  if (!isName) fail(`${describe(text)} is not a host name`);
  return text.toLowerCase();
}

/** The name of a TCP service as in RFC 2782. */
function parseService(text: string): ServiceAddress {
  const name = text.slice(SERVICE.length).replace(/\.$/, "").toLowerCase();
  const isName = /^_[a-z\d-]{1,62}\._tcp(\.[a-z\d_-]{1,63})+$/.test(name) && name.length <= 253;
  if (isName) return { kind: "service", name };
  throw new ConfigError(
    `${describe(text)}: expected a service such as srv:_redis._tcp.example.org`,
  );
}

function parseUnix(text: string): Address {
  const path = text.slice("unix:".length);
  const fail = failing(text);
  const abstract = path.startsWith("@");
  // Logs and pages would show them unchanged.
  if (printable(path) !== path) fail("a path holds printable characters alone");
  if (abstract ? path.length < 2 : !/^\/.*[^/]$/s.test(path)) {
    fail("expected unix: and the absolute path of a socket, or unix:@name");
  }
  if (abstract && process.platform !== "linux") fail("abstract sockets exist on Linux only");
  if (Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) {
    fail(`the path of a unix socket has at most ${UNIX_PATH_BYTES_MAX} bytes`);
  }
  return { kind: "unix", path: abstract ? `\0${path.slice(1)}` : path };
}
