/**
 * Hashes of names and addresses: MurmurHash3 (x86, 32 bits), stable over versions, machines and
 * workers, because a client has to find the same upstream again after a restart.
 *
 * It is not meant to withstand a client who chooses what is hashed: whoever may choose the key may
 * also choose the upstream that it is hashed to.
 */

/** The hash of the text's UTF-8 bytes. @returns uint32 */
export function hashText(text: string): number {
  return Bun.hash.murmur32v3(text);
}

/**
 * Another number for each number, so that one hash gives several independent ones: every bit of the
 * input changes every bit of the result in half of all cases (the finaliser of MurmurHash3).
 *
 * @param value its low 32 bits count
 * @returns uint32
 */
export function mix(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = Math.imul(bits, 0x85eb_ca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2_ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
