import { describe, expect, test } from "bun:test";
import { PostgresStart } from "./postgres-start.ts";

const TLS = Buffer.from("0000000804d2162f", "hex");
const GSS = Buffer.from("0000000804d21630", "hex");
const CANCEL = Buffer.from("0000001004d2162e0000000100000002", "hex");
const STARTUP = Buffer.from("0000000900030000\0", "latin1");
const HELLO = Buffer.from("1603010200", "hex");

/** What comes of these bytes in pieces: all replies, the last answer, and how many were fed. */
function fed(endsTls: boolean, bytes: Uint8Array, size = bytes.length) {
  const step = new PostgresStart(endsTls);
  let replies = "";
  for (let at = 0; at < bytes.length; at += size) {
    const answer = step.feed(bytes.subarray(at, at + size));
    replies += Buffer.from(answer.reply ?? []).toString("latin1");
    if (answer.is !== "more") return { ...answer, replies };
  }
  return { is: "more", replies } as const;
}

describe.each([1, 3, 8, 64])("in pieces of %i bytes", (size) => {
  test("a request for TLS gets S where it ends here, and leaves what follows", () => {
    const answer = fed(true, Buffer.concat([TLS, HELLO]), size);
    expect(answer).toMatchObject({ is: "done", consumed: 8, replies: "S", learned: {} });
  });

  test("else N, and the session goes on", () => {
    const answer = fed(false, Buffer.concat([TLS, STARTUP]), size);
    expect(answer).toMatchObject({ is: "done", consumed: 8, replies: "N" });
  });

  test("GSS is declined, whatever comes then", () => {
    for (const endsTls of [true, false]) {
      const both = fed(endsTls, Buffer.concat([GSS, TLS, STARTUP]), size);
      expect(both).toMatchObject({ is: "done", consumed: 16, replies: endsTls ? "NS" : "NN" });
    }
  });

  test("a request to cancel is passed on, in plain", () => {
    const answer = fed(true, CANCEL, size);
    expect(answer).toMatchObject({ is: "done", consumed: 0, learned: { staysPlain: true } });
  });

  test("TLS at once is left as it is", () => {
    expect(fed(true, HELLO, size)).toMatchObject({ is: "done", consumed: 0, replies: "" });
  });

  test("a session in plain is refused where TLS ends, as Postgres would", () => {
    const answer = fed(true, Buffer.from("0000000900030000", "hex"), size);
    expect(answer).toMatchObject({ is: "refused", reason: "tls_plain_text" });
    expect(answer.replies).toMatch(/^E.{4}SFATAL\0VFATAL\0C28000\0M[ -~]+\0\0$/s);
    expect(Buffer.from(answer.replies, "latin1").readInt32BE(1)).toBe(answer.replies.length - 1);
  });
});

test("who asks on and on is not answered for ever", () => {
  const step = new PostgresStart(false);
  const many = Buffer.concat(Array.from({ length: 100 }, () => GSS));
  const answer = step.feed(many.subarray(0, step.most));
  expect(answer).toMatchObject({ is: "more", consumed: step.most });
  expect(new PostgresStart(false).feed(many)).toEqual({
    is: "refused",
    reason: "preamble_invalid",
  });
});

test("who says no more is refused where TLS ends, and else left to the upstream", () => {
  expect(new PostgresStart(true).giveUp("preamble_timeout")).toEqual({
    is: "refused",
    reason: "tls_handshake_timeout",
  });
  expect(new PostgresStart(true).giveUp("preamble_invalid")).toMatchObject({
    reason: "tls_handshake_failed",
  });
  expect(new PostgresStart(false).giveUp("preamble_timeout")).toMatchObject({ is: "done" });
});
