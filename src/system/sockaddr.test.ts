import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Address } from "../base/address.ts";
import { formatIPv6, parseIPv6 } from "../base/ip.ts";
import { decodeSockaddr, encodeSockaddr } from "./sockaddr.ts";

function tcp(host: string, port: number): Address {
  return { kind: "tcp", host, port };
}

describe("encodeSockaddr", () => {
  test.each<[string, Address, string]>([
    ["IPv4", tcp("127.0.0.1", 6380), `020018ec7f000001${"00".repeat(8)}`],
    ["IPv6", tcp("::1", 80), `0a000050${"00".repeat(4)}${"00".repeat(15)}01${"00".repeat(4)}`],
    [
      "IPv6 in full",
      tcp("1:2:3:4:5:6:7:89ab", 65535),
      `0a00ffff${"00".repeat(4)}000100020003000400050006000789ab${"00".repeat(4)}`,
    ],
    [
      "IPv6 with an interface",
      tcp("fe80::1%258", 1),
      `0a000001${"00".repeat(4)}fe80${"00".repeat(13)}0102010000`,
    ],
    ["a path", { kind: "unix", path: "/a" }, "01002f6100"],
    ["an abstract name", { kind: "unix", path: "\0a" }, "01000061"],
  ])("%s", (_, address, hex) => {
    expect(encodeSockaddr(address).toHex()).toBe(hex);
  });

  test.if(process.platform === "linux")("an interface may be named", () => {
    const bytes = encodeSockaddr(tcp("fe80::1%lo", 1));
    expect(bytes).toEqual(encodeSockaddr(tcp("fe80::1%1", 1)));
  });

  test("a host name is a defect of the caller", () => {
    expect(() => encodeSockaddr(tcp("localhost", 1))).toThrow("the host is an IP address");
  });
});

describe("decodeSockaddr", () => {
  test("an IPv4 address within IPv6 is one", () => {
    const bytes = encodeSockaddr(tcp("::ffff:10.1.2.3", 5));
    expect(decodeSockaddr(bytes)).toEqual(tcp("10.1.2.3", 5));
  });

  test("at an offset, with more behind it", () => {
    const bytes = new Uint8Array(64).fill(7);
    bytes.set(encodeSockaddr({ kind: "unix", path: "/a b" }), 5);
    expect(decodeSockaddr(bytes, 5)).toEqual({ kind: "unix", path: "/a b" });
    bytes.set(encodeSockaddr(tcp("fe80::1%9", 5)), 3);
    expect(decodeSockaddr(bytes, 3)).toEqual(tcp("fe80::1%9", 5));
    bytes.set(encodeSockaddr({ kind: "unix", path: "\0x\0y" }), 9);
    expect(decodeSockaddr(bytes, 9, 15)).toEqual({ kind: "unix", path: "\0x\0y" });
  });

  test("a unix socket without a name has an empty path", () => {
    expect(decodeSockaddr(Uint8Array.of(1, 0))).toEqual({ kind: "unix", path: "" });
  });
});

test("what is encoded is decoded", () => {
  const port = fc.nat({ max: 65_535 });
  const byte = fc.nat({ max: 255 });
  const ipv4 = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join("."));
  const ipv6 = fc.ipV6().map((text) => formatIPv6(parseIPv6(text) ?? []));
  const path = fc
    .tuple(fc.constantFrom("/", "\0"), fc.stringMatching(/^[a-zé]{1,50}$/))
    .map(([first, rest]) => first + rest);
  const address = fc.oneof(
    fc.record({ kind: fc.constant("tcp"), host: ipv4, port }),
    fc.record({
      kind: fc.constant("tcp"),
      host: ipv6.filter((host) => !host.startsWith("::ffff:")),
      port,
    }),
    fc.record({ kind: fc.constant("unix"), path }),
  );
  fc.assert(
    fc.property(address, (any) => {
      expect(decodeSockaddr(encodeSockaddr(any as Address))).toEqual(any as Address);
    }),
  );
});
