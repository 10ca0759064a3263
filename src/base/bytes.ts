/**
 * A copy of bytes from `from` to before `to`. Not `bytes.slice()`: that of a Node `Buffer`, which Bun's sockets bring, is
 * a view of the same memory.
 */
export function copyOf(bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, from, to);
}
