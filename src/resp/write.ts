/** Texts here are bytes as Latin-1. */

/** A request, or a reply that is an array of strings. */
export function writeArray(texts: readonly string[]): Uint8Array {
  const parts = texts.map((text) => `$${text.length}\r\n${text}\r\n`);
  return latin1(`*${texts.length}\r\n${parts.join("")}`);
}

/** A reply of one line: `OK`. */
export function writeSimple(text: string): Uint8Array {
  return latin1(`+${text}\r\n`);
}

/** An error: `ERR no such key`. A line end in the text would end the reply too early. */
export function writeError(text: string): Uint8Array {
  return latin1(`-${text.replaceAll(/[\r\n]/g, " ")}\r\n`);
}

export function writeInteger(value: number): Uint8Array {
  return latin1(`:${value}\r\n`);
}

/** A string of any bytes; null for none. */
export function writeBulk(text: string | null, protocol: 2 | 3): Uint8Array {
  if (text === null) return latin1(protocol === 3 ? "_\r\n" : "$-1\r\n");
  return latin1(`$${text.length}\r\n${text}\r\n`);
}

/** No bytes. */
export const NOTHING = new Uint8Array(0);

/** The bytes of a text of Latin-1. */
function latin1(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** Bytes as a text of Latin-1, from which {@link latin1} makes the same bytes. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
