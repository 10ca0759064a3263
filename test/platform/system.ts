import { dlopen } from "bun:ffi";

const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const FIONREAD = 0x541b;

const open = () =>
  dlopen("libc.so.6", {
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    write: { args: ["i32", "ptr", "u64"], returns: "i64" },
    ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
  }).symbols;
let symbols: ReturnType<typeof open> | null = null;

/** What the kernel says about a descriptor. Opened at the first use: Linux only. */
function libc(): ReturnType<typeof open> {
  symbols ??= open();
  return symbols;
}

function option(descriptor: number, level: number, name: number): number {
  const value = new Int32Array(1);
  const size = new Uint32Array([4]);
  const failed = libc().getsockopt(descriptor, level, name, value, size);
  if (failed !== 0) throw new Error(`getsockopt ${level}/${name} of descriptor ${descriptor}`);
  return value[0] ?? 0;
}

export function isNoDelay(descriptor: number): boolean {
  return option(descriptor, IPPROTO_TCP, TCP_NODELAY) !== 0;
}

/** Seconds of silence before the kernel probes the other end; 0 when it never does. */
export function keepAliveSeconds(descriptor: number): number {
  if (option(descriptor, SOL_SOCKET, SO_KEEPALIVE) === 0) return 0;
  return option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE);
}

/** Bytes that have arrived and were not read. */
export function unreadBytes(descriptor: number): number {
  const answer = new Int32Array(1);
  if (libc().ioctl(descriptor, FIONREAD, answer) !== 0) throw new Error("FIONREAD");
  return answer[0] ?? 0;
}

/** Writes to a descriptor, past whoever owns it. */
export function writeTo(descriptor: number, bytes: Uint8Array): void {
  if (Number(libc().write(descriptor, bytes, bytes.length)) !== bytes.length) {
    throw new Error(`write to descriptor ${descriptor}`);
  }
}
