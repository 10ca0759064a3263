import { describe, expect, test } from "bun:test";
import { isIP } from "node:net";
import fc from "fast-check";
import { formatIPv6, ipKind, isIPv6, parseIPv4, parseIPv6 } from "./ip.ts";

const examples = [
  ...["", "0.0.0.0", "255.255.255.255", "256.1.1.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "0x1.2.3.4"],
  ...["1.2.3.4 ", "1.2.3.4\n", "::", "::1", "1::", ":::", "::1::", "1::2::3", "::g", "12345::"],
  ...["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::2:3:4:5:6:7:8", "1:2:3:4:5:6:7"],
  ...["1:2:3:4:5:6:7:8:9", "::1.2.3.4", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "::1.2.3.256"],
  ...["1:2:3:4:5:6:7:1.2.3.4", "1.2.3.4::", "1.2.3.4::1", "::1.2.3.4:5", "::01.2.3.4", "::1\n"],
  ...["fe80::1%eth0", "fe80::1%", "%eth0", "::%1.2", "::1%a%b", "::1%a b", "::1]", "[::1]", " ::1"],
];

describe("ipKind", () => {
  test.each(examples)("%j is what node:net takes it for", (text) => {
    expect(ipKind(text)).toBe(isIP(text) as 0 | 4 | 6);
    expect(isIPv6(text)).toBe(isIP(text) === 6);
  });

  test("any address, and nearly one, is what node:net takes it for", () => {
    const part = fc.constantFrom(
      ":",
      "::",
      ".",
      "0",
      "1",
      "ff",
      "255",
      "abcd",
      "%",
      "g",
      "1.2.3.4",
    );
    const nearly = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), nearly, fc.string()), (text) => {
        expect(ipKind(text)).toBe(isIP(text) as 0 | 4 | 6);
      }),
      { numRuns: 2_000 },
    );
  });
});

test("the numbers of an address", () => {
  expect(parseIPv4("1.2.3.255")).toEqual([1, 2, 3, 255]);
  expect(parseIPv4("1.2.3")).toBeNull();
  expect(parseIPv6("::ABCD:1.2.3.255")).toEqual([0, 0, 0, 0, 0, 0xabcd, 0x102, 0x3ff]);
  expect(parseIPv6("::1%eth0")).toBeNull();
});

test("formatIPv6 writes it as URL does", () => {
  const group = fc.oneof(fc.constant(0), fc.nat({ max: 0xffff }));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const text = groups.map((value) => value.toString(16)).join(":");
      expect(`[${formatIPv6(groups)}]`).toBe(new URL(`http://[${text}]`).hostname);
      expect(parseIPv6(formatIPv6(groups))).toEqual(groups);
    }),
  );
});
