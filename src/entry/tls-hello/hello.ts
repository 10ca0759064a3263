/**
 * What a client's first bytes say of TLS: read from its ClientHello, or known from a handshake. A relay keeps it as
 * long as it runs, so that its size is bounded: a name of at most 255 characters, and {@link OFFERS_MAX} protocols.
 */
export interface Hello {
  /** It speaks TLS. If not, all the rest is empty. */
  readonly isTls: boolean;
  /** The host name that it asks for (SNI), in lower case without a final dot; null if it asks for none. */
  readonly name: string | null;
  /** The application protocols that it offers (ALPN), in its order. */
  readonly alpn: readonly string[];
  /** The versions of TLS that it offers, such as `1.3`, in its order. */
  readonly versions: readonly string[];
}

/** Protocols of one hello that are kept. Clients offer five at most; the rest of a longer list is ignored. */
export const OFFERS_MAX = 16;

/** What is known of a client that does not speak TLS. */
export const plainHello: Hello = { isTls: false, name: null, alpn: [], versions: [] };

/** What is wrong with a hello: RFC 8446, section 6. */
export enum Alert {
  UnexpectedMessage = 10,
  RecordOverflow = 22,
  IllegalParameter = 47,
  DecodeError = 50,
  ProtocolVersion = 70,
  UnrecognizedName = 112,
  NoApplicationProtocol = 120,
}

/** A fatal alert as a record of its own, which every version of TLS can read. */
export function alertRecord(alert: Alert): Uint8Array {
  return Uint8Array.of(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, alert);
}
