import { describe, expect, test } from "bun:test";
import { type Address, formatAddress, parseAddress, parsePorts, parseUpstream } from "./address.ts";

function tcp(host: string, port: number): Address {
  return { kind: "tcp", host, port };
}

describe("parseAddress", () => {
  test.each<[string, Address]>([
    ["127.0.0.1:6380", tcp("127.0.0.1", 6380)],
    ["127.0.0.1:0", tcp("127.0.0.1", 0)],
    ["localhost:65535", tcp("localhost", 65535)],
    ["Db-1.Example.org.:5432", tcp("db-1.example.org.", 5432)],
    ["my_host:1", tcp("my_host", 1)],
    [":6380", tcp("::", 6380)],
    ["[::1]:6380", tcp("::1", 6380)],
    ["[0:0:0::1]:6380", tcp("::1", 6380)],
    ["[fe80::1%eth0]:6380", tcp("fe80::1%eth0", 6380)],
    ["unix:/tmp/a b.sock", { kind: "unix", path: "/tmp/a b.sock" }],
    ["unix:@name", { kind: "unix", path: "\0name" }],
  ])("a listener at %s", (text, address) => {
    expect(parseAddress(text, "listener")).toEqual(address);
  });

  test("without a host an upstream is on this machine", () => {
    expect(parseAddress(":6379", "upstream")).toEqual(tcp("127.0.0.1", 6379));
  });

  const forms = "expected host:port, :port, [ipv6]:port or unix:/path";
  const unix = "expected unix: and the absolute path of a socket, or unix:@name";
  test.each([
    ["", `"": no port; ${forms}`],
    ["6380", `"6380": no port; ${forms}`],
    ["127.0.0.1", `"127.0.0.1": no port; ${forms}`],
    ["127.0.0.1:", `"127.0.0.1:": no port; ${forms}`],
    ["[::1]", `"[::1]": no port; ${forms}`],
    ["[::1", `"[::1": no port; ${forms}`],
    ["tcp://a:1", `"tcp://a:1": ${forms}, without a scheme`],
    ["a:65536", `"a:65536": port "65536" is not a number of 0…65535`],
    ["a:-1", `"a:-1": port "-1" is not a number of 0…65535`],
    ["a:0x10", `"a:0x10": port "0x10" is not a number of 0…65535`],
    ["a: 1", `"a: 1": port " 1" is not a number of 0…65535`],
    ["a:http", `"a:http": port "http" is not a number of 0…65535`],
    [
      "::1:80",
      `"::1:80": an IPv6 address is written in brackets, with a port after them: [::1]:6380`,
    ],
    ["::1", `"::1": an IPv6 address is written in brackets, with a port after them: [::1]:6380`],
    ["[::g]:80", `"[::g]:80": "::g" is not an IPv6 address`],
    ["[127.0.0.1]:80", `"[127.0.0.1]:80": "127.0.0.1" is not an IPv6 address`],
    ["256.0.0.1:80", `"256.0.0.1:80": "256.0.0.1" is not an IPv4 address`],
    ["127.1:80", `"127.1:80": "127.1" is not an IPv4 address`],
    ["*:80", `"*:80": leave the host out to listen on all addresses, as in :6380`],
    ["a b:80", `"a b:80": "a b" is not a host name`],
    ["-a:80", `"-a:80": "-a" is not a host name`],
    ["a..b:80", `"a..b:80": "a..b" is not a host name`],
    ["bücher:80", `"bücher:80": "bücher" is not a host name`],
    ["a\u001b[31m:80", `"a\\u001b[31m:80": no port; ${forms}`],
    ["unix:", `"unix:": ${unix}`],
    ["unix:relative", `"unix:relative": ${unix}`],
    ["unix:/", `"unix:/": ${unix}`],
    ["unix:/dir/", `"unix:/dir/": ${unix}`],
    ["unix:@", `"unix:@": ${unix}`],
    ["unix:/a\0b", `"unix:/a\\u0000b": a path holds printable characters alone`],
    ["unix:/a\n\x1b[31mb", `"unix:/a\\u000a\\u001b[31mb": a path holds printable characters alone`],
    ["unix:/a\u061cb", `"unix:/a\\u061cb": a path holds printable characters alone`],
  ])("%j is refused", (text, message) => {
    expect(() => parseAddress(text, "listener")).toThrow(new Error(message));
  });

  test("an upstream has a port and no port 0", () => {
    expect(() => parseAddress("a:0", "upstream")).toThrow('port "0" is not a number of 1…65535');
    expect(() => parseAddress("a", "upstream")).toThrow(
      '"a": no port; expected host:port, [ipv6]:port or unix:/path',
    );
  });

  test("a unix path fits into the system's 108 bytes, which bytes and not characters fill", () => {
    const fits = `/${"a".repeat(102)}`;
    expect(parseAddress(`unix:${fits}`, "listener")).toEqual({ kind: "unix", path: fits });
    expect(() => parseAddress(`unix:/${"ä".repeat(60)}`, "listener")).toThrow("has at most");
  });

  test("a very long value is cut in the message", () => {
    const parse = () => parseAddress("x".repeat(1_000_000), "listener");
    expect(parse).toThrow(new Error(`"${"x".repeat(80)}…": no port; ${forms}`));
  });
});

test("formatAddress writes what parseAddress reads", () => {
  for (const text of ["a:1", "[::1]:0", "[::]:80", "1.2.3.4:5", "unix:/a", "unix:@a b"]) {
    expect(formatAddress(parseAddress(text, "listener"))).toBe(text);
  }
});

describe("parseUpstream", () => {
  test.each([
    ["srv:_redis._tcp.example.org", "_redis._tcp.example.org"],
    ["srv:_Redis._TCP.Example.org.", "_redis._tcp.example.org"],
  ])("%j is a service", (text, name) => {
    const address = parseUpstream(text);
    expect(address).toEqual({ kind: "service", name });
    expect(formatAddress(address)).toBe(`srv:${name}`);
  });

  test.each([
    "srv:_redis._tcp",
    "srv:_redis._udp.example.org",
    "srv:redis.example.org",
    "srv:_redis._tcp.example.org:6379",
    "srv:_redis._tcp.exa mple.org",
    "srv:_redis._tcp..org",
    `srv:_redis._tcp.${"a.".repeat(126)}a`,
    "srv:",
  ])("%j is none", (text) => {
    expect(() => parseUpstream(text)).toThrow("expected a service such as srv:_redis._tcp.");
  });

  test("all other texts are addresses, and a listener is no service", () => {
    expect(parseUpstream(":6379")).toEqual(tcp("127.0.0.1", 6379));
    const listen = () => parseAddress("srv:_redis._tcp.example.org", "listener");
    expect(listen).toThrow("a service in DNS can only be an upstream");
  });
});

describe("parsePorts", () => {
  test.each([
    [":5000-5010", "::", 5_000, 5_010],
    ["Db.Example.org:1-1024", "db.example.org", 1, 1_024],
    ["[::1]:65534-65535", "::1", 65_534, 65_535],
    ["127.0.0.1:7-7", "127.0.0.1", 7, 7],
  ])("%j is a range", (text, host, first, last) => {
    const range = parsePorts(text, "listener");
    expect(range).toEqual({ kind: "ports", host, first, last });
    expect(formatAddress(range as NonNullable<typeof range>)).toMatch(/:\d+-\d+$/);
  });

  test.each([
    [":5010-5000", "a range of ports begins with the lowest: 5000-5010"],
    [":0-10", "a range of ports has no port 0, for which the system picks one"],
    [":1-1025", "a range has at most 1,024 ports, and this one has 1,025"],
    [":1-65536", 'port "65536" is not a number of 0…65535'],
    ["unix:/run/a.sock:1-2", "a unix socket has no ports"],
    ["*:1-2", "leave the host out to listen on all addresses, as in :6380"],
    ["::1:1-2", "an IPv6 address is written in brackets, with a port after them: [::1]:6380"],
    ["udp:a:1-2", "UDP is not supported"],
  ])("%j is refused", (text, why) => {
    expect(() => parsePorts(text, "listener")).toThrow(
      new Error(`${JSON.stringify(text)}: ${why}`),
    );
  });

  test.each([":5000", ":5000-", ":-5000", ":5000-5010-5020", "a-b:1", "srv:_a._tcp.b:1-2"])(
    "%j is none",
    (text) => {
      expect(parsePorts(text, "listener")).toBeNull();
    },
  );

  test("an upstream's begins with port 1, and without a host it is on this machine", () => {
    expect(parsePorts(":1-2", "upstream")).toMatchObject({ host: "127.0.0.1" });
    expect(() => parsePorts("a:0-2", "upstream")).toThrow('port "0" is not a number of 1…65535');
  });
});
