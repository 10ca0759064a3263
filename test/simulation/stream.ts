import type { Pattern } from "../fixtures/pattern.ts";

/** What a far end writes: what it begins with, then its pattern. */
interface Source {
  readonly begins: Uint8Array;
  readonly pattern: Pattern;
}

/** The bytes from `at` on: at least one, at most `max`. */
export function streamView({ begins, pattern }: Source, at: number, max: number): Uint8Array {
  if (at < begins.length) return begins.subarray(at, at + max);
  return pattern.view(at - begins.length, max);
}

/** Whether these are the stream's bytes from `at` on. */
export function isOfStream(source: Source, at: number, bytes: Uint8Array): boolean {
  for (let from = 0; from < bytes.length; ) {
    const expected = streamView(source, at + from, bytes.length - from);
    const actual = bytes.subarray(from, from + expected.length);
    if (Buffer.compare(actual, expected) !== 0) return false;
    from += expected.length;
  }
  return true;
}
