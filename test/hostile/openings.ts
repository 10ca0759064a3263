import type { Random } from "../fixtures/random.ts";

/** What a hostile client does with one connection. */
export interface HostileOpening {
  /** All that it sends: a header or something like it, and perhaps bytes behind. */
  readonly bytes: Uint8Array;
  /** Where what it sends is cut into writes, ascending. */
  readonly cuts: readonly number[];
  /** What it does then. `wait`: nothing, until it is let go. */
  readonly end: "reset" | "fin" | "wait";
}

/** That of a client as it should be: it asks and waits for the answer. */
export const friendlyOpening: HostileOpening = {
  bytes: Buffer.from("PROXY TCP4 198.51.100.7 192.0.2.1 4711 80\r\nPING\r\n"),
  cuts: [],
  end: "wait",
};

const SIGNATURE = Uint8Array.fromHex("0d0a0d0a000d0a515549540a");
const PATH_SIZE = 108;
const PING = Buffer.from("PING\r\n");

/** The version and command of version 2, right and wrong. */
const COMMANDS = [0x20, 0x21, 0x22, 0x2f, 0x11, 0x31, 0x00, 0xff] as const;
/** Address families and transports, right and wrong. */
const FAMILIES = [0x00, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32, 0x30, 0x01, 0x41, 0xff] as const;
/** Lines of version 1 in which something is missing, too much, or not what it says. */
const LINES = [
  "PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\r\n",
  "PROXY TCP6 2001:db8::7 2001:db8::1 4711 80\r\n",
  "PROXY TCP6 ::ffff:203.0.113.7 ::1 4711 80\r\n",
  "PROXY UNKNOWN\r\n",
  `PROXY UNKNOWN ${"f".repeat(80)}\r\n`,
  "PROXY UNIX /run/a /run/b\r\n",
  "PROXY TCP4 203.0.113.7 192.0.2.1 4711 99999\r\n",
  "PROXY TCP4 0x7f.1 127.1 1 2\r\n",
  "PROXY TCP4  203.0.113.7 192.0.2.1 4711 80\r\n",
  "PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\n",
  `PROXY TCP6 ${"1:".repeat(60)}\r\n`,
  "PROXY \u001b[2J\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "*1\r\n$4\r\nPING\r\n",
];

/** The next opening: every kind of header, whole or broken, cut and ended anywhere. */
export function hostileOpening(random: Random): HostileOpening {
  const header = random() < 0.4 ? line(random) : block(random);
  if (random() < 0.3) damage(header, random);
  const whole = random() < 0.5 ? header : Buffer.concat([header, PING]);
  const bytes = random() < 0.3 ? whole.subarray(0, below(random, whole.length + 1)) : whole;
  const cuts = Array.from({ length: below(random, 4) }, () => below(random, bytes.length + 1));
  const last = random();
  return {
    bytes,
    cuts: cuts.sort((a, b) => a - b),
    end: last < 0.6 ? "reset" : last < 0.998 ? "fin" : "wait",
  };
}

function line(random: Random): Uint8Array {
  return new Uint8Array(Buffer.from(oneOf(LINES, random), "latin1"));
}

function block(random: Random): Uint8Array {
  const address = anyBytes(random() < 0.3 ? 2 * PATH_SIZE : below(random, 64), random);
  // A path of all its bytes, with no zero at its end.
  if (random() < 0.5) for (const [at, byte] of address.entries()) address[at] = byte | 1;
  const tlvs = random() < 0.3 ? anyBytes(below(random, 600), random) : new Uint8Array(0);
  const length =
    random() < 0.8 ? address.length + tlvs.length : oneOf([0, 1, 11, 4_096, 65_535], random);
  const head = [
    oneOf(random() < 0.7 ? [0x20, 0x21] : COMMANDS, random),
    oneOf(FAMILIES, random),
    length >>> 8,
    length & 0xff,
  ];
  return new Uint8Array(Buffer.concat([SIGNATURE, Uint8Array.from(head), address, tlvs]));
}

function damage(bytes: Uint8Array, random: Random): void {
  for (let left = 1 + below(random, 3); left > 0; left--) {
    bytes[below(random, bytes.length)] = below(random, 256);
  }
}

function anyBytes(size: number, random: Random): Uint8Array {
  return Uint8Array.from({ length: size }, () => below(random, 256));
}

function oneOf<T>(all: readonly T[], random: Random): T {
  return all[below(random, all.length)] as T;
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}
