import { expect, test } from "bun:test";
import fc from "fast-check";
import { UNIX_CLIENT } from "./client-address.ts";
import { type Network, parseNetwork } from "./networks.ts";
import { AccessList, type AccessRules } from "./rules.ts";
import { clientAt, dotted, ipv4Client } from "./test-addresses.ts";

function rulesOf(allow: readonly string[], deny: readonly string[]): AccessRules {
  return { allow: allow.map(parseNetwork), deny: deny.map(parseNetwork) };
}

test.each<[string[], string[], string, boolean]>([
  [[], [], "1.2.3.4", true],
  [[], [], "::1", true],
  [[], ["10.0.0.0/8"], "10.1.1.1", false],
  [[], ["10.0.0.0/8"], "::ffff:10.1.1.1", false],
  [[], ["::ffff:10.0.0.0/104"], "10.1.1.1", false],
  [[], ["10.0.0.0/8"], "11.1.1.1", true],
  [[], ["10.0.0.0/8"], "::1", true],
  [["10.0.0.0/8"], [], "10.1.1.1", true],
  [["10.0.0.0/8"], [], "11.1.1.1", false],
  [["10.0.0.0/8"], [], "::1", false],
  [["10.0.0.0/8"], ["10.1.0.0/16"], "10.1.1.1", false],
  [["10.0.0.0/8"], ["10.1.0.0/16"], "10.2.1.1", true],
  [["10.1.0.0/16"], ["10.0.0.0/8"], "10.1.1.1", true],
  [["10.1.0.0/16"], ["10.0.0.0/8"], "10.2.1.1", false],
  [["10.1.0.0/16"], ["10.0.0.0/8"], "11.1.1.1", false],
  [["10.0.0.0/8"], ["10.0.0.0/8"], "10.1.1.1", false],
  [["0.0.0.0/0"], ["0.0.0.0/0"], "10.1.1.1", false],
  [["2001:db8::/32"], ["2001:db8:1::/48"], "2001:db8:1::1", false],
  [["2001:db8::/32"], ["2001:db8:1::/48"], "2001:db8:2::1", true],
  [["::/0"], [], "1.2.3.4", false],
])("allow %j, deny %j: %s may: %p", (allow, deny, host, expected) => {
  expect(new AccessList(rulesOf(allow, deny)).allows(clientAt(host))).toBe(expected);
});

test("unix clients always may", () => {
  const lists = [
    rulesOf([], []),
    rulesOf(["10.0.0.0/8"], []),
    rulesOf([], ["10.0.0.0/8"]),
    rulesOf([], ["0.0.0.0/0", "::/0"]),
  ].map((rules) => new AccessList(rules));
  for (const list of lists) expect(list.allows(UNIX_CLIENT)).toBe(true);
});

test("is what a look at each rule says", () => {
  const network = fc
    .tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 }), fc.nat({ max: 32 }))
    .map(([first, last, prefix]): Network => {
      const mask = prefix === 0 ? 0 : -1 << (32 - prefix);
      const word = (((first << 30) | last) & mask) >>> 0;
      return { family: 4, words: [word], prefix };
    });
  const networks = fc.array(network, { maxLength: 8 });
  const holds = (one: Network, word: number) => {
    const size = 2 ** (32 - one.prefix);
    return word >= (one.words[0] ?? 0) && word < (one.words[0] ?? 0) + size;
  };
  fc.assert(
    fc.property(networks, networks, (allow, deny) => {
      const list = new AccessList({ allow, deny });
      for (const first of [0, 1, 2, 3]) {
        for (const last of [0, 1, 2, 3, 255]) {
          const word = ((first << 30) | last) >>> 0;
          const longest = (all: Network[]) =>
            Math.max(-1, ...all.filter((one) => holds(one, word)).map(({ prefix }) => prefix));
          const [allowed, denied] = [longest(allow), longest(deny)];
          const expected =
            allowed === denied ? denied === -1 && allow.length === 0 : allowed > denied;
          expect([dotted(word), list.allows(ipv4Client(word))]).toEqual([dotted(word), expected]);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("another thread takes a list over as it is", () => {
  const { tables } = new AccessList(rulesOf(["10.0.0.0/8"], ["10.1.0.0/16"]));
  const other = new AccessList(tables);
  expect(other.allows(clientAt("10.2.1.1"))).toBe(true);
  expect(other.allows(clientAt("10.1.1.1"))).toBe(false);
  expect(other.allows(clientAt("11.1.1.1"))).toBe(false);
});
