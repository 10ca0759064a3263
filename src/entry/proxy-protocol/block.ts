import { crc32c } from "./crc32c.ts";
import { ipSockaddr, PATH_SIZE, unixSockaddr } from "./endpoint.ts";
import {
  addressesSize,
  Command,
  Family,
  FIXED_SIZE,
  type ProxyHeader,
  type ProxyHeaderError,
  TLV_HEAD_SIZE,
  type Tlv,
  TlvType,
  Transport,
  UNIQUE_ID_SIZE_MAX,
  VERSION_2,
} from "./header.ts";

/**
 * The most TLVs of a header. Some forty have a meaning. Without a limit, a header full of empty
 * ones would take a hundred times its size in memory.
 */
const TLV_COUNT_MAX = 64;

const CRC_SIZE = 4;
const NO_CRC = new Uint8Array(CRC_SIZE);

/** Bytes that follow the first {@link FIXED_SIZE} bytes of a header of version 2. */
export function lengthOf(fixed: Uint8Array): number {
  return uint16(fixed, 14);
}

/**
 * Checks a header of version 2 by its first {@link FIXED_SIZE} bytes, so that ringway does not wait
 * for the rest of a header that it will refuse.
 *
 * @param lengthMax the most bytes that may follow
 */
export function refuseFixed(fixed: Uint8Array, lengthMax: number): ProxyHeaderError | null {
  if (upper(fixed, 12) !== VERSION_2) return "bad_version";
  const command = lower(fixed, 12);
  if (command !== Command.Local && command !== Command.Proxy) return "bad_command";
  if (lengthOf(fixed) > lengthMax) return "too_long";
  // The specification says to ignore the rest of a local connection's header, its family included.
  if (command === Command.Local) return null;
  if (familyOf(fixed) > Family.Unix) return "bad_family";
  if (transportOf(fixed) > Transport.Datagram) return "bad_transport";
  return lengthOf(fixed) < addressesSize(familyOf(fixed)) ? "bad_length" : null;
}

/**
 * Reads a header of version 2.
 *
 * @param block the whole header, which {@link refuseFixed} has accepted; its bytes are copied
 */
export function readBlock(block: Uint8Array): ProxyHeader | ProxyHeaderError {
  if (lower(block, 12) === Command.Local) return withoutAddresses("local", []);
  const tlvs = readTlvs(block, FIXED_SIZE + addressesSize(familyOf(block)));
  if (typeof tlvs === "string") return tlvs;
  const transport = transportOf(block);
  switch (transport === Transport.Unspecified ? Family.Unspecified : familyOf(block)) {
    case Family.Unspecified:
      return withoutAddresses("proxy", tlvs);
    case Family.Inet:
      return withIp(block, 4, transport, tlvs);
    case Family.Inet6:
      return withIp(block, 16, transport, tlvs);
    case Family.Unix: {
      const middle = FIXED_SIZE + PATH_SIZE;
      const source = unixSockaddr(block.subarray(FIXED_SIZE, middle));
      const destination = unixSockaddr(block.subarray(middle, middle + PATH_SIZE));
      return { version: 2, command: "proxy", transport: "unix", source, destination, tlvs };
    }
  }
}

function withoutAddresses(command: "proxy" | "local", tlvs: readonly Tlv[]): ProxyHeader {
  return { version: 2, command, transport: "unknown", source: null, destination: null, tlvs };
}

/** @param size bytes of one address; both addresses precede both ports */
function withIp(
  block: Uint8Array,
  size: number,
  transport: Transport,
  tlvs: readonly Tlv[],
): ProxyHeader {
  const middle = FIXED_SIZE + size;
  const ports = middle + size;
  return {
    version: 2,
    command: "proxy",
    transport: transport === Transport.Datagram ? "udp" : "tcp",
    source: ipSockaddr(block.subarray(FIXED_SIZE, middle), uint16(block, ports)),
    destination: ipSockaddr(block.subarray(middle, ports), uint16(block, ports + 2)),
    tlvs,
  };
}

/** @param from where the first TLV begins; the last one ends with the block */
function readTlvs(block: Uint8Array, from: number): Tlv[] | ProxyHeaderError {
  const tlvs: Tlv[] = [];
  let hasCrc = false;
  for (let at = from; at < block.length; ) {
    const valueAt = at + TLV_HEAD_SIZE;
    if (valueAt > block.length) return "bad_tlv";
    const end = valueAt + uint16(block, at + 1);
    if (end > block.length) return "bad_tlv";
    if (tlvs.length === TLV_COUNT_MAX) return "too_long";
    const type = block[at] as number;
    if (type === TlvType.UniqueId && end - valueAt > UNIQUE_ID_SIZE_MAX) return "bad_tlv";
    if (type === TlvType.Crc32c) {
      if (hasCrc || !isCrcRight(block, valueAt, end)) return "bad_crc";
      hasCrc = true;
    }
    tlvs.push({ type, value: block.slice(valueAt, end) });
    at = end;
  }
  return tlvs;
}

function isCrcRight(block: Uint8Array, valueAt: number, end: number): boolean {
  if (end - valueAt !== CRC_SIZE) return false;
  const before = crc32c(block.subarray(0, valueAt));
  const crc = crc32c(block.subarray(end), crc32c(NO_CRC, before));
  return crc === ((uint16(block, valueAt) << 16) | uint16(block, valueAt + 2)) >>> 0;
}

function familyOf(block: Uint8Array): Family {
  return upper(block, 13);
}

function transportOf(block: Uint8Array): Transport {
  return lower(block, 13);
}

function upper(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) >>> 4;
}

function lower(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) & 0x0f;
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
