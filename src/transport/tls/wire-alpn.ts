/** Protocols in the form of RFC 7301: Bun 1.4 misreads a text with commas. */
export function wireAlpn(protocols: readonly string[]): Buffer {
  return Buffer.concat(
    protocols.map((one) => Buffer.concat([Uint8Array.of(one.length), Buffer.from(one, "latin1")])),
  );
}
