import { describe, expect, test } from "bun:test";
import type { Tlv } from "./header.ts";
import { hex, ip, latin1, unix } from "./test-headers.ts";
import { type ProxyHeaderOptions, writeProxyHeader } from "./writer.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";

const plain = {
  command: "proxy",
  source: ip("192.168.0.1", 56_324),
  destination: ip("192.168.0.11", 443),
  tlvs: [],
  crc32c: false,
} as const;

function v1(change: Partial<ProxyHeaderOptions> = {}): string {
  return Buffer.from(writeProxyHeader({ ...plain, ...change, version: 1 })).toString("latin1");
}

function v2(change: Partial<ProxyHeaderOptions> = {}): Uint8Array {
  return writeProxyHeader({ ...plain, ...change, version: 2 });
}

function tlv(type: number, size: number): Tlv {
  return { type, value: new Uint8Array(size) };
}

describe("version 1", () => {
  // The first is the example of the specification.
  test.each<[string, Partial<ProxyHeaderOptions>, string]>([
    ["IPv4", {}, "TCP4 192.168.0.1 192.168.0.11 56324 443"],
    [
      "IPv6",
      { source: ip("2001:db8::1", 0), destination: ip("::", 65_535) },
      "TCP6 2001:db8::1 :: 0 65535",
    ],
    [
      "an interface",
      { source: ip("fe80::1%7", 1), destination: ip("::1", 2) },
      "TCP6 fe80::1 ::1 1 2",
    ],
    [
      "IPv4 within IPv6",
      { source: ip("::ffff:10.0.0.1", 1), destination: ip("::ffff:10.0.0.2", 2) },
      "TCP4 10.0.0.1 10.0.0.2 1 2",
    ],
    [
      "one of two IPv6 addresses is an IPv4 one",
      { source: ip("::ffff:10.0.0.1", 1), destination: ip("2001:db8::1", 2) },
      "TCP6 ::ffff:a00:1 2001:db8::1 1 2",
    ],
    [
      "both, each in its own way",
      { source: ip("::ffff:10.0.0.1", 1), destination: ip("10.0.0.2", 2) },
      "TCP4 10.0.0.1 10.0.0.2 1 2",
    ],
    ["local", { command: "local" }, "TCP4 192.168.0.1 192.168.0.11 56324 443"],
    ["mixed", { source: ip("::1", 1) }, "UNKNOWN"],
    ["unix", { source: unix("/a"), destination: unix("/b") }, "UNKNOWN"],
    ["unix and IP", { source: unix("/a") }, "UNKNOWN"],
    ["no source", { source: null }, "UNKNOWN"],
    ["no destination", { destination: null }, "UNKNOWN"],
    ["another family", { source: Uint8Array.of(40, 0, 0, 0) }, "UNKNOWN"],
    ["local, without addresses", { command: "local", source: null }, "UNKNOWN"],
  ])("%s", (_, change, words) => {
    expect(v1(change)).toBe(`PROXY ${words}\r\n`);
  });

  test("it carries nothing more", () => {
    const message = "version 1 of the PROXY protocol has neither TLVs nor a checksum";
    expect(() => v1({ tlvs: [tlv(4, 0)] })).toThrow(new RangeError(message));
    expect(() => v1({ crc32c: true })).toThrow(new RangeError(message));
  });
});

describe("version 2", () => {
  const mapped = `${"00".repeat(10)}ffff`;

  test.each<[string, Partial<ProxyHeaderOptions>, string]>([
    ["IPv4", {}, "2111 000c c0a80001 c0a8000b dc04 01bb"],
    [
      "IPv6",
      { source: ip("2001:db8::1%3", 1), destination: ip("::1", 2) },
      `2121 0024 20010db8${"00".repeat(11)}01 ${"00".repeat(15)}01 0001 0002`,
    ],
    [
      "IPv4 within IPv6",
      { source: ip("::ffff:10.0.0.1", 1), destination: ip("::ffff:10.0.0.2", 2) },
      "2111 000c 0a000001 0a000002 0001 0002",
    ],
    [
      "mixed",
      { source: ip("10.0.0.1", 1), destination: ip("::1", 2) },
      `2121 0024 ${mapped}0a000001 ${"00".repeat(15)}01 0001 0002`,
    ],
    [
      "mixed the other way",
      { source: ip("::1", 2), destination: ip("10.0.0.1", 1) },
      `2121 0024 ${"00".repeat(15)}01 ${mapped}0a000001 0002 0001`,
    ],
    [
      "unix",
      { source: unix("/a"), destination: unix("\0b") },
      `2131 00d8 2f61${"00".repeat(106)} 0062${"00".repeat(106)}`,
    ],
    [
      "unix without a name",
      { source: Uint8Array.of(1, 0), destination: unix(`/${"a".repeat(106)}`) },
      `2131 00d8 ${"00".repeat(108)} 2f${"61".repeat(106)}00`,
    ],
    ["unix and IP", { source: unix("/a") }, "2000 0000"],
    ["no source", { source: null }, "2000 0000"],
    ["no destination", { destination: null }, "2000 0000"],
    ["local", { command: "local" }, "2000 0000"],
    [
      "TLVs",
      { tlvs: [tlv(4, 2), tlv(255, 0)] },
      "2111 0014 c0a80001 c0a8000b dc04 01bb 0400020000 ff0000",
    ],
    ["TLVs without a client", { source: null, tlvs: [tlv(4, 1)] }, "2000 0004 04000100"],
    ["TLVs of a local one", { command: "local", tlvs: [tlv(4, 1)] }, "2000 0004 04000100"],
    [
      "the checksum of another header",
      { tlvs: [tlv(3, 4), tlv(4, 0)] },
      "2111 000f c0a80001 c0a8000b dc04 01bb 040000",
    ],
    // These two were computed by another program, bit by bit.
    ["a checksum", { command: "local", crc32c: true }, "2000 0007 030004 a9b87e8f"],
    [
      "a checksum of more",
      { tlvs: [tlv(4, 1)], crc32c: true },
      "2111 0017 c0a80001 c0a8000b dc04 01bb 030004 17dc2b6e 04000100",
    ],
  ])("%s", (_, change, digits) => {
    expect(v2(change).toHex()).toBe(hex(SIGNATURE, digits).toHex());
  });

  test("the address of a socket may stand in a longer buffer", () => {
    const longer = (bytes: Uint8Array) =>
      new Uint8Array(Buffer.concat([bytes, new Uint8Array(200)]));
    const source = longer(plain.source);
    expect(v2({ source })).toEqual(v2());
    const [from, to] = [unix("/a"), unix("\0b")];
    expect(v2({ source: longer(from), destination: longer(to) })).toEqual(
      v2({ source: from, destination: to }),
    );
  });

  test("what does not fit", () => {
    const refused: [Partial<ProxyHeaderOptions>, string][] = [
      [{ tlvs: [tlv(4, 65_535 - 14)] }, "a PROXY header has at most 65535 bytes, not 65536"],
      [
        { tlvs: [tlv(4, 65_520)], crc32c: true },
        "a PROXY header has at most 65535 bytes, not 65542",
      ],
      [{ tlvs: [tlv(256, 0)] }, "the type of a TLV is a number from 0 to 255, not 256"],
      [{ tlvs: [tlv(-1, 0)] }, "the type of a TLV is a number from 0 to 255, not -1"],
      [{ tlvs: [tlv(1.5, 0)] }, "the type of a TLV is a number from 0 to 255, not 1.5"],
      [{ tlvs: [tlv(5, 129)] }, "a unique id has at most 128 bytes"],
      [
        { source: new Uint8Array([1, 0, ...latin1("a".repeat(109))]), destination: unix("/b") },
        "a unix socket's path has at most 108 bytes",
      ],
    ];
    for (const [change, message] of refused)
      expect(() => v2(change)).toThrow(new RangeError(message));
    expect(v2({ tlvs: [tlv(4, 65_520)] })).toHaveLength(16 + 65_535);
    expect(v2({ tlvs: [tlv(5, 128)] })).toHaveLength(16 + 12 + 3 + 128);
  });

  test("half an address is a defect of the caller", () => {
    expect(() => v2({ source: plain.source.subarray(0, 7) })).toThrow("an IPv4 address is whole");
    expect(() => v2({ source: ip("::1", 1).subarray(0, 23) })).toThrow("an IPv6 address is whole");
  });
});
