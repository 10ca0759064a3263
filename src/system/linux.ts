import { dlopen, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";

/**
 * The system calls of Linux that the uring engine uses, as thin as possible: numbers in, numbers
 * out, and a failure is the negated errno. Only this file and `libc.ts` import bun:ffi. Addresses
 * are numbers: user space has 47 or 48 bits of them.
 */
type Calls = ReturnType<typeof open>;

const i32 = "i32";
const u64 = "u64";

let opened: Calls | null = null;

/** The C library, opened on first use. @throws Error if it cannot be opened: this is not Linux */
function calls(): Calls {
  opened ??= open();
  return opened;
}

function open() {
  let cause: unknown;
  for (const name of ["libc.so.6", "libc.so"]) {
    try {
      return dlopen(name, {
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
      }).symbols;
    } catch (error) {
      cause = error;
    }
  }
  throw new Error("the C library cannot be opened", { cause });
}

/** The result of a call, or the negated errno. Call it right after the call. */
function answer(result: number): number {
  return result === -1 ? -errno() : result;
}

function errno(): number {
  return read.i32(calls().__errno_location() as Pointer, 0);
}

/** Values of errno(3) that ringway distinguishes; the same on x86-64 and arm64. */
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

/** The name of an errno, such as `ECONNRESET`; `errno 999` if ringway does not distinguish it. */
export function errnoName(errno: number): string {
  return Errno[errno] ?? `errno ${errno}`;
}

/** Lets other threads run that wait for this processor; see sched_yield(2). */
export function yieldProcessor(): void {
  calls().sched_yield();
}

/** Any system call by its number; see syscall(2). */
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

/** Maps a part of an io_uring. @throws Error if that fails */
export function mapRing(descriptor: number, size: number, offset: number): Mapping {
  return mapped(size, MAP_SHARED_POPULATE, descriptor, offset);
}

/**
 * Memory on pages of its own, which take physical memory when first touched.
 *
 * @param huge asks for huge pages: reserved ones (vm.nr_hugepages), or else transparent ones
 */
export function mapMemory(size: number, huge = false): Mapping {
  if (huge) {
    try {
      return mapped(size, MAP_PRIVATE_ANONYMOUS | MAP_HUGETLB, -1, 0);
    } catch {
      // None are reserved, or too few: the kernel may still use transparent ones.
    }
  }
  const mapping = mapped(size, MAP_PRIVATE_ANONYMOUS, -1, 0);
  if (huge) calls().madvise(mapping.address, size, MADV_HUGEPAGE);
  return mapping;
}

function mapped(size: number, flags: number, descriptor: number, offset: number): Mapping {
  const address = Number(calls().mmap(0, size, PROT_READ_WRITE, flags, descriptor, offset));
  // MAP_FAILED is −1, however a pointer of all ones is read.
  if (address <= 0 || address >= 2 ** 63) {
    throw new Error(`mmap of ${size} bytes failed: ${errnoName(errno())}`);
  }
  return { address, buffer: toArrayBuffer(address as Pointer, 0, size) };
}

/** A view of memory that another thread of this process has mapped and not unmapped. */
export function viewMapped(address: number, size: number): Mapping {
  return { address, buffer: toArrayBuffer(address as Pointer, 0, size) };
}

/** Unmaps memory. Its views must not be used any more. */
export function unmap({ address, buffer }: Mapping): void {
  calls().munmap(address, buffer.byteLength);
}

/** Frees mapped memory but keeps its addresses: reads give 0, and writes are harmless. */
export function forsake({ address, buffer }: Mapping): void {
  calls().madvise(address, buffer.byteLength, MADV_DONTNEED);
}

/** The address of a typed array's first byte. The array must stay reachable meanwhile. */
export function addressOf(view: NodeJS.TypedArray): number {
  return ptr(view);
}

const EFD_CLOEXEC = 0x80000;

/** eventfd(2): a counter by which one thread wakes another. */
export function eventDescriptor(): number {
  return answer(calls().eventfd(0, EFD_CLOEXEC));
}

const one = new BigUint64Array([1n]);

/** Adds one to an eventfd, which wakes its reader. */
export function signal(descriptor: number): void {
  calls().write(descriptor, ptr(one), 8);
}

const CLOCK_MONOTONIC = 1;
const time = new BigInt64Array(2);

/**
 * Microseconds of the kernel's monotonic clock, which is the same for all processes; Bun's own
 * clocks start with the process.
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

/** The type of sockets that {@link openSocket} and io_uring open: a blocking stream. */
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

/** Keeps child processes from inheriting the descriptor. */
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

/** accept4(2) without waiting, and without the client's address. */
export function acceptNow(descriptor: number): number {
  return answer(calls().accept4(descriptor, 0, 0, ACCEPT_FLAGS));
}

const SOCKADDR_SIZE_MAX = 128;
const name = new Uint8Array(SOCKADDR_SIZE_MAX);
const nameSize = new Uint32Array(1);

/** getsockname(2): a socket's own address, valid until the next call; null if there is none. */
export function ownAddress(descriptor: number): Uint8Array | null {
  nameSize[0] = SOCKADDR_SIZE_MAX;
  const failed = calls().getsockname(descriptor, ptr(name), ptr(nameSize)) !== 0;
  return failed ? null : name.subarray(0, nameSize[0]);
}

/** `level` and `option` of setsockopt(2) for the options that ringway sets. */
export const SocketOption = {
  reuseAddress: { level: 1, option: 2 },
  keepAlive: { level: 1, option: 9 },
  linger: { level: 1, option: 13 },
  /** Receivers are not woken for fewer bytes than this, unless the peer has ended. */
  receiveLowWater: { level: 1, option: 18 },
  /** Several sockets listen on the same port. */
  reusePort: { level: 1, option: 15 },
  noDelay: { level: 6, option: 1 },
  /** Seconds of silence before the first probe. */
  keepIdle: { level: 6, option: 4 },
  /** Seconds between two probes, and how many of them. */
  keepInterval: { level: 6, option: 5 },
  keepCount: { level: 6, option: 6 },
  /** Milliseconds that sent bytes may stay unacknowledged; 0: the system's default. */
  userTimeout: { level: 6, option: 18 },
  /** An urgent byte stays in its place in the stream. */
  urgentInline: { level: 1, option: 10 },
  /** 1: bind(2) chooses no port; connect(2) does, which may reuse a port for each destination. */
  portAtConnect: { level: 0, option: 24 },
  /** 1: an IPv6 listener accepts only IPv6. */
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
 * Keeps an urgent byte (MSG_OOB) in its place in the stream, so that it is passed on; otherwise it
 * would be lost. Sockets accepted from a listening socket inherit this, except over a unix socket.
 *
 * Source: man tcp(7) and unix(7), SO_OOBINLINE.
 */
export function keepUrgentBytes(descriptor: number): void {
  setOption(descriptor, SocketOption.urgentInline, 1);
}

const MSG_DONTWAIT = 0x40;

/** send(2) without waiting. @returns how many bytes were taken, or −errno */
export function sendNow(descriptor: number, bytes: Uint8Array): number {
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  return answer(calls().sendto(descriptor, ptr(bytes), bytes.length, flags, 0, 0));
}

/** recv(2) without waiting. @returns how many bytes came; 0 after a FIN; or −errno */
export function receiveNow(descriptor: number, bytes: Uint8Array): number {
  return answer(Number(calls().recv(descriptor, ptr(bytes), bytes.length, MSG_DONTWAIT)));
}

const SHUT_WR = 1;

/** shutdown(2) for sending: a FIN after everything sent before. */
export function endSending(descriptor: number): number {
  return answer(calls().shutdown(descriptor, SHUT_WR));
}

const F_GETFL = 3;
const F_SETFL = 4;

/**
 * Sets whether accept4(2) waits on this descriptor and its duplicates; io_uring follows this, too.
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
 * Forbids this thread, and all threads and programs that it starts later, to gain rights that it
 * does not have, whatever file they execute. @returns 0 or −errno
 *
 * Source: PR_SET_NO_NEW_PRIVS(2const); it applies to the calling thread and those that it creates
 * later.
 */
export function forbidNewRights(): number {
  return answer(calls().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/**
 * Forbids core dumps of this process, to a file or to a program, and keeps other processes of the
 * same user from reading its memory. @returns 0 or −errno
 *
 * Source: PR_SET_DUMPABLE(2const), core(5): a limit of 0 alone does not apply to programs.
 */
export function forbidCoreDumps(): number {
  const none = new BigUint64Array(2);
  const limited = answer(calls().setrlimit(RLIMIT_CORE, ptr(none)));
  const undumpable = answer(calls().prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
  return Math.min(limited, undumpable);
}

/**
 * Switches this process with all its threads to another user for good. The C library does that;
 * system calls would switch only the calling thread.
 *
 * @param groups beside `group`
 * @returns 0 or −errno; after a failure a part of it may have been done
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
