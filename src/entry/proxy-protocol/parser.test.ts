import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FUZZ_TIMEOUT_MS, fuzz } from "../../../test/model/fuzz.ts";
import { decodeSockaddr } from "../../system/sockaddr.ts";
import {
  FIXED_SIZE,
  type ProxyHeader,
  type ProxyHeaderError,
  SIGNATURE_V1,
  SIGNATURE_V2,
} from "./header.ts";
import { ProxyHeaderParser } from "./parser.ts";
import { anyPair, anyTlv, hex, ip, latin1, parse, unix } from "./test-headers.ts";
import { writeProxyHeader } from "./writer.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";
const IPV4 = "c0a80001 c0a8000b dc04 01bb";
const IPV6 = `20010db8${"00".repeat(11)}01 20010db8${"00".repeat(11)}02 1234 0050`;

const unknown = { transport: "unknown", source: null, destination: null } as const;
const tcp4 = {
  transport: "tcp",
  source: ip("192.168.0.1", 56_324),
  destination: ip("192.168.0.11", 443),
} as const;
const tcp6 = {
  transport: "tcp",
  source: ip("2001:db8::1", 0x1234),
  destination: ip("2001:db8::2", 80),
} as const;

/** A unix path in its 108 bytes. */
function path(text: string): string {
  return latin1(text).toHex().padEnd(216, "0");
}

/** A header of version 2. @param start version and command, family and transport */
function v2(start: string, ...rest: readonly string[]): Uint8Array {
  const bytes = hex(...rest);
  return hex(SIGNATURE, start, bytes.length.toString(16).padStart(4, "0"), ...rest);
}

/** What is made of each: the header without its version, which is that of the bytes. */
const valid: readonly [string, Uint8Array, Partial<ProxyHeader>][] = [
  // The example of the specification.
  ["TCP4", latin1("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"), tcp4],
  ["TCP6", latin1("PROXY TCP6 2001:db8::1 2001:DB8:0:0:0:0:0:2 4660 80\r\n"), tcp6],
  [
    "the longest IPv4 line",
    latin1("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
    {
      transport: "tcp",
      source: ip("255.255.255.255", 65_535),
      destination: ip("255.255.255.255", 65_535),
    },
  ],
  [
    "the longest IPv6 line",
    latin1(`PROXY TCP6 ${`${"ffff:".repeat(7)}ffff `.repeat(2)}65535 65535\r\n`),
    {
      transport: "tcp",
      source: ip(`${"ffff:".repeat(7)}ffff`, 65_535),
      destination: ip(`${"ffff:".repeat(7)}ffff`, 65_535),
    },
  ],
  [
    "zeros",
    latin1("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"),
    { transport: "tcp", source: ip("0.0.0.0", 0), destination: ip("0.0.0.0", 0) },
  ],
  [
    "IPv4 within IPv6, as some write it",
    latin1("PROXY TCP6 ::ffff:1.2.3.4 ::ffff:102:305 1 2\r\n"),
    {
      transport: "tcp",
      source: ip("::ffff:1.2.3.4", 1),
      destination: ip("::ffff:1.2.3.5", 2),
    },
  ],
  ["UNKNOWN", latin1("PROXY UNKNOWN\r\n"), unknown],
  ["UNKNOWN with a space", latin1("PROXY UNKNOWN \r\n"), unknown],
  [
    "the longest UNKNOWN",
    latin1(`PROXY UNKNOWN ${`${"ffff:".repeat(7)}ffff `.repeat(2)}65535 65535\r\n`),
    unknown,
  ],
  ["UNKNOWN with anything", latin1("PROXY UNKNOWN \n\r\r\0\xff PROXY TCP4\r\r\n"), unknown],

  ["2: TCP over IPv4", v2("2111", IPV4), tcp4],
  ["2: TCP over IPv6", v2("2121", IPV6), tcp6],
  ["2: UDP over IPv4", v2("2112", IPV4), { ...tcp4, transport: "udp" }],
  ["2: UDP over IPv6", v2("2122", IPV6), { ...tcp6, transport: "udp" }],
  [
    "2: a unix stream",
    v2("2131", path("/run/a.sock"), path("\0name")),
    { transport: "unix", source: unix("/run/a.sock"), destination: unix("\0name") },
  ],
  [
    "2: unix datagrams, the first without a name",
    v2("2132", path(""), path("/b\0rubbish")),
    { transport: "unix", source: Uint8Array.of(1, 0), destination: unix("/b") },
  ],
  [
    "2: paths as long as can be",
    v2("2131", path(`/${"a".repeat(107)}`), path(`/${"b".repeat(106)}`)),
    {
      transport: "unix",
      source: hex("0100", path(`/${"a".repeat(107)}`)),
      destination: unix(`/${"b".repeat(106)}`),
    },
  ],
  ["2: unspecified", v2("2100"), unknown],
  ["2: a family without a transport", v2("2110", IPV4), unknown],
  ["2: a transport without a family", v2("2101"), unknown],
  [
    "2: unspecified, with a TLV",
    v2("2100", "e00001 07"),
    { ...unknown, tlvs: [{ type: 0xe0, value: hex("07") }] },
  ],
  [
    "2: TLVs, empty ones and unknown ones",
    v2("2111", IPV4, "020003 616263 040000 ff0001 00 300000"),
    {
      ...tcp4,
      tlvs: [
        { type: 2, value: latin1("abc") },
        { type: 4, value: hex() },
        { type: 0xff, value: hex("00") },
        { type: 0x30, value: hex() },
      ],
    },
  ],
  [
    "2: the longest unique id",
    v2("2111", IPV4, "050080", "61".repeat(128)),
    { ...tcp4, tlvs: [{ type: 5, value: latin1("a".repeat(128)) }] },
  ],
  [
    "2: as many TLVs as may be",
    v2("2111", IPV4, "040000".repeat(64)),
    { ...tcp4, tlvs: Array.from({ length: 64 }, () => ({ type: 4, value: hex() })) },
  ],
  [
    "2: as long as the default limit",
    v2("2111", IPV4, "040ff1", "00".repeat(4_081)),
    { ...tcp4, tlvs: [{ type: 4, value: new Uint8Array(4_081) }] },
  ],
  ["2: LOCAL", v2("2000"), { ...unknown, command: "local" }],
  ["2: LOCAL with addresses", v2("2011", IPV4), { ...unknown, command: "local" }],
  ["2: LOCAL with anything", v2("20ff", "00ffffff03"), { ...unknown, command: "local" }],
];

function linesOf(
  error: ProxyHeaderError,
  lines: readonly string[],
): [string, Uint8Array, ProxyHeaderError][] {
  return lines.map((line) => [JSON.stringify(line), latin1(line), error]);
}

const invalid: [string, Uint8Array, ProxyHeaderError][] = [
  ...linesOf("bad_line", [
    "PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n",
    "PROXY tcp4 1.2.3.4 1.2.3.4 1 1\r\n",
    "PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n",
    "PROXY unknown\r\n",
    "PROXY UNKNOWNS\r\n",
    "PROXY UNKNOWN\n",
    "PROXY UNKNOWN\r ",
    "PROXY \r\n",
    "PROXY  TCP4 1.2.3.4 1.2.3.4 1 1\r\n",
    "PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n",
    "PROXY TCP4\t1.2.3.4 1.2.3.4 1 1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n",
    "PROXY TCP4\r\n",
    // These are found out where they stand, not at the end of a line that may never come.
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\rx",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\r",
    "PROXY \n",
  ]),
  ...linesOf("bad_address", [
    "PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.256 1 1\r\n",
    "PROXY TCP4 01.2.3.4 1.2.3.4 1 1\r\n",
    "PROXY TCP4 1.2.3.4 +1.2.3.4 1 1\r\n",
    "PROXY TCP4 ::1 ::1 1 1\r\n",
    "PROXY TCP4 1.2.3.4 ::1 1 1\r\n",
    "PROXY TCP4   1 1\r\n",
    "PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n",
    "PROXY TCP6 ::1 ::1::1 1 1\r\n",
    "PROXY TCP6 ::1 12345:: 1 1\r\n",
    "PROXY TCP6 1:2:3:4:5:6:7 ::1 1 1\r\n",
    "PROXY TCP6 fe80::1%1 ::1 1 1\r\n",
    "PROXY TCP6 [::1] ::1 1 1\r\n",
    "PROXY TCP6 ::\xb9 ::1 1 1\r\n",
  ]),
  ...linesOf("bad_port", [
    "PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 100000\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 00\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 -1 1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 +1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 1e3\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 \r\n",
  ]),
  ["a line of 107 without an end", latin1("PROXY UNKNOWN ".padEnd(107, "a")), "too_long"],
  ["one whose end is half in", latin1(`${"PROXY TCP4 ".padEnd(106, "1")}\r`), "too_long"],

  ["2: version 1", v2("1111", IPV4), "bad_version"],
  ["2: version 3", v2("3111", IPV4), "bad_version"],
  ["2: command 2", v2("2211", IPV4), "bad_command"],
  ["2: family 4", v2("2141", IPV4), "bad_family"],
  ["2: transport 3", v2("2113", IPV4), "bad_transport"],
  ["2: no room for IPv4", v2("2111", IPV4.slice(0, -2)), "bad_length"],
  ["2: no room for IPv6", v2("2121", IPV4), "bad_length"],
  ["2: no room for paths", v2("2131", path("/a")), "bad_length"],
  ["2: no room for what is ignored", v2("2110", "00"), "bad_length"],
  ["2: a TLV without a length", v2("2111", IPV4, "0400"), "bad_tlv"],
  ["2: a TLV that goes beyond", v2("2111", IPV4, "040002 00"), "bad_tlv"],
  ["2: a byte behind the TLVs", v2("2111", IPV4, "040001 00 04"), "bad_tlv"],
  ["2: a long unique id", v2("2111", IPV4, "050081", "61".repeat(129)), "bad_tlv"],
  ["2: a wrong checksum", v2("2111", IPV4, "030004 00000000"), "bad_crc"],
  ["2: a short checksum", v2("2111", IPV4, "030003 000000"), "bad_crc"],
  ["2: an empty checksum", v2("2111", IPV4, "030000"), "bad_crc"],
  ["2: too many TLVs", v2("2111", IPV4, "040000".repeat(65)), "too_long"],
  ["2: longer than the default limit", v2("2111", "00".repeat(4_097)), "too_long"],
  ["2: LOCAL longer than the limit", v2("2000", "00".repeat(4_097)), "too_long"],
];

function expected(bytes: Uint8Array, rest: Partial<ProxyHeader>): ProxyHeader {
  const version = bytes[0] === SIGNATURE_V1[0] ? 1 : 2;
  return { version, command: "proxy", tlvs: [], ...unknown, ...rest };
}

/** Positions at which to cut a stream in two; not all of a long one, which would take too long. */
function positions(bytes: Uint8Array): number[] {
  const all = Array.from({ length: bytes.length + 1 }, (_, at) => at);
  return bytes.length < 300 ? all : all.filter((at) => at < 300 || at > bytes.length - 20);
}

describe("a header", () => {
  test.each(valid)("%s", (_, bytes, rest) => {
    const { state, header, error, consumed } = parse(bytes);
    expect({ state, error, consumed }).toEqual({
      state: "done",
      error: null,
      consumed: bytes.length,
    });
    expect(header).toEqual(expected(bytes, rest));
  });

  test.each(valid)("%s: nothing behind it is taken, however it is cut", (_, bytes, rest) => {
    const stream = Buffer.concat([bytes, latin1("PROXY UNKNOWN\r\n")]);
    const header = expected(bytes, rest);
    const singly = Array.from({ length: stream.length }, (_, at) => at);
    for (const cuts of [...positions(stream).map((at) => [at]), singly]) {
      const parser = new ProxyHeaderParser();
      const { state, consumed, ...result } = parse(stream, cuts, parser);
      expect({ state, consumed }).toEqual({ state: "done", consumed: bytes.length });
      expect(result.header).toEqual(header);
      expect(parser.push(stream)).toBe(0);
    }
  });

  test.each(valid)("%s: it is not there before its last byte", (_, bytes) => {
    const parser = new ProxyHeaderParser();
    expect(parser.push(bytes.subarray(0, -1))).toBe(bytes.length - 1);
    expect(parser.state).toBe("partial");
    expect(parser.header).toBeNull();
    parser.ended();
    expect(parser.state).toBe("invalid");
    expect(parser.error).toBe("truncated");
  });
});

describe("no header", () => {
  test.each(invalid)("%s", (_, bytes, error) => {
    for (const cuts of [[], ...positions(bytes).map((at) => [at])]) {
      const parser = new ProxyHeaderParser();
      expect(parse(bytes, cuts, parser)).toMatchObject({ state: "invalid", error, header: null });
      expect(parser.isUndecided).toBe(false);
      expect(parser.push(bytes)).toBe(0);
    }
  });

  test("version, command, family and length are judged before the rest comes", () => {
    for (const [start, length, error] of [
      ["3111", "000c", "bad_version"],
      ["2211", "000c", "bad_command"],
      ["2141", "000c", "bad_family"],
      ["2113", "000c", "bad_transport"],
      ["2111", "000b", "bad_length"],
      ["2111", "1001", "too_long"],
    ] as const) {
      const fixed = hex(SIGNATURE, start, length);
      expect(parse(fixed)).toMatchObject({ state: "invalid", error, consumed: 16 });
    }
  });

  test("the limit is the parser's", () => {
    const bytes = v2("2111", IPV4, "040000");
    expect(parse(bytes, [], new ProxyHeaderParser(15)).state).toBe("done");
    expect(parse(bytes, [], new ProxyHeaderParser(14)).error).toBe("too_long");
    const long = v2("2111", IPV4, "04fff0", "00".repeat(65_520));
    expect(parse(long, [], new ProxyHeaderParser(65_535)).state).toBe("done");
    expect(() => new ProxyHeaderParser(65_536)).toThrow("lengthMax is 0…65535");
    expect(() => new ProxyHeaderParser(-1)).toThrow("lengthMax is 0…65535");
  });
});

describe("a checksum", () => {
  const bytes = writeProxyHeader({
    version: 2,
    command: "proxy",
    source: tcp4.source,
    destination: tcp4.destination,
    tlvs: [{ type: 4, value: hex("0102") }],
    crc32c: true,
  });

  test("any bit that is wrong behind the first sixteen bytes is noticed", () => {
    const typeAt = FIXED_SIZE + 12;
    for (let bit = 8 * FIXED_SIZE; bit < 8 * bytes.length; bit++) {
      const at = bit >>> 3;
      const wrong = bytes.slice();
      wrong[at] = (wrong[at] as number) ^ (1 << (bit & 7));
      // A checksum that does not say that it is one cannot be checked.
      expect(parse(wrong).state).toBe(at === typeAt ? "done" : "invalid");
    }
  });

  test("two of them leave open what counts as zero", () => {
    const crc = bytes.slice(FIXED_SIZE + 12, FIXED_SIZE + 19).toHex();
    expect(parse(v2("2111", IPV4, crc, crc)).error).toBe("bad_crc");
  });
});

describe("a stream that does not begin with a header", () => {
  test.each([
    "GET / HTTP/1.1\r\n",
    "PING\r\n",
    "PROXZ TCP4",
    "PROXY\r\n",
    "proxy TCP4",
    "\r\n\r\n\0\r\nQUIT\r",
    "\r\nPROXY TCP4",
    "\0",
    "*1\r\n$4\r\nPING\r\n",
  ])("%j is left alone, however it is cut", (text) => {
    const stream = latin1(text);
    for (const cut of positions(stream)) {
      const parser = new ProxyHeaderParser();
      const { state, consumed } = parse(stream, [cut], parser);
      expect(state).toBe("absent");
      expect(parser.header).toBeNull();
      expect(parser.error).toBeNull();
      expect(parser.isUndecided).toBe(true);
      // Nothing of the chunk with the decision was consumed.
      expect([0, cut]).toContain(consumed);
      expect(parser.push(stream)).toBe(0);
    }
  });

  test("one byte at a time", () => {
    const parser = new ProxyHeaderParser();
    const almost = SIGNATURE_V2.slice(0, 11);
    for (const byte of almost) expect(parser.push(Uint8Array.of(byte))).toBe(1);
    expect(parser.state).toBe("partial");
    expect(parser.isUndecided).toBe(true);
    expect(parser.push(latin1("x"))).toBe(0);
    expect(parser.state).toBe("absent");
    expect(parser.isUndecided).toBe(true);
  });

  test("one that ends while it could still be either", () => {
    for (const signature of [SIGNATURE_V1, SIGNATURE_V2]) {
      for (let size = 0; size < signature.length; size++) {
        const parser = new ProxyHeaderParser();
        parser.push(signature.slice(0, size));
        expect(parser.state).toBe("partial");
        parser.ended();
        expect(parser.state).toBe("absent");
        expect(parser.isUndecided).toBe(true);
      }
    }
  });

  test("a whole signature is a decision", () => {
    for (const signature of [SIGNATURE_V1, SIGNATURE_V2]) {
      const parser = new ProxyHeaderParser();
      expect(parser.push(signature)).toBe(signature.length);
      expect(parser.isUndecided).toBe(false);
      parser.ended();
      expect(parser.error).toBe("truncated");
    }
  });
});

test("the end of a stream changes nothing that was decided", () => {
  for (const [stream, state] of [
    ["PROXY UNKNOWN\r\n", "done"],
    ["x", "absent"],
  ] as const) {
    const parser = new ProxyHeaderParser();
    parse(latin1(stream), [], parser);
    parser.ended();
    expect(parser.state).toBe(state);
  }
});

test("a header may be longer than the parser's own room", () => {
  const long = v2("2111", IPV4, "040200", "00".repeat(512));
  const { header } = parse(long);
  expect(header).toEqual(expected(long, { ...tcp4, tlvs: header?.tlvs ?? [] }));
  expect(header?.tlvs[0]?.value).toEqual(new Uint8Array(512));
});

describe("whatever comes", () => {
  const anyHeader = fc
    .tuple(fc.constantFrom(1, 2), anyPair, fc.array(anyTlv, { maxLength: 3 }), fc.boolean())
    .map(([version, [source, destination], tlvs, crc32c]) =>
      writeProxyHeader(
        version === 1
          ? { version, command: "proxy", source, destination, tlvs: [], crc32c: false }
          : { version: 2, command: "proxy", source, destination, tlvs, crc32c },
      ),
    );
  const anyChange = fc.record({
    at: fc.nat(),
    drop: fc.nat({ max: 3 }),
    put: fc.uint8Array({ maxLength: 3 }),
  });
  const mutated = fc
    .tuple(anyHeader, fc.array(anyChange, { maxLength: 3 }))
    .map(([header, changes]) => {
      const bytes = [...header];
      for (const { at, drop, put } of changes) bytes.splice(at % bytes.length, drop, ...put);
      return Uint8Array.from(bytes);
    });
  const nearly = fc
    .tuple(
      fc.constantFrom(SIGNATURE_V1, SIGNATURE_V2, latin1("PROXY TCP4 "), hex(SIGNATURE, "2111")),
      fc.uint8Array({ maxLength: 300 }),
    )
    .map(([start, rest]) => new Uint8Array(Buffer.concat([start, rest])));
  const anyStream = fc.oneof(fc.uint8Array({ maxLength: 300 }), nearly, mutated);
  const anyCuts = fc.array(fc.nat({ max: 300 }), { maxLength: 5 });

  test(
    "it is decided alike in any pieces, and nothing behind the header is taken",
    () => {
      fc.assert(
        fc.property(anyStream, anyCuts, (stream, given) => {
          const cuts = given.filter((cut) => cut <= stream.length).toSorted((a, b) => a - b);
          const whole = parse(stream);
          const cut = parse(stream, cuts);
          expect(cut.state).toBe(whole.state);
          expect(cut.header).toEqual(whole.header);
          expect(cut.error).toBe(whole.error);
          if (whole.state === "absent") {
            expect(whole.consumed).toBe(0);
            return;
          }
          expect(cut.consumed).toBe(whole.consumed);
          if (whole.state !== "done") return;
          // Exactly the header: a byte less is none, and what follows changes nothing.
          expect(parse(stream.slice(0, whole.consumed)).header).toEqual(whole.header);
          expect(parse(stream.slice(0, whole.consumed - 1)).state).toBe("partial");
          for (const address of [whole.header?.source, whole.header?.destination]) {
            if (address) decodeSockaddr(address);
          }
        }),
        fuzz(4_000),
      );
    },
    FUZZ_TIMEOUT_MS,
  );

  test(
    "a header that was written is read back",
    () => {
      fc.assert(
        fc.property(
          anyPair,
          fc.array(anyTlv, { maxLength: 10 }),
          fc.boolean(),
          ([source, destination], tlvs, crc32c) => {
            const command = "proxy";
            const bytes = writeProxyHeader({
              version: 2,
              command,
              source,
              destination,
              tlvs,
              crc32c,
            });
            const { state, header, consumed } = parse(bytes, [], new ProxyHeaderParser(65_535));
            expect({ state, consumed }).toEqual({ state: "done", consumed: bytes.length });
            expect(header).toMatchObject({ version: 2, source, destination });
            expect(header?.command).toBe(source === null ? "local" : "proxy");
            if (source === null) return;
            const others = header?.tlvs.filter((tlv) => tlv.type !== 3);
            expect(others).toEqual(tlvs);
            expect((header?.tlvs.length ?? 0) - tlvs.length).toBe(crc32c ? 1 : 0);
            // What was read may be passed on as it is.
            const { tlvs: read = [] } = header ?? {};
            const again = { version: 2, command, source, destination, tlvs: read, crc32c } as const;
            expect(writeProxyHeader(again)).toEqual(bytes);
          },
        ),
        fuzz(1_000),
      );
    },
    FUZZ_TIMEOUT_MS,
  );

  test(
    "a written line is read back, as far as lines can express it",
    () => {
      fc.assert(
        fc.property(anyPair, ([source, destination]) => {
          const rest = { tlvs: [], crc32c: false } as const;
          const bytes = writeProxyHeader({
            version: 1,
            command: "proxy",
            source,
            destination,
            ...rest,
          });
          const { state, header } = parse(bytes);
          expect(state).toBe("done");
          const isIp = source !== null && source[0] !== 1;
          expect(header?.source).toEqual(isIp ? source : null);
          expect(header?.destination).toEqual(isIp ? destination : null);
        }),
        fuzz(1_000),
      );
    },
    FUZZ_TIMEOUT_MS,
  );
});
