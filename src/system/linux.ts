import { dlopen, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";

/**
 * The calls of Linux that the uring engine is made of, as thin as they can be: numbers in, numbers
 * out, and a failure is the negated errno as the kernel itself says it. Beside `libc.ts` the only
 * file that imports bun:ffi. Addresses are numbers: user space has 47 or 48 bits of them.
 */
interface Calls {
  syscall(number: number, a: number, b: number, c: number, d: number, e: number, f: number): number;
  mmap(
    address: number,
    size: number,
    protection: number,
    flags: number,
    fd: number,
    at: number,
  ): number;
  munmap(address: number, size: number): number;
  madvise(address: number, size: number, advice: number): number;
  eventfd(initial: number, flags: number): number;
  write(descriptor: number, bytes: number, size: number): number;
  socket(domain: number, type: number, protocol: number): number;
  bind(descriptor: number, address: number, size: number): number;
  listen(descriptor: number, backlog: number): number;
  accept4(descriptor: number, address: number, size: number, flags: number): number;
  getsockname(descriptor: number, address: number, size: number): number;
  setsockopt(
    descriptor: number,
    level: number,
    option: number,
    value: number,
    size: number,
  ): number;
  shutdown(descriptor: number, how: number): number;
  sendto(
    descriptor: number,
    bytes: number,
    size: number,
    flags: number,
    address: number,
    addressSize: number,
  ): number;
  recv(descriptor: number, bytes: number, size: number, flags: number): number;
  fcntl(descriptor: number, command: number, value: number): number;
  close(descriptor: number): number;
  clock_gettime(clock: number, time: number): number;
  prctl(option: number, a: number, b: number, c: number, d: number): number;
  setrlimit(resource: number, limits: number): number;
  setgroups(count: number, groups: number): number;
  setresgid(real: number, effective: number, saved: number): number;
  setresuid(real: number, effective: number, saved: number): number;
  sched_yield(): number;
  __errno_location(): Pointer;
}

const i32 = "i32";
const u64 = "u64";

let opened: Calls | null = null;

/** The C library, opened at the first use. @throws Error where it cannot be: this is no Linux */
function calls(): Calls {
  opened ??= open();
  return opened;
}

function open(): Calls {
  let cause: unknown;
  for (const name of ["libc.so.6", "libc.so"]) {
    try {
      const { symbols } = dlopen(name, {
        syscall: { args: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"], returns: i32 },
        mmap: { args: [u64, u64, i32, i32, i32, u64], returns: "ptr" },
        munmap: { args: [u64, u64], returns: i32 },
        madvise: { args: [u64, u64, i32], returns: i32 },
        eventfd: { args: ["u32", i32], returns: i32 },
        write: { args: [i32, u64, u64], returns: i32 },
        socket: { args: [i32, i32, i32], returns: i32 },
        bind: { args: [i32, u64, "u32"], returns: i32 },
        listen: { args: [i32, i32], returns: i32 },
        accept4: { args: [i32, u64, u64, i32], returns: i32 },
        getsockname: { args: [i32, u64, u64], returns: i32 },
        setsockopt: { args: [i32, i32, i32, u64, "u32"], returns: i32 },
        shutdown: { args: [i32, i32], returns: i32 },
        sendto: { args: [i32, u64, u64, i32, u64, "u32"], returns: i32 },
        recv: { args: [i32, u64, u64, i32], returns: i32 },
        fcntl: { args: [i32, i32, i32], returns: i32 },
        close: { args: [i32], returns: i32 },
        clock_gettime: { args: [i32, u64], returns: i32 },
        prctl: { args: [i32, u64, u64, u64, u64], returns: i32 },
        setrlimit: { args: [i32, u64], returns: i32 },
        setgroups: { args: [u64, u64], returns: i32 },
        setresgid: { args: ["u32", "u32", "u32"], returns: i32 },
        setresuid: { args: ["u32", "u32", "u32"], returns: i32 },
        sched_yield: { args: [], returns: i32 },
        __errno_location: { args: [], returns: "ptr" },
      });
      return symbols as unknown as Calls;
    } catch (error) {
      cause = error;
    }
  }
  throw new Error("the C library cannot be opened", { cause });
}

/** The answer of a call, or the negated errno that it left. To be called right after it. */
function answer(result: number): number {
  return result === -1 ? -errno() : result;
}

function errno(): number {
  return read.i32(calls().__errno_location(), 0);
}

/** Values of errno(3) that ringway tells apart; the same on x86-64 and arm64. */
export enum Errno {
  EPERM = 1,
  ENOENT = 2,
  EINTR = 4,
  EBADF = 9,
  EAGAIN = 11,
  ENOMEM = 12,
  EACCES = 13,
  EBUSY = 16,
  EINVAL = 22,
  ENFILE = 23,
  EMFILE = 24,
  EPIPE = 32,
  ENOSYS = 38,
  ETIME = 62,
  EPROTO = 71,
  EOPNOTSUPP = 95,
  EAFNOSUPPORT = 97,
  EADDRINUSE = 98,
  EADDRNOTAVAIL = 99,
  ENETUNREACH = 101,
  ECONNABORTED = 103,
  ECONNRESET = 104,
  ENOBUFS = 105,
  ETIMEDOUT = 110,
  ECONNREFUSED = 111,
  EHOSTUNREACH = 113,
  EALREADY = 114,
  EINPROGRESS = 115,
  ECANCELED = 125,
}

/** The name of an errno such as `ECONNRESET`, or `errno 999` for one that is not told apart. */
export function errnoName(errno: number): string {
  return Errno[errno] ?? `errno ${errno}`;
}

/** Lets other threads run that wait for this processor, see sched_yield(2). */
export function yieldProcessor(): void {
  calls().sched_yield();
}

/** Any system call by its number, see syscall(2). */
export function systemCall(
  number: number,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
): number {
  return answer(calls().syscall(number, a, b, c, d, e, f));
}

const PROT_READ_WRITE = 3;
const MAP_SHARED_POPULATE = 0x1 | 0x8000;
const MAP_PRIVATE_ANONYMOUS = 0x2 | 0x20;
const MAP_HUGETLB = 0x40000;
const MADV_DONTNEED = 4;
const MADV_HUGEPAGE = 14;

/** Memory outside the heap: its address, and a view of it that is valid until {@link unmap}. */
export interface Mapping {
  readonly address: number;
  readonly buffer: ArrayBuffer;
}

/** Maps a part of an io_uring. @throws Error when it cannot be */
export function mapRing(descriptor: number, size: number, offset: number): Mapping {
  return mapped(size, MAP_SHARED_POPULATE, descriptor, offset);
}

/**
 * Memory on pages of its own, which are taken from the system when they are first touched.
 *
 * @param huge ask for huge pages: those set aside (vm.nr_hugepages), or else transparent ones
 */
export function mapMemory(size: number, huge = false): Mapping {
  if (huge) {
    try {
      return mapped(size, MAP_PRIVATE_ANONYMOUS | MAP_HUGETLB, -1, 0);
    } catch {
      // None are set aside, or not enough: the kernel may still put them together by itself.
    }
  }
  const mapping = mapped(size, MAP_PRIVATE_ANONYMOUS, -1, 0);
  if (huge) calls().madvise(mapping.address, size, MADV_HUGEPAGE);
  return mapping;
}

function mapped(size: number, flags: number, descriptor: number, offset: number): Mapping {
  const address = Number(calls().mmap(0, size, PROT_READ_WRITE, flags, descriptor, offset));
  // MAP_FAILED is -1, whichever way a pointer of all ones is read.
  if (address <= 0 || address >= 2 ** 63) {
    throw new Error(`mmap of ${size} bytes failed: ${errnoName(errno())}`);
  }
  return { address, buffer: toArrayBuffer(address as Pointer, 0, size) };
}

/** Memory that another thread of this process has mapped, and has not given back. */
export function viewMapped(address: number, size: number): Mapping {
  return { address, buffer: toArrayBuffer(address as Pointer, 0, size) };
}

/** Gives mapped memory back. Its views must not be touched any more. */
export function unmap({ address, buffer }: Mapping): void {
  calls().munmap(address, buffer.byteLength);
}

/** Gives mapped memory back but keeps its addresses: what is read there is 0, what is written stays. */
export function forsake({ address, buffer }: Mapping): void {
  calls().madvise(address, buffer.byteLength, MADV_DONTNEED);
}

/** The address of a typed array's first byte. The array must stay reachable while it is used. */
export function addressOf(view: NodeJS.TypedArray): number {
  return ptr(view);
}

const EFD_CLOEXEC = 0x80000;

/** eventfd(2): a counter that one thread wakes another by. */
export function eventDescriptor(): number {
  return answer(calls().eventfd(0, EFD_CLOEXEC));
}

const one = new BigUint64Array([1n]);

/** Adds one to an eventfd: whoever reads it wakes. */
export function signal(descriptor: number): void {
  calls().write(descriptor, ptr(one), 8);
}

const CLOCK_MONOTONIC = 1;
const time = new BigInt64Array(2);

/**
 * Microseconds of the kernel's monotonic clock, which is the same for all processes. Bun's own clocks
 * begin with the process.
 *
 * Source: clock_gettime(2); `struct timespec` is two 64-bit numbers on x86-64 and arm64.
 */
export function monotonicMicros(): bigint {
  calls().clock_gettime(CLOCK_MONOTONIC, ptr(time));
  const [seconds, nanoseconds] = time as unknown as [bigint, bigint];
  return seconds * 1_000_000n + nanoseconds / 1_000n;
}

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;

/** What {@link openSocket} and io_uring's own operation open: a stream that waits, not one that fails. */
export const STREAM_SOCKET = SOCK_STREAM | SOCK_CLOEXEC;
/** Flags of an accepted socket. */
export const ACCEPT_FLAGS = SOCK_CLOEXEC;

/** socket(2). */
export function openSocket(family: number): number {
  return answer(calls().socket(family, STREAM_SOCKET, 0));
}

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_NOSIGNAL = 0x4000;

/** Sends one datagram to a unix socket, without waiting. @returns 0 or −errno */
export function sendDatagram(address: Uint8Array, bytes: Uint8Array): number {
  const type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const descriptor = answer(calls().socket(AF_UNIX, type, 0));
  if (descriptor < 0) return descriptor;
  const { length } = address;
  const sent = calls().sendto(
    descriptor,
    ptr(bytes),
    bytes.length,
    MSG_NOSIGNAL,
    ptr(address),
    length,
  );
  const result = answer(sent);
  closeNow(descriptor);
  return Math.min(result, 0);
}

const FD_CLOEXEC = 1;
const F_SETFD = 2;

/** A process that this one starts does not inherit the descriptor. */
export function closeOnExec(descriptor: number): void {
  calls().fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

/** bind(2). */
export function bindSocket(descriptor: number, address: Uint8Array): number {
  return answer(calls().bind(descriptor, ptr(address), address.length));
}

/** listen(2). */
export function listenOn(descriptor: number, backlog: number): number {
  return answer(calls().listen(descriptor, backlog));
}

/** accept4(2) that does not wait; whose address it is remains unsaid. */
export function acceptNow(descriptor: number): number {
  return answer(calls().accept4(descriptor, 0, 0, ACCEPT_FLAGS));
}

const SOCKADDR_SIZE_MAX = 128;
const name = new Uint8Array(SOCKADDR_SIZE_MAX);
const nameSize = new Uint32Array(1);

/**
 * getsockname(2): the address that a socket is bound to, or null when there is none. The bytes are
 * valid until the next call.
 */
export function ownAddress(descriptor: number): Uint8Array | null {
  nameSize[0] = SOCKADDR_SIZE_MAX;
  const failed = calls().getsockname(descriptor, ptr(name), ptr(nameSize)) !== 0;
  return failed ? null : name.subarray(0, nameSize[0]);
}

/** `level` and `option` of setsockopt(2) for what ringway sets. */
export const SocketOption = {
  reuseAddress: { level: 1, option: 2 },
  keepAlive: { level: 1, option: 9 },
  linger: { level: 1, option: 13 },
  /** Bytes before which nobody who waits to receive is woken, unless the other end is through. */
  receiveLowWater: { level: 1, option: 18 },
  /** Several sockets listen on the same port. */
  reusePort: { level: 1, option: 15 },
  noDelay: { level: 6, option: 1 },
  /** Seconds of silence before the first probe. */
  keepIdle: { level: 6, option: 4 },
  /** Seconds between two probes, and how many of them. */
  keepInterval: { level: 6, option: 5 },
  keepCount: { level: 6, option: 6 },
  /** Milliseconds that what was sent may stay unacknowledged; 0 for the system's way. */
  userTimeout: { level: 6, option: 18 },
  /** An urgent byte stays where it was among the others. */
  urgentInline: { level: 1, option: 10 },
  /** 1: bind(2) picks no port, connect(2) does, which may have one for each place that it leads to. */
  portAtConnect: { level: 0, option: 24 },
  /** 1: an IPv6 listener takes IPv6 only. */
  onlyIPv6: { level: 41, option: 26 },
} as const;

const optionValue = new Int32Array(2);

/** setsockopt(2) with one or two numbers. */
export function setOption(
  descriptor: number,
  { level, option }: { readonly level: number; readonly option: number },
  first: number,
  second?: number,
): number {
  optionValue[0] = first;
  optionValue[1] = second ?? 0;
  const size = second === undefined ? 4 : 8;
  return answer(calls().setsockopt(descriptor, level, option, ptr(optionValue), size));
}

/**
 * Lets an urgent byte of a connection (MSG_OOB) be received in its place, as it is passed on: it would be
 * lost otherwise. Whoever connects to a socket that listens gets this, too, but not over a unix socket.
 *
 * Source: man tcp(7) and unix(7), SO_OOBINLINE.
 */
export function keepUrgentBytes(descriptor: number): void {
  setOption(descriptor, SocketOption.urgentInline, 1);
}

const MSG_DONTWAIT = 0x40;

/** send(2) that does not wait. @returns bytes that were taken, or −errno */
export function sendNow(descriptor: number, bytes: Uint8Array): number {
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  return answer(calls().sendto(descriptor, ptr(bytes), bytes.length, flags, 0, 0));
}

/** recv(2) that does not wait. @returns bytes that came; 0 after a FIN; or −errno */
export function receiveNow(descriptor: number, bytes: Uint8Array): number {
  return answer(Number(calls().recv(descriptor, ptr(bytes), bytes.length, MSG_DONTWAIT)));
}

const SHUT_WR = 1;

/** shutdown(2) of the sending half: a FIN after what was sent before. */
export function endSending(descriptor: number): number {
  return answer(calls().shutdown(descriptor, SHUT_WR));
}

const F_GETFL = 3;
const F_SETFL = 4;

/**
 * Whether accept4(2) waits on this descriptor, and on its duplicates. io_uring waits for clients only
 * where accept4 would.
 */
export function setBlocking(descriptor: number, isBlocking: boolean): void {
  const flags = calls().fcntl(descriptor, F_GETFL, 0);
  const next = isBlocking ? flags & ~SOCK_NONBLOCK : flags | SOCK_NONBLOCK;
  calls().fcntl(descriptor, F_SETFL, next);
}

/** Whether calls on this descriptor, and on its duplicates, wait. */
export function isBlocking(descriptor: number): boolean {
  return (calls().fcntl(descriptor, F_GETFL, 0) & SOCK_NONBLOCK) === 0;
}

/** close(2). */
export function closeNow(descriptor: number): void {
  calls().close(descriptor);
}

const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;
const RLIMIT_CORE = 4;

/**
 * From now on nothing that this thread starts, threads included, gets rights that it does not have
 * itself, whatever file it executes. @returns 0 or −errno
 *
 * Source: PR_SET_NO_NEW_PRIVS(2const); it holds for the calling thread and those that it makes later.
 */
export function forbidNewRights(): number {
  return answer(calls().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/**
 * From now on the kernel writes no core of this process, for a file or a program, and lets no other
 * process of the same user look into its memory. @returns 0 or −errno
 *
 * Source: PR_SET_DUMPABLE(2const), core(5): a limit of 0 alone does not hold for programs.
 */
export function forbidCoreDumps(): number {
  const none = new BigUint64Array(2);
  const limited = answer(calls().setrlimit(RLIMIT_CORE, ptr(none)));
  const undumpable = answer(calls().prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
  return Math.min(limited, undumpable);
}

/**
 * Makes this process, all of its threads, another user's, for good. By the C library and not by system
 * calls, which would do it for the calling thread alone.
 *
 * @param groups beside `group`
 * @returns 0 or −errno; after a failure some of it may have been done
 *
 * Source: nptl(7), "NPTL and credentials".
 */
export function takeIdentity(user: number, group: number, groups: readonly number[]): number {
  const list = new Uint32Array(groups.length === 0 ? [group] : groups);
  const grouped = answer(calls().setgroups(list.length, ptr(list)));
  if (grouped < 0) return grouped;
  const joined = answer(calls().setresgid(group, group, group));
  return joined < 0 ? joined : answer(calls().setresuid(user, user, user));
}
