import { expect, test } from "bun:test";
import fc from "fast-check";
import { hashBytes, hashText, mix } from "./hash.ts";

test("it is MurmurHash3: the published vectors", () => {
  const vectors: [string, number, number][] = [
    ["", 0, 0],
    ["", 1, 0x514e_28b7],
    ["", 0xffff_ffff, 0x81f1_6f39],
    ["ffffffff", 0, 0x7629_3b50],
    ["21436587", 0, 0xf55b_516b],
    ["21436587", 0x5082_edee, 0x2362_f9de],
    ["214365", 0, 0x7e4a_8634],
    ["2143", 0, 0xa0f7_b07a],
    ["21", 0, 0x7266_1cf4],
    ["00000000", 0, 0x2362_f9de],
    ["000000", 0, 0x85f0_b427],
    ["0000", 0, 0x30f4_c306],
    ["00", 0, 0x514e_28b7],
  ];
  for (const [hex, seed, hash] of vectors) {
    expect(hashBytes(Buffer.from(hex, "hex"), seed)).toBe(hash);
  }
  expect(hashText("Hello, world!", 0x9747_b28c)).toBe(0x2488_4cba);
  expect(hashText("ππππππππ", 0x9747_b28c)).toBe(0xd580_63c1);
  expect(hashText("a".repeat(256), 0x9747_b28c)).toBe(0x3740_5bdc);
  expect(hashText("The quick brown fox jumps over the lazy dog", 0x9747_b28c)).toBe(0x2fa8_26cd);
});

test("a text hashes as its UTF-8 bytes do, wherever they lie in memory", () => {
  const texts = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }));
  fc.assert(
    fc.property(texts, fc.nat(0xffff_ffff), fc.nat(7), (text, seed, offset) => {
      const bytes = Buffer.from(" ".repeat(offset) + text).subarray(offset);
      expect(hashText(text, seed)).toBe(hashBytes(bytes, seed));
    }),
  );
});

test("mix is the finaliser of MurmurHash3 and maps no two numbers to one", () => {
  // The hash of four zero bytes under a seed is mix() of a known state.
  expect(mix(0)).toBe(0);
  expect(mix(1)).toBe(0x514e_28b7);
  expect(mix(0xffff_ffff)).toBe(0x81f1_6f39);
  expect(mix(-1)).toBe(0x81f1_6f39);
  const seen = new Set<number>();
  for (let value = 0; value < 100_000; value++) seen.add(mix(value));
  expect(seen.size).toBe(100_000);
});

test("one bit of an address, or of a number to mix, changes each bit of the result in half of all cases", () => {
  const samples = 4_000;
  const address = new Uint8Array(4);
  const view = new DataView(address.buffer);
  const hashes = [
    mix,
    (value: number) => {
      view.setUint32(0, value);
      return hashBytes(address, 7);
    },
  ];
  for (const hash of hashes) {
    for (let input = 0; input < 32; input++) {
      const flips = new Uint32Array(32);
      for (let sample = 0; sample < samples; sample++) {
        const value = 0x0a00_0000 + sample * 1_021;
        const difference = hash(value) ^ hash(value ^ (1 << input));
        for (let bit = 0; bit < 32; bit++)
          flips[bit] = (flips[bit] ?? 0) + ((difference >>> bit) & 1);
      }
      // A fair coin's standard deviation is √(samples)/2 = 32 flips; six of them are never exceeded.
      for (const count of flips) expect(Math.abs(count - samples / 2)).toBeLessThan(190);
    }
  }
});
