import { dlopen, FFIType, ptr } from "bun:ffi";

/** Linux: the CPU clock of a whole process, exited threads included; see clock_getcpuclockid(3). */
const CPUCLOCK_SCHED = 2;

const timespec = new BigInt64Array(2);
const library = open();

function open() {
  if (process.platform !== "linux") return null;
  for (const name of ["libc.so.6", "libc.so"]) {
    try {
      return dlopen(name, {
        clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
      });
    } catch {
      // The other C library's name is tried, and then the ticks of /proc have to do.
    }
  }
  return null;
}

/**
 * CPU time that a process has used, in microseconds, exact to the nanosecond where /proc counts in
 * ticks of 10 ms; null where that cannot be had.
 */
export function processCpuMicros(pid: number): number | null {
  const clock = (~pid << 3) | CPUCLOCK_SCHED;
  if (library === null || library.symbols.clock_gettime(clock, ptr(timespec)) !== 0) return null;
  const [seconds = 0n, nanoseconds = 0n] = timespec;
  return Number(seconds) * 1e6 + Number(nanoseconds) / 1e3;
}
