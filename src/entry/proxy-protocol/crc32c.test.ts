import { expect, test } from "bun:test";
import fc from "fast-check";
import { crc32c } from "./crc32c.ts";

const ascending = Uint8Array.from({ length: 32 }, (_, index) => index);

// All but the first two are the examples of RFC 3720, appendix B.4.
test.each<[string, Uint8Array, number]>([
  ["nothing", new Uint8Array(0), 0],
  ["123456789", new TextEncoder().encode("123456789"), 0xe306_9283],
  ["32 zeros", new Uint8Array(32), 0x8a91_36aa],
  ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8_ab43],
  ["0 to 31", ascending, 0x46dd_794e],
  ["31 to 0", ascending.toReversed(), 0x113f_db5c],
])("of %s", (_, bytes, crc) => {
  expect(crc32c(bytes)).toBe(crc);
});

test("of two parts is that of the whole", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (first, second) => {
      expect(crc32c(second, crc32c(first))).toBe(crc32c(Buffer.concat([first, second])));
    }),
  );
});
