import { type Pointer, toArrayBuffer } from "bun:ffi";

/** The bytes at an address, as the kernel sees them; valid as long as the memory is mapped. */
export function bytesAt(address: number, size: number): Uint8Array {
  return new Uint8Array(toArrayBuffer(address as Pointer, 0, size));
}

/** The address in two 32-bit words. */
export function addressIn(low: number, high: number): number {
  return high * 2 ** 32 + low;
}
