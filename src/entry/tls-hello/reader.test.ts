import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  extension,
  type HelloParts,
  helloMessage,
  helloOf,
  helloOfBun,
  helloOfOpenssl,
  inRecords,
  messageIn,
  messageOf,
  protocols,
  serverName,
  vector,
} from "../../../test/fixtures/hellos.ts";
import { fuzz } from "../../../test/model/fuzz.ts";
import { Alert, alertRecord, plainHello } from "./hello.ts";
import { HELLO_SIZE_MAX, HelloReader } from "./reader.ts";

/** Feeds a stream in pieces until the reader is over. */
function read(stream: Uint8Array, ...cuts: readonly number[]): HelloReader {
  const reader = new HelloReader();
  let at = 0;
  for (const cut of [...cuts, stream.length]) {
    if (cut <= at || reader.isOver) continue;
    reader.push(stream.subarray(at, cut));
    at = cut;
  }
  return reader;
}

function readBytewise(stream: Uint8Array): HelloReader {
  return read(stream, ...stream.keys());
}

describe("a hello", () => {
  test("says a name, protocols and versions", () => {
    const { hello, alert } = read(helloOf({ name: "DB.Example.Org.", alpn: ["h2", "http/1.1"] }));
    expect(alert).toBeNull();
    expect(hello).toEqual({
      isTls: true,
      name: "db.example.org",
      alpn: ["h2", "http/1.1"],
      versions: ["1.3", "1.2"],
    });
  });

  test("may say nothing but its version, or have no extensions at all", () => {
    const nothing = { isTls: true, name: null, alpn: [], versions: ["1.2"] };
    expect(read(helloOf({ name: null, versions: null })).hello).toEqual(nothing);
    expect(read(helloOf({ isBare: true })).hello).toEqual(nothing);
  });

  test("may have bytes behind it, which are not looked at", () => {
    const early = Uint8Array.of(0x17, 3, 3, 0xff, 0xff, 1, 2, 3);
    expect(read(new Uint8Array(Buffer.concat([helloOf(), early]))).hello?.name).toBe("a.test");
  });

  test("has GREASE and an encrypted hello: both are skipped, and the outer name counts", () => {
    const grease = (type: number) => extension(type, Uint8Array.of(0));
    const parts: HelloParts = {
      name: "outer.test",
      extensions: [grease(0x0a0a), grease(0xfafa), extension(0xfe0d, new Uint8Array(200).fill(5))],
      versions: [0x7a7a, 0x0304],
    };
    const { hello } = read(helloOf(parts));
    expect([hello?.name, hello?.versions]).toEqual(["outer.test", ["1.3"]]);
    const offers = [Uint8Array.of(0x1a, 0x1a), "h2", Uint8Array.of(0xff, 0xfe)];
    const odd = { extensions: [protocols(offers)] };
    expect(read(helloOf(odd)).hello?.alpn).toEqual(["h2"]);
  });

  test("offers more protocols than are kept", () => {
    const many = Array.from({ length: 1_000 }, (_, index) => `p${index}`);
    expect(read(helloOf({ alpn: many })).hello?.alpn).toEqual(many.slice(0, 16));
  });

  test("is the same in one piece, byte by byte, and in records of any size", () => {
    const large = { extensions: [extension(51, new Uint8Array(1_300).fill(1))], alpn: ["h2"] };
    const expected = read(helloOf(large)).hello;
    expect(expected?.name).toBe("a.test");
    for (const size of [1, 2, 3, 4, 5, 100, 16_384]) {
      const stream = inRecords(helloMessage(large), size);
      expect(readBytewise(stream).hello).toEqual(expected);
      expect(read(stream).hello).toEqual(expected);
    }
  });

  test("may be as large as the bound, and no larger", () => {
    const sized = (size: number) => {
      const { length } = helloMessage({ extensions: [extension(51)] });
      return helloMessage({ extensions: [extension(51, new Uint8Array(size - length))] });
    };
    expect(read(inRecords(sized(HELLO_SIZE_MAX))).hello?.name).toBe("a.test");
    const larger = read(inRecords(sized(HELLO_SIZE_MAX + 1)).subarray(0, 9));
    expect(larger.alert).toBe(Alert.IllegalParameter);
    // The headers of records count, too.
    const tiny = inRecords(sized(4_000), 1);
    expect(read(tiny).alert).toBe(Alert.IllegalParameter);
    expect(readBytewise(tiny).alert).toBe(Alert.IllegalParameter);
  });
});

describe("what is no TLS", () => {
  test.each([
    "PING\r\n",
    "GET / HTTP/1.1\r\n",
    "\x00",
    "\x80\x2e\x01\x03",
    "\x15\x03\x01",
    "\x16P",
  ])("begins with %j", (words) => {
    expect(read(Buffer.from(words, "latin1")).hello).toEqual(plainHello);
  });

  test("is not known before the second byte", () => {
    const reader = read(Uint8Array.of(0x16));
    expect([reader.hello, reader.alert, reader.isUnheard]).toEqual([null, null, false]);
    reader.push(Uint8Array.of(0x16));
    expect(reader.hello).toEqual(plainHello);
  });
});

describe("a hello that breaks the rules", () => {
  const ok = helloMessage();
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = Uint8Array.from(inRecords(ok));
    bytes[at] = value;
    return bytes;
  };
  const withExtension = (...extensions: Uint8Array[]) => helloOf({ name: null, extensions });
  const host = Buffer.from("a.test");
  const cases: readonly (readonly [string, Uint8Array, Alert])[] = [
    ["a record too large", Uint8Array.of(22, 3, 1, 0x40, 1), Alert.RecordOverflow],
    ["an empty record", Uint8Array.of(22, 3, 1, 0, 0), Alert.UnexpectedMessage],
    ["another message", changed(5, 2), Alert.UnexpectedMessage],
    [
      "a record of another kind in the middle",
      Uint8Array.of(...inRecords(ok.subarray(0, 50)), 23),
      Alert.UnexpectedMessage,
    ],
    [
      "a record of another version in the middle",
      Uint8Array.of(...inRecords(ok.subarray(0, 50)), 22, 2),
      Alert.ProtocolVersion,
    ],
    ["no body", inRecords(messageOf()), Alert.DecodeError],
    [
      "a size beyond all bounds",
      Uint8Array.of(22, 3, 1, 0, 4, 1, 255, 255, 255),
      Alert.IllegalParameter,
    ],
    ["an ancient version", changed(9, 2), Alert.ProtocolVersion],
    ["a session id too long", helloOf({ sessionId: new Uint8Array(33) }), Alert.DecodeError],
    ["an extension twice", withExtension(extension(77), extension(77)), Alert.IllegalParameter],
    ["two lists of names", withExtension(serverName("a"), serverName("b")), Alert.IllegalParameter],
    [
      "an extension cut short",
      helloOf({ extensions: [Uint8Array.of(0, 77, 0, 255)] }),
      Alert.DecodeError,
    ],
    ["an empty list of names", withExtension(extension(0, vector(2))), Alert.DecodeError],
    ["an empty name", withExtension(serverName("")), Alert.DecodeError],
    ["a name too long", withExtension(serverName("a".repeat(256))), Alert.DecodeError],
    ["a name with a NUL", withExtension(serverName("a\0b")), Alert.IllegalParameter],
    ["a name with a space", withExtension(serverName("a b")), Alert.IllegalParameter],
    ["a name in raw UTF-8", withExtension(serverName("bücher.test")), Alert.IllegalParameter],
    [
      "a name of another kind",
      withExtension(extension(0, vector(2, Uint8Array.of(1), vector(2, host)))),
      Alert.DecodeError,
    ],
    [
      "two names",
      withExtension(
        extension(
          0,
          vector(2, Uint8Array.of(0), vector(2, host), Uint8Array.of(0), vector(2, host)),
        ),
      ),
      Alert.DecodeError,
    ],
    [
      "bytes behind the names",
      withExtension(extension(0, vector(2, Uint8Array.of(0), vector(2, host)), host)),
      Alert.DecodeError,
    ],
    ["no protocols", withExtension(extension(16, vector(2))), Alert.DecodeError],
    ["an empty protocol", withExtension(protocols(["h2", ""])), Alert.DecodeError],
    [
      "an odd list of versions",
      helloOf({ versions: null, extensions: [extension(43, vector(1, host.subarray(0, 3)))] }),
      Alert.DecodeError,
    ],
    [
      "bytes behind its extensions",
      inRecords(messageOf(ok.subarray(4), Uint8Array.of(0))),
      Alert.DecodeError,
    ],
    [
      "no cipher suites",
      inRecords(
        messageOf(ok.subarray(4, 38), vector(1), vector(2), vector(1, host.subarray(0, 1))),
      ),
      Alert.DecodeError,
    ],
  ];
  test.each(cases)("has %s", (_name, stream, alert) => {
    expect(read(stream).alert).toBe(alert);
    expect(readBytewise(stream).alert).toBe(alert);
  });

  test("is answered with a record that has the alert", () => {
    expect([...alertRecord(Alert.DecodeError)]).toEqual([21, 3, 3, 0, 2, 2, 50]);
  });
});

describe("any stream", () => {
  test("is read alike however it is cut, and never holds up", () => {
    const hello = helloOf({ alpn: ["h2"], extensions: [extension(51, new Uint8Array(600))] });
    const edits = fc.array(fc.record({ at: fc.nat(hello.length - 1), to: fc.nat(255) }), {
      maxLength: 4,
    });
    const cuts = fc.array(fc.nat(hello.length), { maxLength: 6 });
    fc.assert(
      fc.property(edits, cuts, fc.nat(hello.length), (changes, places, end) => {
        const stream = Uint8Array.from(hello);
        for (const { at, to } of changes) stream[at] = to;
        const part = stream.subarray(0, stream.length - (end % 50));
        const whole = read(part);
        const pieces = read(part, ...places.sort((one, other) => one - other));
        const bytes = readBytewise(part);
        for (const other of [pieces, bytes]) {
          expect([other.hello, other.alert]).toEqual([whole.hello, whole.alert]);
        }
      }),
      fuzz(2_000),
    );
  });

  test("of random records is judged or waited for within the bound", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (body) => {
        const reader = read(inRecords(messageOf(body)));
        expect(reader.isOver).toBe(true);
      }),
      fuzz(5_000),
    );
  });
});

describe("real hellos", () => {
  test.each([
    ["openssl, TLS 1.3", () => helloOfOpenssl("-servername", "a.test", "-alpn", "h2,http/1.1")],
    [
      "openssl, TLS 1.2",
      () => helloOfOpenssl("-servername", "a.test", "-alpn", "h2,http/1.1", "-tls1_2"),
    ],
    ["Bun", () => helloOfBun("a.test", ["h2", "http/1.1"])],
  ])("%s: cut at every byte, in records of 1, 100 and 16,384 bytes", async (_name, get) => {
    const stream = await get();
    const expected = read(stream).hello;
    expect(expected).toMatchObject({ isTls: true, name: "a.test", alpn: ["h2", "http/1.1"] });
    for (const size of [1, 100, 16_384]) {
      const records = inRecords(messageIn(stream), size);
      expect(readBytewise(records).hello).toEqual(expected);
      for (let cut = 1; cut < records.length; cut++) {
        expect(read(records, cut).hello).toEqual(expected);
      }
    }
  });
});
