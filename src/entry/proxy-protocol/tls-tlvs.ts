import type { TlsFacts } from "../../transport/tls/facts.ts";
import { TLV_HEAD_SIZE, type Tlv, TlvType } from "./header.ts";

/** The types inside of {@link TlvType.Ssl}. */
enum SslType {
  Version = 0x21,
  CommonName = 0x22,
  Cipher = 0x23,
}

/** The bits of the first byte there. */
enum Client {
  /** It has connected by TLS. */
  Ssl = 0x01,
  /** It has shown a certificate on this connection. */
  CertConn = 0x02,
  /** It has shown one on this connection, or on the one whose session it resumes. */
  CertSess = 0x04,
}

/** Its certificate was verified; any other number means that it was not, or that there is none. */
const VERIFIED = 0;
const NOT_VERIFIED = 1;

/**
 * What a client's TLS handshake has agreed on, as a PROXY header tells it: version, cipher, and the common name of
 * the certificate that the client has proved to have. Nothing for a client whose TLS did not end here.
 */
export function tlsTlvs(tls: TlsFacts | null): readonly Tlv[] {
  if (tls === null) return [];
  const { cipher, client, isResumed, version } = tls;
  const shown = client === null ? 0 : Client.CertSess | (isResumed ? 0 : Client.CertConn);
  const commonName = client?.commonName ?? null;
  const inner = [
    { type: SslType.Version, text: `TLSv${version}` },
    ...(commonName === null ? [] : [{ type: SslType.CommonName, text: commonName }]),
    { type: SslType.Cipher, text: cipher },
  ].map(({ type, text }) => nested(type, encoder.encode(text)));
  const head = new Uint8Array(5);
  head[0] = Client.Ssl | shown;
  new DataView(head.buffer).setUint32(1, client === null ? NOT_VERIFIED : VERIFIED);
  return [{ type: TlvType.Ssl, value: Buffer.concat([head, ...inner]) }];
}

function nested(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(TLV_HEAD_SIZE + value.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, type);
  view.setUint16(1, value.length);
  bytes.set(value, TLV_HEAD_SIZE);
  return bytes;
}

const encoder = new TextEncoder();
