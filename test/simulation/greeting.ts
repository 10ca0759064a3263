import { TlvType } from "../../src/entry/proxy-protocol/header.ts";
import { writeProxyHeader } from "../../src/entry/proxy-protocol/writer.ts";
import { encodeSockaddr } from "../../src/system/sockaddr.ts";
import type { Fate } from "../kernel/faults.ts";

/** What a client begins with, where PROXY headers may come. */
export interface Greeting {
  readonly bytes: Uint8Array;
  /** A header; bytes that are none; something that begins as one; the first part of one, and nothing more. */
  readonly is: "header" | "none" | "wrong" | "cut";
  /** Whom a header names; null for whoever has connected. */
  readonly client: string | null;
  /** It writes nothing behind that. */
  readonly isAll: boolean;
}

/** What a client of a listener with routes asks for; its bytes are its flow's. */
export interface Asked {
  readonly bytes: Uint8Array;
  /** A name of the first upstream, one of the others, one that is refused, one that nobody knows, no TLS, nonsense. */
  readonly is: "first" | "others" | "refused" | "unknown" | "plain" | "wrong";
  /** It sends the first part, and nothing more. */
  readonly isCut: boolean;
}

/** Bytes with which it shows that a header is to come. */
export function signatureSize({ bytes }: Greeting): number {
  return bytes[0] === SIGNATURE[0] ? SIGNATURE.length : "PROXY ".length;
}

const encoder = new TextEncoder();
const text = (of: string) => encoder.encode(of);
const at = (host: string, port: number) => encodeSockaddr({ kind: "tcp", host, port });

const SIGNATURE = Uint8Array.fromHex("0d0a0d0a000d0a515549540a");

/** Those whom headers name; the second one may not come in where somebody is denied. */
export const NAMED = ["172.16.0.1", "172.16.0.2", "172.16.0.3", "2001:db8::7"] as const;

function header(version: 1 | 2, host: string, port: number, tlvSize: number): Greeting {
  const isIPv6 = host.includes(":");
  const value = new Uint8Array(tlvSize).fill(7);
  const bytes = writeProxyHeader({
    version,
    command: "proxy",
    source: at(host, port),
    destination: at(isIPv6 ? "2001:db8::1" : "192.0.2.1", 443),
    tlvs: version === 1 ? [] : [{ type: TlvType.Authority, value }],
    crc32c: version === 2,
  });
  return {
    bytes,
    is: "header",
    client: isIPv6 ? `[${host}]:${port}` : `${host}:${port}`,
    isAll: false,
  };
}

/** Headers that name nobody: who has connected is the client. */
const nameless = [
  text("PROXY UNKNOWN\r\n"),
  Uint8Array.of(...SIGNATURE, 0x20, 0, 0, 0),
  Uint8Array.of(...SIGNATURE, 0x21, 0, 0, 3, 4, 0, 0),
].map((bytes): Greeting => ({ bytes, is: "header", client: null, isAll: false }));

const none = [
  text(""),
  text("GET / HTTP/1.1\r\n"),
  text("PRO"),
  text("PROXYX"),
  Uint8Array.of(...SIGNATURE.subarray(0, 11), 0x5a),
].map((bytes): Greeting => ({ bytes, is: "none", client: null, isAll: false }));

const wrong = [
  text("PROXY TCP4 172.16.0.1 192.0.2.1 99999 443\r\n"),
  text("PROXY TCP4 172.16.0.1\r\n"),
  text(`PROXY TCP4 ${"1".repeat(200)}`),
  Uint8Array.of(...SIGNATURE, 0x31, 0, 0, 0),
  Uint8Array.of(...SIGNATURE, 0x21, 0x11, 0, 4, 1, 2, 3, 4),
].map((bytes): Greeting => ({ bytes, is: "wrong", client: null, isAll: false }));

/** Draws what a client begins with. @param port of whom a header names */
export function someGreeting(fate: Fate, port: number): Greeting {
  const kind = fate.random();
  if (kind < 0.08) return fate.pick(nameless);
  if (kind < 0.16) return fate.pick(none);
  if (kind < 0.24) return fate.pick(wrong);
  const made = header(fate.pick([1, 2]), fate.pick(NAMED), port, fate.pick([0, 5, 400]));
  if (kind < 0.9) return made;
  const bytes = made.bytes.subarray(0, fate.between(1, made.bytes.length - 1));
  // Within the signature it may still be no header at all.
  const isUndecided = bytes.length < (bytes[0] === 0x50 ? 6 : SIGNATURE.length);
  return { bytes, is: isUndecided ? "none" : "cut", client: null, isAll: true };
}
