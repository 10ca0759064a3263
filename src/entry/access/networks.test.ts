import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ConfigError } from "../../base/error.ts";
import { UNIX_CLIENT } from "./client-address.ts";
import { formatNetwork, NetworkSet, parseNetwork } from "./networks.ts";
import { clientAt, colons, dotted, ipv4Client, meeting } from "./test-addresses.ts";

describe("parseNetwork", () => {
  test.each([
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["10.1.2.3", "10.1.2.3"],
    ["10.1.2.3/32", "10.1.2.3"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["255.255.255.255", "255.255.255.255"],
    ["2001:db8::/32", "2001:db8::/32"],
    ["2001:DB8:0:0::/32", "2001:db8::/32"],
    ["::1", "::1"],
    ["::/0", "::/0"],
    ["::1.2.3.4", "::102:304"],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["::ffff:10.0.0.0/104", "10.0.0.0/8"],
    ["::ffff:0:0/96", "0.0.0.0/0"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["::fffe:0:0/95", "::fffe:0:0/95"],
  ])("%s is %s", (text, expected) => {
    expect(formatNetwork(parseNetwork(text))).toBe(expected);
  });

  const noNetwork = "expected a network such as 10.0.0.0/8 or 2001:db8::/32, or an address";
  const beyond = (prefix: number) => `the address has bits set after its first ${prefix}`;
  test.each([
    ["", noNetwork],
    ["localhost", noNetwork],
    ["10.0.0.0.0/8", noNetwork],
    ["10.0/8", noNetwork],
    ["010.0.0.0/8", noNetwork],
    [" 10.0.0.0/8", noNetwork],
    ["[::1]", noNetwork],
    ["10.0.0.0 - 10.0.0.255", noNetwork],
    [`${":".repeat(101)}/8`, noNetwork],
    ["10.0.0.0/", "expected a prefix length from 0 to 32"],
    ["10.0.0.0/33", "expected a prefix length from 0 to 32"],
    ["10.0.0.0/08", "expected a prefix length from 0 to 32"],
    ["10.0.0.0/8/8", "expected a prefix length from 0 to 32"],
    ["10.0.0.0/-1", "expected a prefix length from 0 to 32"],
    ["10.0.0.0/255.0.0.0", "expected a prefix length from 0 to 32"],
    ["::/129", "expected a prefix length from 0 to 128"],
    ["::ffff:10.0.0.0/64", "from 96 to 128 for an IPv4 address within IPv6"],
    ["fe80::1%eth0", "a network is the same on every interface; expected it without %eth0"],
    ["10.1.2.3/8", `${beyond(8)}; expected 10.0.0.0/8, or 10.1.2.3 for this address alone`],
    ["::1/0", `${beyond(0)}; expected ::/0, or ::1 for this address alone`],
    ["2001:db8::1/64", `${beyond(64)}; expected 2001:db8::/64, or 2001:db8::1 for`],
    ["2001:db8:8000::/32", `${beyond(32)}; expected 2001:db8::/32`],
    ["::ffff:10.1.0.0/104", `${beyond(8)}; expected 10.0.0.0/8, or 10.1.0.0 for`],
  ])("%j is none", (text, why) => {
    expect(() => parseNetwork(text)).toThrow(ConfigError);
    expect(() => parseNetwork(text)).toThrow(why);
  });

  test("any text is a network that reads the same again, or one clear sentence", () => {
    const part = fc.constantFrom(
      ..."0123456789abcdef:./%ffff: ::ffff: 10.0.0.0 /8 /104".split(" "),
    );
    const nearly = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));
    const written = fc
      .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat({ max: 130 }))
      .map(([address, prefix]) => `${address}/${prefix}`);
    fc.assert(
      fc.property(fc.oneof(nearly, written, fc.string()), (text) => {
        try {
          const network = parseNetwork(text);
          expect(parseNetwork(formatNetwork(network))).toEqual(network);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          expect((error as Error).message).not.toContain("\n");
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("NetworkSet", () => {
  const setOf = (...texts: string[]) =>
    new NetworkSet(texts.map((text) => [parseNetwork(text), text] as const));

  test("the most specific network counts", () => {
    const set = setOf("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3", "11.0.0.0/8");
    const table: [string, string | undefined][] = [
      ["9.255.255.255", undefined],
      ["10.0.0.0", "10.0.0.0/8"],
      ["10.0.255.255", "10.0.0.0/8"],
      ["10.1.0.0", "10.1.0.0/16"],
      ["10.1.2.2", "10.1.2.0/24"],
      ["10.1.2.3", "10.1.2.3"],
      ["10.1.2.4", "10.1.2.0/24"],
      ["10.1.3.0", "10.1.0.0/16"],
      ["10.2.0.0", "10.0.0.0/8"],
      ["11.0.0.0", "11.0.0.0/8"],
      ["12.0.0.0", undefined],
    ];
    for (const [host, expected] of table) {
      expect(set.get(clientAt(host))).toBe(expected);
      expect(set.get(clientAt(`::ffff:${host}`))).toBe(expected);
      expect(set.has(clientAt(host))).toBe(expected !== undefined);
    }
  });

  test("the two families are apart, and unix clients are in no network", () => {
    const six = setOf("::/0");
    expect(six.has(clientAt("::1"))).toBe(true);
    expect(six.has(clientAt("1.2.3.4"))).toBe(false);
    expect(six.has(clientAt("::ffff:1.2.3.4"))).toBe(false);
    const four = setOf("0.0.0.0/0");
    expect(four.has(clientAt("::1"))).toBe(false);
    expect(four.has(clientAt("255.255.255.255"))).toBe(true);
    expect(six.has(UNIX_CLIENT) || four.has(UNIX_CLIENT)).toBe(false);
  });

  test("of two that are the same the later one counts; none is fine", () => {
    const network = parseNetwork("10.0.0.0/8");
    const set = new NetworkSet([
      [network, 1],
      [network, 2],
      [parseNetwork("::ffff:10.0.0.0/104"), 3],
    ]);
    expect(set.get(clientAt("10.1.1.1"))).toBe(3);
    expect(set.get(clientAt("11.0.0.0"))).toBeUndefined();
    expect(set.tables.size).toBe(3);
    expect(new NetworkSet([]).get(clientAt("1.2.3.4"))).toBeUndefined();
    expect(new NetworkSet([]).get(clientAt("::1"))).toBeUndefined();
  });

  test("a value may be undefined", () => {
    const set = new NetworkSet([[parseNetwork("10.0.0.0/8"), undefined]]);
    expect(set.has(clientAt("10.0.0.1"))).toBe(true);
  });

  test.each([32, 128] as const)("finds what a look at each of them finds, of %i bits", (bits) => {
    const text = (value: bigint) => (bits === 32 ? dotted(Number(value)) : `${colons(value)}`);
    const top = (value: bigint, prefix: number) =>
      (value >> BigInt(bits - prefix)) << BigInt(bits - prefix);
    const networks = fc.array(fc.tuple(meeting(bits), fc.nat({ max: bits })), { maxLength: 24 });
    fc.assert(
      fc.property(networks, fc.array(meeting(bits), { maxLength: 12 }), (drawn, picks) => {
        const all = drawn
          .map(([value, prefix]) => ({ first: top(value, prefix), prefix }))
          // Within IPv6, IPv4 ones are told apart by the reader.
          .filter(({ first }) => bits === 32 || first >> 32n !== 0xffffn);
        const set = new NetworkSet(
          all.map((one, index) => [parseNetwork(`${text(one.first)}/${one.prefix}`), index]),
        );
        const borders = all.flatMap(({ first, prefix }) => {
          const size = 1n << BigInt(bits - prefix);
          return [first - 1n, first, first + size - 1n, first + size];
        });
        for (const value of [...picks, ...borders]) {
          if (value < 0n || value >= 1n << BigInt(bits)) continue;
          if (bits === 128 && value >> 32n === 0xffffn) continue;
          let best = -1;
          for (const [index, { first, prefix }] of all.entries()) {
            if (top(value, prefix) !== first) continue;
            if (best === -1 || prefix >= (all[best]?.prefix ?? 0)) best = index;
          }
          expect(set.get(clientAt(text(value)))).toBe(best === -1 ? undefined : best);
        }
      }),
      { numRuns: 400 },
    );
  });

  test("another thread takes it over as it is", () => {
    const set = setOf("10.0.0.0/8", "2001:db8::/32");
    const { values, ipv4 } = set.tables;
    const other = new NetworkSet({ ...set.tables, values: structuredClone(values) });
    expect(other.get(clientAt("10.1.1.1"))).toBe("10.0.0.0/8");
    expect(other.get(clientAt("2001:db8::1"))).toBe("2001:db8::/32");
    expect(ipv4.starts.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test("100,000 networks", () => {
    const word = (index: number) => Math.imul(index, 0x9e3779b1) & ~0xff;
    const entries = Array.from({ length: 100_000 }, (_, index) => {
      return [parseNetwork(`${dotted(word(index))}/24`), index] as const;
    });
    const set = new NetworkSet(entries);
    for (let index = 0; index < 100_000; index += 97) {
      const found = set.get(ipv4Client(word(index) | 7)) ?? -1;
      expect(word(found)).toBe(word(index));
    }
  });
});
