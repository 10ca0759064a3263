import { expect, test } from "bun:test";
import { hashText, mix } from "./hash.ts";

test("it is MurmurHash3, of the text's UTF-8 bytes", () => {
  const vectors: [string, number][] = [
    ["", 0],
    ["\0", 0x514e_28b7],
    ["\0\0", 0x30f4_c306],
    ["\0\0\0", 0x85f0_b427],
    ["\0\0\0\0", 0x2362_f9de],
    ["test", 0xba6b_d213],
    ["Hello, world!", 0xc036_3e43],
    ["The quick brown fox jumps over the lazy dog", 0x2e4f_f723],
    ["aaaa", 0x7eee_d987],
    ["ππππππππ", 0xec72_b6e8],
  ];
  for (const [text, hash] of vectors) expect(hashText(text)).toBe(hash);
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

test("one bit of a number changes each bit of the result in half of all cases", () => {
  const samples = 4_000;
  for (let input = 0; input < 32; input++) {
    const flips = new Uint32Array(32);
    for (let sample = 0; sample < samples; sample++) {
      const value = 0x0a00_0000 + sample * 1_021;
      const difference = mix(value) ^ mix(value ^ (1 << input));
      for (let bit = 0; bit < 32; bit++)
        flips[bit] = (flips[bit] ?? 0) + ((difference >>> bit) & 1);
    }
    // A fair coin's standard deviation is √(samples)/2 = 32 flips; six of them are never exceeded.
    for (const count of flips) expect(Math.abs(count - samples / 2)).toBeLessThan(190);
  }
});
