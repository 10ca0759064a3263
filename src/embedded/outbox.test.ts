import { expect, test } from "bun:test";
import fc from "fast-check";
import { Outbox } from "./outbox.ts";

/** An outbox over a kernel that takes as many bytes per write as `rooms` says, then nothing. */
function start(rooms: number[]) {
  const taken: Buffer[] = [];
  const write = (bytes: Uint8Array) => {
    const room = rooms.shift() ?? 0;
    if (room < 0) return -1;
    taken.push(Buffer.from(bytes.subarray(0, room)));
    return Math.min(room, bytes.length);
  };
  return { outbox: new Outbox({ write }), text: () => Buffer.concat(taken).toString() };
}

test("bytes leave once and in order, whatever the kernel takes", () => {
  const words = fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,9}$/), fc.boolean()));
  const rooms = fc.array(fc.nat(8), { maxLength: 60 });
  fc.assert(
    fc.property(words, rooms, (sent, taken) => {
      const { outbox, text } = start([...taken, ...Array.from({ length: 200 }, () => 100)]);
      const scratch = Buffer.alloc(9);
      for (const [word, stable] of sent) {
        // An unstable buffer is written to again at once, as the encoder's is.
        const bytes = stable ? Buffer.from(word) : scratch.subarray(0, scratch.write(word));
        outbox.send(bytes, stable);
        scratch.fill("#");
      }
      for (let i = 0; i < 200 && !outbox.isEmpty; i++) outbox.flush();
      expect(outbox.isEmpty).toBe(true);
      expect(text()).toBe(sent.map(([word]) => word).join(""));
    }),
  );
});

test("a stable piece waits as a view, an unstable one as a copy of what is left", () => {
  const value = Buffer.alloc(1000, "v");
  const { outbox, text } = start([400, 600, 3]);
  outbox.send(value, true);
  expect(outbox.isEmpty).toBe(false);
  value.fill("w", 400);
  outbox.flush();
  expect(text()).toBe("v".repeat(400) + "w".repeat(600));
  expect(outbox.isEmpty).toBe(true);
});

test("a socket that turns out to be closed drops what waits", () => {
  const { outbox, text } = start([2, -1, 5]);
  outbox.send(Buffer.from("abcd"), false);
  outbox.flush();
  expect(outbox.isEmpty).toBe(true);
  outbox.send(Buffer.from("more"), false);
  expect([outbox.isEmpty, text()]).toEqual([true, "ab"]);
});
