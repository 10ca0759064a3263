import { assert } from "../../assert.ts";
import {
  type ClientAddress,
  ClientKind,
  clientKind,
  ipv4Word,
  ipv6Word,
} from "../access/client-address.ts";
import { wordMask, wordPrefix } from "../access/network.ts";

/** Addresses that share a prefix of this many bits count as one client. */
export interface ClientPrefixes {
  /** 0 to 32; 32 by default. */
  readonly ipv4Prefix?: number;
  /** 0 to 128; 64 by default, which is what one customer usually gets. */
  readonly ipv6Prefix?: number;
}

/** The prefixes of one network: what a small provider, or a site, usually gets. */
export const NETWORK_PREFIXES: Required<ClientPrefixes> = { ipv4Prefix: 24, ipv6Prefix: 48 };

/** The prefixes with their defaults. */
export function prefixesOf(given: ClientPrefixes): Required<ClientPrefixes> {
  const { ipv4Prefix = 32, ipv6Prefix = 64 } = given;
  assert(isWithin(ipv4Prefix, 32), "ClientPrefixes: ipv4Prefix is 0 to 32");
  assert(isWithin(ipv6Prefix, 128), "ClientPrefixes: ipv6Prefix is 0 to 128");
  return { ipv4Prefix, ipv6Prefix };
}

function isWithin(prefix: number, max: number): boolean {
  return Number.isInteger(prefix) && prefix >= 0 && prefix <= max;
}

/** Rounds for each word of the message, and after the last one. */
const WORD_ROUNDS = 2;
const END_ROUNDS = 4;

/**
 * HalfSipHash-2-4 with 64 bits of output. Without the key, an attacker cannot find addresses that
 * collide, and so cannot aim at a part of a table. It works on 32-bit words because 64-bit numbers
 * are slow in JavaScript.
 *
 * Source: Aumasson and Bernstein, SipHash: a fast short-input PRF (2012); the reference code and
 * its test vectors at github.com/veorq/SipHash.
 */
export class HalfSipHash {
  /** The two halves of the last hash, 32 bits each, signed. */
  first = 0;
  second = 0;

  private v0 = 0;
  private v1 = 0;
  private v2 = 0;
  private v3 = 0;

  /** @param key0 the two halves of the key, 32 bits each */
  constructor(
    private readonly key0: number,
    private readonly key1: number,
  ) {}

  /** Begins a message. */
  begin(): void {
    this.v0 = this.key0 | 0;
    this.v1 = this.key1 ^ 0xee;
    this.v2 = this.key0 ^ 0x6c796765;
    this.v3 = this.key1 ^ 0x74656462;
  }

  /** Adds four bytes, little-endian. */
  add(word: number): void {
    this.v3 ^= word;
    this.mix(WORD_ROUNDS);
    this.v0 ^= word;
  }

  /**
   * Ends the message.
   *
   * @param rest the last zero to three bytes, little-endian
   * @param bytes size of the whole message
   */
  end(rest: number, bytes: number): void {
    this.add(rest | (bytes << 24));
    this.v2 ^= 0xee;
    this.mix(END_ROUNDS);
    this.first = this.v1 ^ this.v3;
    this.v1 ^= 0xdd;
    this.mix(END_ROUNDS);
    this.second = this.v1 ^ this.v3;
  }

  private mix(rounds: number): void {
    let { v0, v1, v2, v3 } = this;
    for (let round = 0; round < rounds; round++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    this.v0 = v0;
    this.v1 = v1;
    this.v2 = v2;
    this.v3 = v3;
  }
}

/**
 * Finds a client's set in a table, and its fingerprint there. It allocates nothing: both fields are
 * valid until the next {@link read}.
 */
export class ClientHash {
  /** The client's set, 0 to `sets` - 1. */
  set = 0;
  /** 32 bits, signed. Clients of a set with the same fingerprint count as one. */
  fingerprint = 0;

  private readonly hash: HalfSipHash;
  private readonly ipv4Mask: number;
  private readonly ipv6Masks: readonly number[];

  /** @param sets how many sets the table has, at most 2^21 */
  constructor(
    key0: number,
    key1: number,
    { ipv4Prefix, ipv6Prefix }: Required<ClientPrefixes>,
    private readonly sets: number,
  ) {
    this.hash = new HalfSipHash(key0, key1);
    this.ipv4Mask = wordMask(ipv4Prefix);
    const masks = [0, 1, 2, 3].map((index) => wordMask(wordPrefix(ipv6Prefix, index)));
    // Words that are always zero need not be hashed.
    this.ipv6Masks = masks.slice(0, Math.ceil(ipv6Prefix / 32));
  }

  /** Hashes a client's address. @returns false for clients of unix sockets, which have none */
  read(address: ClientAddress): boolean {
    const { hash } = this;
    const kind = clientKind(address);
    hash.begin();
    // Each message ends with the family, so that an IPv6 /32 differs from an IPv4 address.
    if (kind === ClientKind.IPv4) {
      hash.add(ipv4Word(address) & this.ipv4Mask);
      hash.end(4, 5);
    } else if (kind === ClientKind.IPv6) {
      const { ipv6Masks } = this;
      const words = ipv6Masks.length;
      for (let index = 0; index < words; index++) {
        hash.add(ipv6Word(address, index) & (ipv6Masks[index] as number));
      }
      hash.end(6, 4 * words + 1);
    } else {
      return false;
    }
    this.set = Math.floor(((hash.first >>> 0) * this.sets) / 2 ** 32);
    this.fingerprint = hash.second;
    return true;
  }
}
