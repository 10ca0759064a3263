import fc from "fast-check";
import { encodeSockaddr } from "../../system/sockaddr.ts";
import { type ProxyHeader, type Tlv, TlvType } from "./header.ts";
import { ProxyHeaderParser, type ProxyHeaderState } from "./parser.ts";

/** What a parser says of a stream. */
export interface Verdict {
  readonly state: ProxyHeaderState;
  readonly header: ProxyHeader | null;
  readonly error: string | null;
  /** Bytes that it took of all that it was given. */
  readonly consumed: number;
}

/** Gives a stream to a parser in pieces, cut at these offsets; as a relay would, up to a decision. */
export function parse(
  stream: Uint8Array,
  cuts: readonly number[] = [],
  parser = new ProxyHeaderParser(),
): Verdict {
  let consumed = 0;
  let from = 0;
  for (const to of [...cuts, stream.length]) {
    const piece = Uint8Array.from(stream.subarray(from, to));
    const count = parser.push(piece);
    // The parser must keep no reference to a piece, whose memory is reused.
    piece.fill(0xee);
    consumed += count;
    if (parser.state !== "partial") break;
    if (count !== to - from) throw new Error("a header that is partial takes all there is");
    from = to;
  }
  const { state, header, error } = parser;
  return { state, header, error, consumed };
}

/** Bytes from hexadecimal digits; spaces are for the reader. */
export function hex(...digits: readonly string[]): Uint8Array {
  return Uint8Array.fromHex(digits.join("").replaceAll(" ", ""));
}

/** Bytes of a text, one letter each. */
export function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** An address as the kernel writes it. */
export function ip(host: string, port: number): Uint8Array {
  return encodeSockaddr({ kind: "tcp", host, port });
}

/** The address of a unix socket as the kernel writes it. */
export function unix(path: string): Uint8Array {
  return encodeSockaddr({ kind: "unix", path });
}

const port = fc.nat({ max: 65_535 });

/** Any IPv4 address with a port. */
const anyIPv4 = fc.tuple(fc.ipV4(), port).map(([host, port]) => ip(host, port));

/** Any IPv6 address with a port, except mapped IPv4 ones. */
const anyIPv6 = fc.tuple(fc.ipV6(), port).map(([host, port]) => {
  const bytes = ip(host, port);
  bytes[8] = (bytes[8] as number) | 0x20;
  return bytes;
});

/** Any unix socket's address. */
const anyUnix = fc
  .tuple(fc.constantFrom("/", "\0"), fc.stringMatching(/^[a-zé]{1,50}$/))
  .map(([first, rest]) => unix(first + rest));

/** Two addresses of one family, or none. */
export const anyPair = fc.oneof(
  fc.tuple(anyIPv4, anyIPv4),
  fc.tuple(anyIPv6, anyIPv6),
  fc.tuple(anyUnix, anyUnix),
  fc.constant([null, null] as const),
);

/** Any TLV but a checksum. */
export const anyTlv: fc.Arbitrary<Tlv> = fc.record({
  type: fc.nat({ max: 255 }).filter((type) => type !== TlvType.Crc32c),
  value: fc.uint8Array({ maxLength: 128 }),
});
