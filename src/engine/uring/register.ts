import { addressOf, systemCall } from "../../system/linux.ts";
import { BUF_REG_SIZE, NAPI_SIZE, Register, Syscall } from "./abi.ts";

// Calls of io_uring_register(2). All return 0 or more, or a negated errno.

/** Any registration: `argument` is an address; the operation defines `count`. */
export function register(
  descriptor: number,
  operation: Register,
  argument: number,
  count: number,
): number {
  return systemCall(Syscall.Register, descriptor, operation, argument, count, 0, 0);
}

/** Registers a ring of provided buffers, whose entries begin at `address`, as a group. */
export function registerBufferRing(
  descriptor: number,
  group: number,
  address: number,
  entries: number,
  flags: number,
): number {
  // struct io_uring_buf_reg: ring_addr, ring_entries, bgid and flags (16 bits each), reserved.
  const argument = new Uint32Array(BUF_REG_SIZE / 4);
  argument[0] = address >>> 0;
  argument[1] = Math.floor(address / 2 ** 32);
  argument[2] = entries;
  argument[3] = group | (flags << 16);
  return register(descriptor, Register.BufferRing, addressOf(argument), 1);
}

/** Removes a group's ring. */
export function unregisterBufferRing(descriptor: number, group: number): number {
  const argument = new Uint32Array(BUF_REG_SIZE / 4);
  argument[3] = group;
  return register(descriptor, Register.UnregisterBufferRing, addressOf(argument), 1);
}

/**
 * Lets waits poll the network device's queues for this long.
 *
 * @param prefer polling to interrupts
 */
export function registerNapi(descriptor: number, micros: number, prefer: boolean): number {
  // struct io_uring_napi: busy_poll_to, then prefer_busy_poll (8 bits) and more.
  const argument = new Uint32Array(NAPI_SIZE / 4);
  argument[0] = micros;
  argument[1] = prefer ? 1 : 0;
  return register(descriptor, Register.Napi, addressOf(argument), 1);
}
