import { expect, test } from "bun:test";
import fc from "fast-check";
import { orderAddresses } from "./happy-eyeballs.ts";
import type { HostAddress } from "./resolver.ts";

function all(...hosts: string[]): HostAddress[] {
  return hosts.map((host) => ({ host, family: host.includes(":") ? 6 : 4 }));
}

function order(addresses: readonly HostAddress[], turn = 0): string[] {
  return orderAddresses(addresses, turn).map(({ host }) => host);
}

const mixed = all("::1", "1.0.0.1", "1.0.0.2", "1.0.0.3", "::2");

test("the families in turn, that of the first one first", () => {
  expect(order(mixed)).toEqual(["::1", "1.0.0.1", "::2", "1.0.0.2", "1.0.0.3"]);
  expect(order(mixed.slice(1))).toEqual(["1.0.0.1", "::2", "1.0.0.2", "1.0.0.3"]);
  expect(order([])).toEqual([]);
});

test("each family is rotated", () => {
  expect(order(mixed, 1)).toEqual(["::2", "1.0.0.2", "::1", "1.0.0.3", "1.0.0.1"]);
  expect(order(mixed, 6)).toEqual(order(mixed));
});

test("every address once, each family in its order but for the rotation, and no two of one without need", () => {
  const one = fc.constantFrom<4 | 6>(4, 6);
  fc.assert(
    fc.property(fc.array(one, { maxLength: 12 }), fc.nat(20), (families, turn) => {
      const given = families.map((family, index) => ({ host: String(index), family }));
      const ordered = orderAddresses(given, turn);
      expect(ordered.toSorted((a, b) => Number(a.host) - Number(b.host))).toEqual(given);
      expect(ordered[0]?.family).toBe(families[0] as 4 | 6);
      const count = (family: 4 | 6) => families.filter((each) => each === family).length;
      const pairs = 2 * Math.min(count(4), count(6));
      for (let index = 1; index < pairs; index++) {
        expect(ordered[index]?.family).not.toBe(ordered[index - 1]?.family);
      }
      for (const family of [4, 6] as const) {
        const hosts = ordered.filter((each) => each.family === family).map(({ host }) => host);
        const before = given.filter((each) => each.family === family).map(({ host }) => host);
        const at = before.indexOf(hosts[0] ?? "");
        expect(hosts).toEqual([...before.slice(at), ...before.slice(0, at)].slice(0, hosts.length));
      }
    }),
  );
});
