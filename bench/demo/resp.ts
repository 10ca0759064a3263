/** What RESP answers to a SET that worked. */
export const OK: Uint8Array = Buffer.from("+OK\r\n");

/** A request as RESP carries it: an array of bulk strings. */
export function request(...words: readonly (string | Uint8Array)[]): Uint8Array {
  return Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...words.map(bulk)]);
}

/** Bytes as a bulk string, which is also how a GET is answered. */
export function bulk(value: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]);
}
