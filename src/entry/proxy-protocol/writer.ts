import { formatIPv6 } from "../../base/ip.ts";
import { crc32c } from "./crc32c.ts";
import { asIPv4, asIPv6, type Endpoint, endpointOf, PATH_SIZE } from "./endpoint.ts";
import {
  addressesSize,
  Command,
  Family,
  FIXED_SIZE,
  type ProxyHeader,
  SIGNATURE_V2,
  TLV_HEAD_SIZE,
  type Tlv,
  TlvType,
  Transport,
  UNIQUE_ID_SIZE_MAX,
  VERSION_2,
} from "./header.ts";

const LENGTH_MAX = 65_535;
const CRC_SIZE = 4;

/** The contents of a header to write. */
export interface ProxyHeaderOptions
  extends Pick<ProxyHeader, "version" | "command" | "source" | "destination"> {
  /** For version 2. May be those of a header that was read: a checksum among them is left out. */
  readonly tlvs: readonly Tlv[];
  /** Whether to add a checksum, for version 2. */
  readonly crc32c: boolean;
}

/**
 * Writes the header of a TCP connection or of a unix socket.
 *
 * If both addresses are IPv4, mapped or not, both are written as IPv4. If only one is, version 2
 * writes both as IPv6.
 *
 * Some pairs cannot be expressed: a missing or unknown address, a unix and an IP address, and in
 * version 1 a unix or a mixed pair. Version 1 then writes `UNKNOWN`. Version 2 writes `local`
 * without addresses, which every reader must accept, while HAProxy refuses `proxy` without
 * addresses. Version 1 has no `local`: it writes the addresses, if there are any.
 *
 * @param options source and destination in the kernel's form
 * @throws RangeError if version 1 has TLVs or a checksum; if a type is not 0…255, a unique id is
 *   longer than 128 bytes or a path than 108; or if more than 65,535 bytes follow version 2's first
 *   sixteen
 */
export function writeProxyHeader(options: ProxyHeaderOptions): Uint8Array {
  const { version, command, source, destination } = options;
  if (version === 1) {
    if (options.tlvs.length > 0 || options.crc32c) {
      throw new RangeError("version 1 of the PROXY protocol has neither TLVs nor a checksum");
    }
    return new TextEncoder().encode(`PROXY ${words(pairOf(source, destination))}\r\n`);
  }
  const pair = command === "local" ? null : alike(pairOf(source, destination));
  return block(pair, options.tlvs, options.crc32c);
}

/** Source and destination. */
type Pair = readonly [Endpoint, Endpoint];

function pairOf(source: Uint8Array | null, destination: Uint8Array | null): Pair | null {
  const from = source === null ? null : endpointOf(source);
  const to = destination === null ? null : endpointOf(destination);
  if (from === null || to === null) return null;
  return both(from, to, asIPv4) ?? [from, to];
}

function both(from: Endpoint, to: Endpoint, as: (one: Endpoint) => Endpoint | null): Pair | null {
  const [source, destination] = [as(from), as(to)];
  return source === null || destination === null ? null : [source, destination];
}

/** The pair in one family, if possible. */
function alike(pair: Pair | null): Pair | null {
  if (pair === null || pair[0].family === pair[1].family) return pair;
  return both(...pair, asIPv6);
}

function words(pair: Pair | null): string {
  if (pair === null) return "UNKNOWN";
  const [{ family, address, port }, to] = pair;
  if (family !== to.family || family === Family.Unix) return "UNKNOWN";
  const [word, text] = family === Family.Inet ? ["TCP4", ipv4Text] : ["TCP6", ipv6Text];
  return `${word} ${text(address)} ${text(to.address)} ${port} ${to.port}`;
}

function ipv4Text(address: Uint8Array): string {
  return address.join(".");
}

function ipv6Text(address: Uint8Array): string {
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) {
    groups.push(((address[at] as number) << 8) | (address[at + 1] as number));
  }
  return formatIPv6(groups);
}

/** @param pair of one family; null for `local` */
function block(pair: Pair | null, given: readonly Tlv[], hasCrc: boolean): Uint8Array {
  const family = pair?.[0].family ?? Family.Unspecified;
  const others = given.filter((tlv) => tlv.type !== TlvType.Crc32c);
  const crc = { type: TlvType.Crc32c, value: new Uint8Array(CRC_SIZE) };
  const tlvs = hasCrc ? [crc, ...others] : others;
  const length = tlvs.reduce(
    (sum, { value }) => sum + TLV_HEAD_SIZE + value.length,
    addressesSize(family),
  );
  if (length > LENGTH_MAX) {
    throw new RangeError(`a PROXY header has at most ${LENGTH_MAX} bytes, not ${length}`);
  }

  const bytes = new Uint8Array(FIXED_SIZE + length);
  const view = new DataView(bytes.buffer);
  bytes.set(SIGNATURE_V2);
  bytes[12] = (VERSION_2 << 4) | (pair === null ? Command.Local : Command.Proxy);
  bytes[13] = (family << 4) | (pair === null ? Transport.Unspecified : Transport.Stream);
  view.setUint16(14, length);
  if (pair !== null) putAddresses(bytes, view, pair);

  let at = FIXED_SIZE + addressesSize(family);
  for (const tlv of tlvs) at = putTlv(bytes, view, at, tlv);
  // The checksum is the first TLV. Its own bytes count as zero, which they still are.
  if (hasCrc) view.setUint32(FIXED_SIZE + addressesSize(family) + TLV_HEAD_SIZE, crc32c(bytes));
  return bytes;
}

function putAddresses(bytes: Uint8Array, view: DataView, [from, to]: Pair): void {
  if (from.family === Family.Unix) {
    putPath(bytes, FIXED_SIZE, from.address);
    putPath(bytes, FIXED_SIZE + PATH_SIZE, to.address);
    return;
  }
  const size = from.address.length;
  const ports = FIXED_SIZE + 2 * size;
  bytes.set(from.address, FIXED_SIZE);
  bytes.set(to.address, FIXED_SIZE + size);
  view.setUint16(ports, from.port);
  view.setUint16(ports + 2, to.port);
}

function putPath(bytes: Uint8Array, at: number, path: Uint8Array): void {
  if (path.length > PATH_SIZE) {
    throw new RangeError(`a unix socket's path has at most ${PATH_SIZE} bytes`);
  }
  bytes.set(path, at);
}

/** @returns the offset of the next TLV */
function putTlv(bytes: Uint8Array, view: DataView, at: number, { type, value }: Tlv): number {
  if (!Number.isInteger(type) || type < 0 || type > 0xff) {
    throw new RangeError(`the type of a TLV is a number from 0 to 255, not ${type}`);
  }
  if (type === TlvType.UniqueId && value.length > UNIQUE_ID_SIZE_MAX) {
    throw new RangeError(`a unique id has at most ${UNIQUE_ID_SIZE_MAX} bytes`);
  }
  bytes[at] = type;
  view.setUint16(at + 1, value.length);
  bytes.set(value, at + TLV_HEAD_SIZE);
  return at + TLV_HEAD_SIZE + value.length;
}
