/** A command as Redis clients send it. */
function encodeCommand(...words: readonly (string | Uint8Array)[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = Buffer.from(word);
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n"));
  }
  return Buffer.concat(parts);
}

/** The answer that carries a value. */
function encodeBulk(value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from("\r\n")]);
}

/** Bytes that look the same at no two places near each other, so that a shift is noticed. */
export function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = 0x2545f491;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** The key under which the value of `size` bytes is kept. */
function keyFor(size: number): string {
  return `bench:${size}`;
}

/** A request and the one answer that is right. */
export interface Exchange {
  readonly request: Buffer;
  readonly answer: Buffer;
}

/** The exchange of each kind, `pipeline` of them in one piece. */
export function exchange(
  kind: "ping" | "set" | "get",
  valueBytes: number,
  pipeline: number,
): Exchange {
  const one = single(kind, valueBytes);
  const repeat = (bytes: Buffer) => Buffer.concat(Array.from({ length: pipeline }, () => bytes));
  return { request: repeat(one.request), answer: repeat(one.answer) };
}

function single(kind: "ping" | "set" | "get", valueBytes: number): Exchange {
  const key = keyFor(valueBytes);
  switch (kind) {
    case "ping":
      return { request: encodeCommand("PING"), answer: Buffer.from("+PONG\r\n") };
    case "set":
      return {
        request: encodeCommand("SET", key, pattern(valueBytes)),
        answer: Buffer.from("+OK\r\n"),
      };
    case "get":
      return { request: encodeCommand("GET", key), answer: encodeBulk(pattern(valueBytes)) };
  }
}
