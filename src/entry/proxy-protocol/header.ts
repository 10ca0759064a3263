/*
 * The PROXY protocol: the first bytes of a connection name the client that it is relayed for.
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

/** The contents of a header of either version. */
export interface ProxyHeader {
  readonly version: 1 | 2;
  /**
   * `local`: the connection's real addresses count, because it is the sender's own (such as a
   * health check) or the sender does not know the client.
   */
  readonly command: "proxy" | "local";
  /**
   * The client's transport; `unix` for both kinds of unix sockets. `unknown`: the sender does not
   * know it, or its addresses must be ignored; then the connection's real addresses count.
   */
  readonly transport: "tcp" | "udp" | "unix" | "unknown";
  /** The client's address (sockaddr); null if it is unknown. */
  readonly source: Uint8Array | null;
  /** The address that the client connected to, likewise; null exactly if `source` is. */
  readonly destination: Uint8Array | null;
  /** In order of arrival, including checksum and padding; none in version 1 or if local. */
  readonly tlvs: readonly Tlv[];
}

/** Further information in a header of version 2: type, length, value. */
export interface Tlv {
  /** 0…255, see {@link TlvType}; others may occur. */
  readonly type: number;
  /** At most 65,535 bytes. */
  readonly value: Uint8Array;
}

/** The types that the specification names. */
export enum TlvType {
  /** The application protocol that TLS negotiated. */
  Alpn = 0x01,
  /** The host name that the client asked for (SNI), in UTF-8. */
  Authority = 0x02,
  /** CRC32C of the whole header, with zeros in place of the checksum itself. */
  Crc32c = 0x03,
  /** Padding. */
  Noop = 0x04,
  /** An id of the connection; opaque, at most {@link UNIQUE_ID_SIZE_MAX} bytes. */
  UniqueId = 0x05,
  /** Information about TLS, in nested TLVs. */
  Ssl = 0x20,
  /** The name of the network namespace, in US-ASCII. */
  Netns = 0x30,
}

/** Why a header is invalid. The words are stable; new ones may be added. */
export type ProxyHeaderError =
  /** Version 1: wrong words, spaces or end of line. */
  | "bad_line"
  /** Version 1: an address does not belong to the family. */
  | "bad_address"
  /** Version 1: a port is not a number from 0 to 65535, or has leading zeros. */
  | "bad_port"
  /** The signature of version 2 with another version. */
  | "bad_version"
  /** Version 2: neither LOCAL nor PROXY. */
  | "bad_command"
  /** Version 2: an address family that does not exist. */
  | "bad_family"
  /** Version 2: a transport that does not exist. */
  | "bad_transport"
  /** Version 2: the length has no room for the addresses. */
  | "bad_length"
  /** Version 2: a TLV exceeds the header, or its value is longer than its type allows. */
  | "bad_tlv"
  /** Version 2: the checksum is wrong, not four bytes long, or occurs twice. */
  | "bad_crc"
  /** A line without an end, a length above the limit, or too many TLVs. */
  | "too_long"
  /** The stream ended within the header. */
  | "truncated";

/** The first bytes of every header of version 1: `PROXY `. */
export const SIGNATURE_V1: Uint8Array = new TextEncoder().encode("PROXY ");

/** The first bytes of every header of version 2, and of no other protocol. */
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

/** Size of both addresses of a family, with their ports. */
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
