import { dlopen, type Pointer, read, toArrayBuffer } from "bun:ffi";
import { readFileSync } from "node:fs";
import {
  AF_INET,
  AF_INET6,
  decodeSockaddr,
  SOCKADDR_IN_SIZE,
  SOCKADDR_IP_SIZE,
  SOCKADDR_SIZE_MAX,
} from "./sockaddr.ts";

/**
 * Calls of the C library that Bun has no function for. Only this file and `linux.ts` import
 * bun:ffi. If the library cannot be opened (Windows, some sandboxes), callers do without.
 */
type Libc = NonNullable<ReturnType<typeof open>>;

let opened: Libc | null | undefined;

/** The library, opened on first use; null if there is none. */
function library(): Libc | null {
  if (opened === undefined) opened = open();
  return opened;
}

function open() {
  const names: Record<string, string> = { linux: "libc.so.6", darwin: "libSystem.B.dylib" };
  for (const name of [names[process.platform], "libc.so"]) {
    if (name === undefined) continue;
    try {
      return dlopen(name, {
        dup: { args: ["i32"], returns: "i32" },
        close: { args: ["i32"], returns: "i32" },
        ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
        getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
        getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
        getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
        connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
        shutdown: { args: ["i32", "i32"], returns: "i32" },
        listen: { args: ["i32", "i32"], returns: "i32" },
        socket: { args: ["i32", "i32", "i32"], returns: "i32" },
        getrlimit: { args: ["i32", "ptr"], returns: "i32" },
        getifaddrs: { args: ["ptr"], returns: "i32" },
        freeifaddrs: { args: ["ptr"], returns: "void" },
      }).symbols;
    } catch {
      // Try the next name. If there is none, callers have another way.
    }
  }
  return null;
}

/** dup(2): another descriptor for the same open file; −1 if there is none left. */
export function duplicate(descriptor: number): number {
  return library()?.dup(descriptor) ?? -1;
}

/** close(2). */
export function closeDescriptor(descriptor: number): void {
  library()?.close(descriptor);
}

/**
 * Sets the backlog of a listening socket. The kernel applies `net.core.somaxconn` as an upper
 * bound.
 *
 * Source: man listen(2); inet_listen() in net/ipv4/af_inet.c then only adjusts the backlog.
 */
export function setBacklog(descriptor: number, backlog: number): void {
  library()?.listen(descriptor, backlog);
}

/** `SIOCOUTQ` of <linux/sockios.h>: unacknowledged bytes of the send queue. */
const SIOCOUTQ = 0x5411;
const answer = new Int32Array(1);

/**
 * How many bytes the kernel has taken from us that the peer has not acknowledged, which a reset
 * would discard. 0 if that is unknown (not Linux), and for a connection that was itself reset:
 * nothing will be acknowledged there, although the kernel keeps the count.
 *
 * Source: man tcp(7), SIOCOUTQ; tcp_ioctl() in net/ipv4/tcp.c, which is the same in every state.
 */
export function unsentBytes(descriptor: number): number {
  if (process.platform !== "linux") return 0;
  const failed = library()?.ioctl(descriptor, SIOCOUTQ, answer);
  const bytes = failed === 0 ? (answer[0] as number) : 0;
  if (bytes === 0 || !socketOption(descriptor, IPPROTO_TCP, TCP_INFO)) return bytes;
  return optionValue[0] === TCP_CLOSE ? 0 : bytes;
}

/** `FIONREAD` of <asm-generic/ioctls.h>, which tcp(7) calls SIOCINQ: bytes of the receive queue. */
const FIONREAD = 0x541b;

/** How many received bytes of a connection are still in the kernel; 0 if that is unknown. */
export function unreadBytes(descriptor: number): number {
  if (process.platform !== "linux") return 0;
  const failed = library()?.ioctl(descriptor, FIONREAD, answer);
  return failed === 0 ? (answer[0] as number) : 0;
}

/**
 * The descriptor that the next open(2) or socket(2) of this process will get: the lowest free one,
 * unless another thread takes it first. −1 if that is unknown.
 */
export function nextDescriptor(anyOpen: number): number {
  const next = duplicate(anyOpen);
  if (next !== -1) closeDescriptor(next);
  return next;
}

const addressSize = new Uint32Array(1);

const longest = new Uint8Array(SOCKADDR_SIZE_MAX);

/**
 * The address of a connection's peer, in the kernel's form (see sockaddr.ts) and in no more memory
 * than it needs. Null if it is unknown, as it is on systems other than Linux, whose form differs.
 */
export function otherEnd(descriptor: number): Uint8Array | null {
  return writeOtherEnd(descriptor, longest) ? longest.slice(0, addressSize[0]) : null;
}

/** The same of the socket itself. */
export function ownEnd(descriptor: number): Uint8Array | null {
  return writeOwnEnd(descriptor, longest) ? longest.slice(0, addressSize[0]) : null;
}

/** Cuts the address off if it is too long. */
function writeOtherEnd(descriptor: number, address: Uint8Array): boolean {
  if (process.platform !== "linux") return false;
  addressSize[0] = address.length;
  return library()?.getpeername(descriptor, address, addressSize) === 0;
}

function writeOwnEnd(descriptor: number, address: Uint8Array): boolean {
  if (process.platform !== "linux") return false;
  addressSize[0] = address.length;
  return library()?.getsockname(descriptor, address, addressSize) === 0;
}

const PORT_AT = 2;
/** Room for the address of any TCP socket. */
const ends = [new Uint8Array(28), new Uint8Array(28)] as const;

let pickedFrom: number | undefined;

/** The lowest port that the system chooses for a dial; 0 if it is unknown. Read once. */
function lowestPicked(): number {
  if (pickedFrom === undefined) {
    try {
      const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
      pickedFrom = Number.parseInt(range, 10) || 0;
    } catch {
      pickedFrom = 0;
    }
  }
  return pickedFrom;
}

/** Whether the system may choose this port for a dial. */
export function isPicked(port: number): boolean {
  return port >= lowestPicked();
}

/**
 * Whether a connection has dialled itself; see `meetsItself` in self-connect.ts. A dial to a port
 * below those that the system chooses cannot, which is known without a system call.
 *
 * @param dialled the TCP address in the kernel's form
 */
export function meetsItself(descriptor: number, dialled: Uint8Array): boolean {
  const port = ((dialled[PORT_AT] as number) << 8) | (dialled[PORT_AT + 1] as number);
  if (!isPicked(port)) return false;
  const [own, other] = ends;
  if (!writeOwnEnd(descriptor, own)) return false;
  if (own[PORT_AT] !== dialled[PORT_AT] || own[PORT_AT + 1] !== dialled[PORT_AT + 1]) return false;
  const { length } = dialled;
  if (!writeOtherEnd(descriptor, other)) return false;
  return own.every((byte, index) => index >= length || byte === other[index]);
}

/** The address of an interface of this machine. */
export interface InterfaceAddress {
  /** A literal address. */
  readonly host: string;
  /** What may follow `%` if it is link-local: the interface's name and its number. */
  readonly zones: readonly string[];
}

/** `struct ifaddrs` of <ifaddrs.h>, as on x86-64 and arm64. */
const IFA_NEXT = 0;
const IFA_NAME = 8;
const IFA_ADDR = 24;
/** Bytes of an interface's name, its final zero included (IFNAMSIZ). */
const NAME_SIZE = 16;

/**
 * The addresses of all interfaces, including those without a carrier, which belong to this machine,
 * too. Null if they are unknown (not Linux, or a sandbox forbids it).
 */
export function interfaceAddresses(): InterfaceAddress[] | null {
  if (process.platform !== "linux") return null;
  const list = new BigUint64Array(1);
  if (library()?.getifaddrs(list) !== 0) return null;
  const first = Number(list[0]) as Pointer;
  const all: InterfaceAddress[] = [];
  for (let at = first; Number(at) !== 0; at = read.ptr(at, IFA_NEXT) as Pointer) {
    const address = read.ptr(at, IFA_ADDR) as Pointer;
    if (Number(address) === 0) continue;
    const family = read.u16(address, 0);
    if (family !== AF_INET && family !== AF_INET6) continue;
    const size = family === AF_INET ? SOCKADDR_IN_SIZE : SOCKADDR_IP_SIZE;
    const decoded = decodeSockaddr(new Uint8Array(toArrayBuffer(address, 0, size)));
    if (decoded.kind !== "tcp") continue;
    const [host = "", zone] = decoded.host.split("%");
    const name = textAt(read.ptr(at, IFA_NAME) as Pointer);
    all.push({ host, zones: zone === undefined ? [] : [name, zone] });
  }
  if (Number(first) !== 0) library()?.freeifaddrs(first);
  return all;
}

function textAt(pointer: Pointer): string {
  let text = "";
  for (let at = 0; at < NAME_SIZE; at++) {
    const byte = read.u8(pointer, at);
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
}

const SOL_SOCKET = 1;
/** The socket's number, unique while the machine runs. Since Linux 4.6. */
const SO_COOKIE = 57;
const IPPROTO_TCP = 6;
/** `struct tcp_info`; its first byte is the connection's state. */
const TCP_INFO = 11;
const TCP_SYN_SENT = 2;
const TCP_CLOSE = 7;
const SHUT_RDWR = 2;
const optionValue = new Uint8Array(8);
const optionNumber = new BigUint64Array(optionValue.buffer);
const optionInteger = new Int32Array(optionValue.buffer);
const optionSize = new Uint32Array(1);

function socketOption(descriptor: number, level: number, option: number): boolean {
  optionSize[0] = optionValue.length;
  const failed = library()?.getsockopt(descriptor, level, option, optionValue, optionSize);
  return failed === 0;
}

/**
 * The number that identifies the socket behind a descriptor; null if unknown (no socket, not
 * Linux).
 */
export function socketCookie(descriptor: number): bigint | null {
  if (process.platform !== "linux") return null;
  return socketOption(descriptor, SOL_SOCKET, SO_COOKIE) ? (optionNumber[0] as bigint) : null;
}

/** The process that has connected to a unix socket, as the kernel saw it then. */
export interface PeerCredentials {
  /** The process id as seen here; 0 if it is not visible here (another container's). */
  readonly pid: number;
  readonly uid: number;
  /** Its group, and all its supplementary groups. */
  readonly groups: readonly number[];
}

const SO_PEERCRED = 17;
/** Since Linux 4.13. */
const SO_PEERGROUPS = 59;
/** If a process is in more groups than this, only its first one counts. */
const GROUPS_MAX = 1_024;

/**
 * The process at the other end of a unix socket; null if unknown (not Linux, not a unix socket).
 *
 * Source: man unix(7); `struct ucred` has pid, uid, gid.
 */
export function peerCredentials(descriptor: number): PeerCredentials | null {
  const numbers = (option: number, most: number) => {
    const values = new Uint32Array(most);
    optionSize[0] = values.byteLength;
    const bytes = new Uint8Array(values.buffer);
    const failed = library()?.getsockopt(descriptor, SOL_SOCKET, option, bytes, optionSize);
    return failed === 0 ? values.subarray(0, (optionSize[0] as number) >>> 2) : null;
  };
  const [pid, uid, gid] = (process.platform === "linux" && numbers(SO_PEERCRED, 3)) || [];
  if (pid === undefined || uid === undefined || gid === undefined) return null;
  return { pid, uid, groups: [gid, ...(numbers(SO_PEERGROUPS, GROUPS_MAX) ?? [])] };
}

/** The kind of a socket: `domain`, `type` and `protocol` of socket(2), and whether it listens. */
export interface SocketKind {
  readonly domain: number;
  readonly type: number;
  readonly protocol: number;
  readonly listens: boolean;
}

const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;
const SO_PROTOCOL = 38;
const SO_DOMAIN = 39;

/**
 * The kind of the socket behind a descriptor; null if unknown (no socket, not open, not Linux).
 *
 * Source: man socket(7).
 */
export function socketKind(descriptor: number): SocketKind | null {
  if (process.platform !== "linux") return null;
  const [domain, type, protocol, listens] = [SO_DOMAIN, SO_TYPE, SO_PROTOCOL, SO_ACCEPTCONN].map(
    (option) => (socketOption(descriptor, SOL_SOCKET, option) ? (optionInteger[0] ?? null) : null),
  );
  if (domain == null || type == null || protocol == null || listens == null) return null;
  return { domain, type, protocol, listens: listens === 1 };
}

/**
 * Ends an unanswered connection attempt, if the descriptor is still the same socket. Its owner sees
 * the attempt fail with ECONNRESET.
 *
 * Source: inet_shutdown() in net/ipv4/af_inet.c, case TCP_SYN_SENT.
 */
export function endAttempt(descriptor: number, cookie: bigint): void {
  if (socketCookie(descriptor) !== cookie) return;
  if (!socketOption(descriptor, IPPROTO_TCP, TCP_INFO) || optionValue[0] !== TCP_SYN_SENT) return;
  library()?.shutdown(descriptor, SHUT_RDWR);
}

const AF_UNIX = 1;
const SOCK_STREAM = 1;

/**
 * Whether the kernel would open one more socket now: neither descriptors nor memory have run out.
 */
export function canOpenSocket(): boolean {
  const calls = library();
  if (calls === null) return true;
  const descriptor = calls.socket(AF_UNIX, SOCK_STREAM, 0);
  if (descriptor < 0) return false;
  calls.close(descriptor);
  return true;
}

const SOCK_DGRAM = 2;

/**
 * Whether this machine has an address to dial another one from. Connecting a datagram socket finds
 * out without sending anything or using a TCP port. True if that is unknown (not Linux).
 *
 * @param dialled an IP address in the kernel's form
 */
export function hasSource(dialled: Uint8Array): boolean {
  const calls = library();
  if (calls === null || process.platform !== "linux") return true;
  const descriptor = calls.socket(dialled[0] as number, SOCK_DGRAM, 0);
  if (descriptor < 0) return true;
  const failed = calls.connect(descriptor, dialled, dialled.length);
  calls.close(descriptor);
  return failed === 0;
}

/** `RLIMIT_NOFILE` of <sys/resource.h>. */
const RLIMIT_NOFILE = process.platform === "darwin" ? 8 : 7;
/** `RLIM_INFINITY` on Linux and macOS; larger values mean the same. */
const NO_LIMIT = 2n ** 62n;
/** `struct rlimit`: the soft limit and the hard one. */
const limits = new BigUint64Array(2);

/**
 * Most descriptors that this process may have open (RLIMIT_NOFILE, the soft limit, which Bun raises
 * to the hard one at its start); Infinity if unlimited or unknown. With the C library this needs no
 * descriptor itself.
 *
 * Source: man getrlimit(2), proc_pid_limits(5).
 */
export function descriptorLimit(): number {
  if (library()?.getrlimit(RLIMIT_NOFILE, limits) === 0) {
    const soft = limits[0] as bigint;
    return soft >= NO_LIMIT ? Infinity : Number(soft);
  }
  try {
    const line = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return line?.[1] === undefined || line[1] === "unlimited" ? Infinity : Number(line[1]);
  } catch {
    return Infinity;
  }
}
