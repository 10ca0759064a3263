import { addressOf, closeNow, Errno, mapMemory, systemCall, unmap } from "../../system/linux.ts";
import {
  BufferRingFlag,
  CQE_SIZE,
  PARAMS_SIZE,
  ParamsWord,
  PROBE_HEADER_SIZE,
  PROBE_OP_SIZE,
  PROBE_SUPPORTED,
  Register,
  SetupFlag,
  SQE_SIZE,
  Syscall,
} from "./abi.ts";
import { register, registerBufferRing, registerNapi, unregisterBufferRing } from "./register.ts";

/** Bytes of the ring's own words, and of the ring of buffers. */
const PAGE = 4096;
/** Entries of the ring of buffers to try. */
const BUFFERS = 8;

/** Bytes of locked memory that {@link attempt} takes for this many submission entries. */
export function lockedBytes(entries: number): number {
  return entries * SQE_SIZE + Math.max(COMPLETIONS, entries) * CQE_SIZE + 2 * PAGE;
}

/** The kernel's answers when an io_uring was tried; each is 0 or −errno. */
export interface Attempt {
  /** Whether there is a ring. If not, the other answers mean nothing. */
  readonly setup: number;
  /** The {@link SetupFlag}s that the kernel accepted. */
  readonly flags: number;
  /** {@link Feature}s. */
  readonly features: number;
  /** Numbers of the supported operations; null if the kernel cannot tell (before 5.6). */
  readonly operations: ReadonlySet<number> | null;
  /** Registering a ring of provided buffers. */
  readonly bufferRing: number;
  /** The same, with buffers that are filled incrementally. */
  readonly incremental: number;
  /** Registering polling of network devices. */
  readonly napi: number;
}

/**
 * Completion entries of the ring to try: those of a worker's ring, and as many again in place of
 * its rings of buffers, which count as locked memory, too.
 */
const COMPLETIONS = 8192;

/** The flags that the engine uses; for older kernels they are left out from the front. */
const FLAGS: readonly number[] = [
  SetupFlag.NoSqArray,
  SetupFlag.DeferTaskrun | SetupFlag.SingleIssuer,
  SetupFlag.CoopTaskrun,
  SetupFlag.SubmitAll,
];

/**
 * Makes a ring as large as a worker's, queries it and removes it, in a fraction of a millisecond.
 * Leaves nothing behind.
 *
 * @param entries submission entries that the worker would have
 * @throws Error if the C library cannot be opened
 */
export function attempt(entries: number): Attempt {
  const { descriptor, flags, features } = setup(entries);
  if (descriptor < 0) {
    const none = { operations: null, bufferRing: descriptor, incremental: descriptor };
    return { setup: descriptor, flags: 0, features: 0, ...none, napi: descriptor };
  }
  try {
    return {
      setup: 0,
      flags,
      features,
      operations: operationsOf(descriptor),
      bufferRing: tryBuffers(descriptor, BufferRingFlag.None),
      incremental: tryBuffers(descriptor, BufferRingFlag.Incremental),
      napi: registerNapi(descriptor, 1, false),
    };
  } finally {
    closeNow(descriptor);
  }
}

function setup(entries: number) {
  const params = new Uint32Array(PARAMS_SIZE / 4);
  let descriptor: number = -Errno.EINVAL;
  let flags = 0;
  for (let left = 0; left <= FLAGS.length && descriptor === -Errno.EINVAL; left++) {
    flags = FLAGS.slice(left).reduce((all, flag) => all | flag, 0);
    params.fill(0);
    params[ParamsWord.Flags] = flags | SetupFlag.CqSize;
    params[ParamsWord.CqEntries] = Math.max(COMPLETIONS, entries);
    descriptor = systemCall(Syscall.Setup, entries, addressOf(params), 0, 0, 0, 0);
  }
  return { descriptor, flags, features: params[ParamsWord.Features] as number };
}

function operationsOf(descriptor: number): ReadonlySet<number> | null {
  const most = 256;
  const bytes = new Uint8Array(PROBE_HEADER_SIZE + most * PROBE_OP_SIZE);
  const result = register(descriptor, Register.Probe, addressOf(bytes), most);
  if (result < 0) return null;
  // struct io_uring_probe: last_op, ops_len; io_uring_probe_op: op, resv, flags (16 bits).
  const known = new Set<number>();
  for (let index = 0; index < (bytes[1] as number); index++) {
    const at = PROBE_HEADER_SIZE + index * PROBE_OP_SIZE;
    if (((bytes[at + 2] as number) & PROBE_SUPPORTED) !== 0) known.add(bytes[at] as number);
  }
  return known;
}

function tryBuffers(descriptor: number, flags: BufferRingFlag): number {
  const mapping = mapMemory(PAGE);
  const result = registerBufferRing(descriptor, 0, mapping.address, BUFFERS, flags);
  if (result >= 0) unregisterBufferRing(descriptor, 0);
  unmap(mapping);
  return result;
}
