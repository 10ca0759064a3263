import {
  extension,
  type HelloParts,
  helloMessage,
  inRecords,
  protocols,
  serverName,
} from "../fixtures/hellos.ts";
import type { Random } from "../fixtures/random.ts";

// What strangers may send where a ClientHello is to come.

const names = ["a.test", "b.test", "x.b.test", "nobody.test", "A.TEST.", "", "a\0test", "ü.test"];
const offers = ["h2", "http/1.1", "", "acme-tls/1", "\u0000"];
const recordSizes = [1, 2, 5, 40, 100, 16_384, 16_384, 16_384];

/** A hello that may be right, or have anything in it that hellos have. */
function someParts(random: Random): HelloParts {
  const pick = <T>(all: readonly T[]) => all[Math.floor(random() * all.length)] as T;
  const extra = [
    extension(0x0a0a),
    extension(0xfe0d, new Uint8Array(Math.floor(random() * 300)).fill(1)),
    extension(51, new Uint8Array(Math.floor(random() * 1_400))),
    serverName(pick(names)),
    protocols([pick(offers), pick(offers)]),
    extension(
      0,
      new Uint8Array(Math.floor(random() * 12)).map(() => random() * 256),
    ),
    extension(21, new Uint8Array(Math.floor(random() * 20_000))),
  ];
  return {
    name: random() < 0.2 ? null : pick(names),
    alpn: random() < 0.5 ? [] : [pick(offers)],
    versions: random() < 0.3 ? null : [0x0304, 0x0303],
    extensions: extra.filter(() => random() < 0.2),
    isBare: random() < 0.03,
  };
}

/** The first bytes of a stranger: hellos, most of them broken somewhere. */
export function strangeHello(random: Random): Uint8Array {
  const size = recordSizes[Math.floor(random() * recordSizes.length)] as number;
  const stream = inRecords(helloMessage(someParts(random)), size);
  const kind = random();
  if (kind < 0.3) return stream;
  if (kind < 0.4) return stream.subarray(0, Math.floor(random() * stream.length));
  if (kind < 0.45) return stream.map(() => random() * 256);
  // Mostly where sizes and types are.
  const places = Math.min(stream.length, random() < 0.7 ? 120 : stream.length);
  for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) {
    stream[Math.floor(random() * places)] = Math.floor(random() * 256);
  }
  return stream;
}

/** The same in pieces. */
export function inPieces(bytes: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const most = random() < 0.1 ? 1 : 1 + Math.floor(random() * bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(random() * most);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
