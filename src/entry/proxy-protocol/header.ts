/*
 * The PROXY protocol: the first bytes of a connection tell whom it is relayed for.
 *
 *     version 1    PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 CR LF
 *     version 2    signature 12 | version and command 1 | family and transport 1 | length 2 |
 *                  addresses | TLVs: type 1, length 2, value; all numbers big-endian
 *
 * Source: proxy-protocol.txt of HAProxy.
 */

/** Whether connections begin with a PROXY header. */
export type ProxyProtocolIn = "off" | "optional" | "required";

/** Whether connections to upstreams begin with a PROXY header. */
export type ProxyProtocolOut = "off" | "v1" | "v2";

/** What a header says, whichever version it was written in. */
export interface ProxyHeader {
  readonly version: 1 | 2;
  /**
   * `local`: the connection's real addresses hold, as it is the sender's own (a health check, for
   * example) or the sender cannot tell whose it is.
   */
  readonly command: "proxy" | "local";
  /**
   * What the client's connection is; `unix` of either kind. `unknown`: the sender cannot say, or its
   * addresses are to be ignored; then the connection's real addresses hold.
   */
  readonly transport: "tcp" | "udp" | "unix" | "unknown";
  /** The client's address, as the kernel would write it (sockaddr); null when it is unknown. */
  readonly source: Uint8Array | null;
  /** The address that the client connected to, likewise; null exactly when `source` is. */
  readonly destination: Uint8Array | null;
  /** In the order in which they came, checksum and padding too; none in version 1 or if local. */
  readonly tlvs: readonly Tlv[];
}

/** Something more that a header of version 2 says: type, length, value. */
export interface Tlv {
  /** 0…255, see {@link TlvType}; others may occur. */
  readonly type: number;
  /** At most 65,535 bytes. */
  readonly value: Uint8Array;
}

/** The types that the specification names. */
export enum TlvType {
  /** The application's protocol, as TLS negotiates it. */
  Alpn = 0x01,
  /** The host name that the client asked for (SNI), in UTF-8. */
  Authority = 0x02,
  /** CRC32C of the whole header, whose own four bytes count as zero. */
  Crc32c = 0x03,
  /** Padding. */
  Noop = 0x04,
  /** Tells connections apart; opaque, at most {@link UNIQUE_ID_SIZE_MAX} bytes. */
  UniqueId = 0x05,
  /** How TLS is used, with TLVs of its own within it. */
  Ssl = 0x20,
  /** The name of the network namespace, in US-ASCII. */
  Netns = 0x30,
}

/** Why bytes that begin as a header are none. The words are stable; new ones may be added. */
export type ProxyHeaderError =
  /** Version 1: the words, the spaces or the end of the line are not as they must be. */
  | "bad_line"
  /** Version 1: an address is none of its family. */
  | "bad_address"
  /** Version 1: a port is no number from 0 to 65535, or has zeros in front. */
  | "bad_port"
  /** Version 2's signature with another version. */
  | "bad_version"
  /** Version 2: neither LOCAL nor PROXY. */
  | "bad_command"
  /** Version 2: an address family that does not exist. */
  | "bad_family"
  /** Version 2: a transport that does not exist. */
  | "bad_transport"
  /** Version 2: its length has no room for its addresses. */
  | "bad_length"
  /** Version 2: a TLV goes beyond the header, or its value is longer than its type may be. */
  | "bad_tlv"
  /** Version 2: the checksum is wrong, not four bytes long, or there twice. */
  | "bad_crc"
  /** A line without an end, a length above the limit, or more TLVs than anybody needs. */
  | "too_long"
  /** The stream ended within the header. */
  | "truncated";

/** What every header of version 1 begins with, `PROXY `. */
export const SIGNATURE_V1: Uint8Array = new TextEncoder().encode("PROXY ");

/** What every header of version 2 begins with: no other protocol does. */
export const SIGNATURE_V2: Uint8Array = Uint8Array.of(
  ...[0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a],
);

/** The longest header of version 1, with its CR and LF. */
export const LINE_SIZE_MAX = 107;

/** Bytes of version 2 before the addresses; the last two are the length of what follows. */
export const FIXED_SIZE = 16;

/** Bytes of a TLV before its value. */
export const TLV_HEAD_SIZE = 3;

/** The longest value of {@link TlvType.UniqueId}. */
export const UNIQUE_ID_SIZE_MAX = 128;

/** The upper half of version 2's 13th byte. */
export const VERSION_2 = 2;

/** The lower half of version 2's 13th byte. */
export enum Command {
  Local,
  Proxy,
}

/** The upper half of version 2's 14th byte. */
export enum Family {
  Unspecified,
  Inet,
  Inet6,
  Unix,
}

/** The lower half of version 2's 14th byte. */
export enum Transport {
  Unspecified,
  Stream,
  Datagram,
}

/** Bytes of both addresses of a family, with their ports. */
export function addressesSize(family: Family): number {
  switch (family) {
    case Family.Unspecified:
      return 0;
    case Family.Inet:
      return 12;
    case Family.Inet6:
      return 36;
    case Family.Unix:
      return 216;
  }
}
