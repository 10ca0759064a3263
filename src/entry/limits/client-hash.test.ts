import { expect, test } from "bun:test";
import { UNIX_CLIENT } from "../access/client-address.ts";
import { clientAt } from "../access/test-addresses.ts";
import { ClientHash, type ClientPrefixes, HalfSipHash, prefixesOf } from "./client-hash.ts";

/** The first of `vectors_hsip64`: key 00 01 … 07, messages 00 01 … of 0, 1, … bytes. */
const vectors = [
  "218d1f59b9b83cc8 be552412f8387315 064f39ef7c50eb57 ce0f1a45f7060679 d5e78a175be52ea1",
  "cb9d7c3f2f3db580 ce3e91358aa2bc25 ff202728b07bc684 edfee820bce4858c 5b51cccc13888307",
  "95b0469f06a6f2ee ae26333994ddcd48 7bc71f9faef5c799 5a2352d75a0c3744 3bb1a870eae8e658",
  "217d0bcb4e81c902 7336aad25f7bf3b5 37adc0641c4c4f6a c9b2db2b9a3e42f9 f910e48020ab363c",
]
  .join(" ")
  .split(" ");

test("HalfSipHash is that of its authors", () => {
  const hash = new HalfSipHash(0x03020100, 0x07060504);
  const message = Buffer.from(Uint8Array.from(vectors, (_, index) => index));
  const bytes = Buffer.alloc(8);
  for (const [length, vector] of vectors.entries()) {
    const whole = length - (length % 4);
    hash.begin();
    for (let at = 0; at < whole; at += 4) hash.add(message.readInt32LE(at));
    hash.end(length === whole ? 0 : message.readUIntLE(whole, length - whole), length);
    bytes.writeInt32LE(hash.first, 0);
    bytes.writeInt32LE(hash.second, 4);
    expect(bytes.toString("hex")).toBe(vector);
  }
});

/** Which client an address counts as. */
function identity(host: string, prefixes: ClientPrefixes = {}): string {
  const hash = new ClientHash(1, 2, prefixesOf(prefixes), 1_000);
  expect(hash.read(clientAt(host))).toBe(true);
  return `${hash.set}/${hash.fingerprint}`;
}

test.each<[string, string, ClientPrefixes, boolean]>([
  ["10.0.0.1", "10.0.0.2", {}, false],
  ["10.0.0.1", "::ffff:10.0.0.1", {}, true],
  ["10.0.0.1", "::10.0.0.1", {}, false],
  ["10.0.0.1", "10.0.0.2", { ipv4Prefix: 24 }, true],
  ["10.0.0.1", "10.0.1.1", { ipv4Prefix: 24 }, false],
  ["10.0.0.1", "200.0.0.1", { ipv4Prefix: 0 }, true],
  ["2001:db8::1", "2001:db8::2", {}, true],
  ["2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", {}, true],
  ["2001:db8::1", "2001:db8:0:1::1", {}, false],
  ["2001:db8::1", "2001:db8:0:1::1", { ipv6Prefix: 63 }, true],
  ["2001:db8::1", "2001:db8::2", { ipv6Prefix: 128 }, false],
  ["2001:db8::1", "2001:db8::2", { ipv6Prefix: 126 }, true],
  ["2001:db8::1", "2001:db8:ffff::1", { ipv6Prefix: 32 }, true],
  ["2001:db8::1", "32.1.13.184", { ipv6Prefix: 32 }, false],
  ["::1", "ffff::1", { ipv6Prefix: 0 }, true],
  ["::1", "0.0.0.0", { ipv6Prefix: 0, ipv4Prefix: 0 }, false],
])("%s and %s with %j are the same: %p", (one, other, prefixes, same) => {
  expect(identity(one, prefixes) === identity(other, prefixes)).toBe(same);
});

test("the port does not matter", () => {
  const hash = new ClientHash(1, 2, prefixesOf({}), 1_000);
  hash.read(clientAt("10.0.0.1", 1));
  const { set, fingerprint } = hash;
  hash.read(clientAt("10.0.0.1", 2));
  expect([hash.set, hash.fingerprint]).toEqual([set, fingerprint]);
});

test("a client without an IP address has no place", () => {
  const hash = new ClientHash(1, 2, prefixesOf({}), 1_000);
  expect(hash.read(UNIX_CLIENT)).toBe(false);
});

test("clients spread over all sets, otherwise for another key", () => {
  const sets = 50;
  const setsFor = (key: number) => {
    const hash = new ClientHash(key, 2, prefixesOf({}), sets);
    return Array.from({ length: 5_000 }, (_, index) => {
      hash.read(clientAt(`10.0.${index >> 8}.${index & 255}`));
      return hash.set;
    });
  };
  const one = setsFor(1);
  for (let set = 0; set < sets; set++) {
    // 100 each: five standard deviations are 50.
    const clients = one.filter((other) => other === set).length;
    expect(clients).toBeWithin(50, 151);
  }
  const other = setsFor(3);
  // By chance one in 50 stays.
  expect(one.filter((set, index) => set === other[index]).length).toBeLessThan(200);
});

test("prefixes that there are not", () => {
  for (const ipv4Prefix of [-1, 33, 1.5])
    expect(() => prefixesOf({ ipv4Prefix })).toThrow("0 to 32");
  expect(() => prefixesOf({ ipv6Prefix: 129 })).toThrow("0 to 128");
});
