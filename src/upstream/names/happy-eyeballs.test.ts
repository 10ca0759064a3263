import { expect, test } from "bun:test";
import fc from "fast-check";
import { attemptTimes, orderAddresses } from "./happy-eyeballs.ts";
import type { HostAddress } from "./resolver.ts";

function all(...hosts: string[]): HostAddress[] {
  return hosts.map((host) => ({ host, family: host.includes(":") ? 6 : 4 }));
}

function order(...parameters: Parameters<typeof orderAddresses>): string[] {
  return orderAddresses(...parameters).map(({ host }) => host);
}

const mixed = all("1.0.0.1", "1.0.0.2", "1.0.0.3", "::1", "::2");

test("the families in turn, IPv6 first", () => {
  expect(order(mixed)).toEqual(["::1", "1.0.0.1", "::2", "1.0.0.2", "1.0.0.3"]);
});

test("IPv4 first, or the family of the first one", () => {
  expect(order(mixed, "ipv4")).toEqual(["1.0.0.1", "::1", "1.0.0.2", "::2", "1.0.0.3"]);
  expect(order(mixed, "given")).toEqual(order(mixed, "ipv4"));
  expect(order(mixed.toReversed(), "given")[0]).toBe("::2");
});

test("each family is rotated", () => {
  expect(order(mixed, "ipv6", 1)).toEqual(["::2", "1.0.0.2", "::1", "1.0.0.3", "1.0.0.1"]);
  expect(order(mixed, "ipv6", 6)).toEqual(order(mixed));
});

test("every address once, each family in its order but for the rotation, and no two of one without need", () => {
  const one = fc.constantFrom<4 | 6>(4, 6);
  const prefer = fc.constantFrom("ipv6" as const, "ipv4" as const, "given" as const);
  fc.assert(
    fc.property(fc.array(one, { maxLength: 12 }), prefer, fc.nat(20), (families, wish, turn) => {
      const given = families.map((family, index) => ({ host: String(index), family }));
      const ordered = orderAddresses(given, wish, turn);
      expect(ordered.toSorted((a, b) => Number(a.host) - Number(b.host))).toEqual(given);
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

test("attempts begin a delay apart, within its bounds", () => {
  expect(attemptTimes(3)).toEqual([0, 250, 500]);
  expect(attemptTimes(2, 1)).toEqual([0, 10]);
  expect(attemptTimes(2, 1e9)).toEqual([0, 2_000]);
  expect(attemptTimes(0)).toEqual([]);
});
