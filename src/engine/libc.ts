import { dlopen } from "bun:ffi";
import { readFileSync } from "node:fs";

/**
 * The few calls of the C library that Bun has no function for. This is the only file that imports
 * bun:ffi; where the library cannot be opened (Windows, some sandboxes) the callers do without.
 */
interface Libc {
  dup(descriptor: number): number;
  close(descriptor: number): number;
  ioctl(descriptor: number, request: number, value: Int32Array): number;
}

let libc: Libc | null | undefined;

function open(): Libc | null {
  const names: Record<string, string> = { linux: "libc.so.6", darwin: "libSystem.B.dylib" };
  for (const name of [names[process.platform], "libc.so"]) {
    if (name === undefined) continue;
    try {
      return dlopen(name, {
        dup: { args: ["i32"], returns: "i32" },
        close: { args: ["i32"], returns: "i32" },
        ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
      }).symbols;
    } catch {
      // The next name, or none: the caller has another way.
    }
  }
  return null;
}

/** dup(2): another descriptor for the same open file, or −1 when there is none to be had. */
export function duplicate(descriptor: number): number {
  libc ??= open();
  return libc === null ? -1 : libc.dup(descriptor);
}

/** close(2). */
export function closeDescriptor(descriptor: number): void {
  libc ??= open();
  libc?.close(descriptor);
}

/** `SIOCOUTQ` of <linux/sockios.h>: bytes of the send queue that were not acknowledged yet. */
const SIOCOUTQ = 0x5411;
const answer = new Int32Array(1);

/**
 * How many bytes a connection's kernel has taken from us that the other end has not acknowledged: what
 * a reset would discard. 0 where it cannot be known (not Linux).
 *
 * Source: man tcp(7), SIOCOUTQ.
 */
export function unsentBytes(descriptor: number): number {
  libc ??= open();
  if (libc === null || process.platform !== "linux") return 0;
  return libc.ioctl(descriptor, SIOCOUTQ, answer) === 0 ? (answer[0] as number) : 0;
}

/**
 * The most descriptors that this process may have open (RLIMIT_NOFILE, the soft limit, which Bun has
 * raised to the hard limit at its start), or Infinity where it is unlimited or unknown.
 *
 * Source: man proc_pid_limits(5).
 */
export function descriptorLimit(): number {
  try {
    const line = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return line?.[1] === undefined || line[1] === "unlimited" ? Infinity : Number(line[1]);
  } catch {
    return Infinity;
  }
}
