/**
 * Hashes of names and addresses: MurmurHash3 (x86, 32 bits), stable over versions, machines and
 * workers, because a client must reach the same upstream again after a restart.
 *
 * It does not withstand a client that chooses its key: such a client can choose its upstream, too.
 */

/** The hash of the text's UTF-8 bytes. @returns uint32 */
export function hashText(text: string): number {
  return Bun.hash.murmur32v3(text);
}

/**
 * Derives another number from a number, so that one hash gives several independent ones: each bit
 * of the input flips each bit of the result in half of all cases (the finalizer of MurmurHash3).
 *
 * @param value only its low 32 bits count
 * @returns uint32
 */
export function mix(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = Math.imul(bits, 0x85eb_ca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2_ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
