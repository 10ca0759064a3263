import { expect, test } from "bun:test";
import { ConfigError } from "../base/error.ts";
import { dnsAllow, isAllowed } from "./dns-allow.ts";

test("networks with ports and without, apart by commas or in a list", () => {
  const networks = dnsAllow(
    "10.0.0.0/8:6379-6381, 192.0.2.1:5432,[fd00::/8]:7, [fd01::1],2001:db8::/32",
  );
  expect(networks.map(({ ports }) => ports)).toEqual([
    [6379, 6381],
    [5432, 5432],
    [7, 7],
    null,
    null,
  ]);
  expect(isAllowed(networks, "10.1.2.3", 6380)).toBe(true);
  expect(isAllowed(networks, "::ffff:10.1.2.3", 6380)).toBe(true);
  expect(isAllowed(networks, "10.1.2.3", 6382)).toBe(false);
  // The port is none of DNS's doing.
  expect(isAllowed(networks, "10.1.2.3", null)).toBe(true);
  expect(isAllowed(networks, "11.1.2.3", 6380)).toBe(false);
  expect(isAllowed(networks, "192.0.2.2", 5432)).toBe(false);
  expect(isAllowed(networks, "fd00::1", 7)).toBe(true);
  expect(isAllowed(networks, "fd00::1", 8)).toBe(false);
  expect(isAllowed(networks, "fd01::1", 8)).toBe(true);
  expect(isAllowed(networks, "2001:db8::1", 8)).toBe(true);
  expect(isAllowed(networks, "2001:db9::1", 8)).toBe(false);
  // A member whose host is a name: its address is looked at when it has one.
  expect(isAllowed(dnsAllow(["10.0.0.0/8:1-7"]), null, 7)).toBe(true);
  expect(isAllowed(dnsAllow(["10.0.0.0/8:1-7"]), null, 8)).toBe(false);
  expect(dnsAllow("any")).toEqual([]);
});

test.each([
  "",
  "a.test",
  "10.0.0.0/8:0",
  "10.0.0.0/8:7-6",
  "10.0.0.0/8:65536",
  "10.0.0.0/8:",
  "[10.0.0.0/8",
  "any, 10.0.0.0/8",
  "10.0.0.1/8",
  "fe80::1%eth0",
  true,
  { list: [] },
  { list: [7] },
])("%j is refused", (value) => {
  const given = typeof value === "object" ? value.list : value;
  expect(() => dnsAllow(given)).toThrow(ConfigError);
});
