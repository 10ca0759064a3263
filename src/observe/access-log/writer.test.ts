import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { LineTarget } from "./target.ts";
import { LineWriter, type WriterObserver, type WriterOptions } from "./writer.ts";

/** A target that takes what a test lets it take. */
class FakeTarget implements LineTarget {
  readonly name = "fake";
  /** One text for each time that it was opened. */
  readonly files = [""];
  /** The answers to the next writes: bytes to take, or the code of a failure. */
  readonly script: (number | string)[] = [];
  reopenFailure: string | null = null;
  writes = 0;
  closed = false;
  /** Holds every write up while it is pending. */
  gate: Promise<void> = Promise.resolve();

  async write(bytes: Uint8Array): Promise<number> {
    this.writes++;
    await this.gate;
    const next = this.script.shift() ?? bytes.length;
    if (typeof next === "string") throw Object.assign(new Error(next), { code: next });
    const taken = Math.min(next, bytes.length);
    this.files[this.files.length - 1] += Buffer.from(bytes.subarray(0, taken)).toString();
    return taken;
  }
  async reopen(): Promise<void> {
    const { reopenFailure: code } = this;
    if (code !== null) throw Object.assign(new Error(code), { code });
    this.files.push("");
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}

const quick: WriterOptions = {
  queueBytesMax: 100,
  batchBytesMax: 40,
  gatherMs: 0,
  fullMs: 0,
  failedMs: 0,
};

function made(options: Partial<WriterOptions> = {}) {
  const told: string[] = [];
  const observer: WriterObserver = {
    stuck: (cause) => told.push(`stuck ${cause}`),
    goesOn: () => told.push("goes on"),
    notReopened: (cause) => told.push(`not reopened ${cause}`),
  };
  const target = new FakeTarget();
  const writer = new LineWriter(target, observer, { ...quick, ...options });
  return { told, target, writer };
}

/** Waits until it is so; everything here is over within some milliseconds. */
async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 5_000 && !condition(); turns++) await Bun.sleep(1);
  expect(condition()).toBe(true);
}

test("lines come in order, several in one write", async () => {
  const { target, writer, told } = made();
  for (let n = 0; n < 8; n++) writer.write(`line ${n}\n`);
  await until(() => writer.written === 8);
  expect(target.files[0]).toBe(Array.from({ length: 8 }, (_, n) => `line ${n}\n`).join(""));
  expect(target.writes).toBe(2);
  writer.write("later\n");
  await writer.close(1_000);
  expect(target.files[0]).toEndWith("line 7\nlater\n");
  expect([target.closed, writer.dropped, told]).toEqual([true, 0, []]);
});

test("a target that takes a little at a time gets whole lines", async () => {
  const { target, writer } = made();
  target.script.push(3, 0, 4, 0, 0, 1);
  writer.write("one\n");
  writer.write("two\n");
  writer.write("three\n");
  await writer.close(1_000);
  expect(target.files).toEqual(["one\ntwo\nthree\n"]);
  expect([writer.written, writer.dropped]).toEqual([3, 0]);
});

test("what finds no room is dropped, counted and told once, and so is that it goes on", async () => {
  const { target, writer, told } = made();
  const gate = Promise.withResolvers<void>();
  target.gate = gate.promise;
  for (let n = 0; n < 15; n++) writer.write(`line 000${n % 10}\n`);
  expect([writer.dropped, told]).toEqual([5, ["stuck it takes lines too slowly"]]);
  expect(writer.hasRoom).toBe(false);
  const room = writer.room();
  gate.resolve();
  await room;
  expect(writer.hasRoom).toBe(true);
  await until(() => writer.written === 10);
  expect(told).toEqual(["stuck it takes lines too slowly", "goes on"]);
  await writer.room();
});

test("a target that fails is tried again, and nothing of what waits is lost", async () => {
  const { target, writer, told } = made();
  target.script.push("ENOSPC", 2, "ENOSPC", "ENOSPC");
  writer.write("one\n");
  writer.write("two\n");
  await until(() => writer.written === 2);
  expect(target.files).toEqual(["one\ntwo\n"]);
  expect(told).toEqual(["stuck ENOSPC", "goes on"]);
});

describe("opened anew", () => {
  test("new lines go to the new file", async () => {
    const { target, writer } = made();
    writer.write("one\n");
    await until(() => writer.written === 1);
    writer.reopen();
    await until(() => target.files.length === 2);
    writer.write("two\n");
    await writer.close(1_000);
    expect(target.files).toEqual(["one\n", "two\n"]);
  });

  test("what is under way ends where it began", async () => {
    const { target, writer } = made();
    target.script.push(2);
    const gate = Promise.withResolvers<void>();
    target.gate = gate.promise;
    writer.write("one\n");
    await until(() => target.writes === 1);
    writer.reopen();
    writer.write("two\n");
    gate.resolve();
    await writer.close(1_000);
    expect(target.files).toEqual(["one\n", "two\n"]);
  });

  test("while the old one fails: the line that was cut there is whole in the new one", async () => {
    const { target, writer } = made({ failedMs: 60_000 });
    target.script.push(6, "ENOSPC");
    writer.write("one\n");
    writer.write("two\n");
    await until(() => target.writes === 2);
    writer.reopen();
    await until(() => writer.written === 2);
    expect(target.files).toEqual(["one\ntw", "two\n"]);
  });

  test("not while it is being closed", async () => {
    const { target, writer } = made();
    target.close = async () => {
      writer.reopen();
      await Bun.sleep(0);
    };
    await writer.close(1_000);
    expect(target.files).toEqual([""]);
  });

  test("when that fails it goes on as it was", async () => {
    const { target, writer, told } = made();
    target.reopenFailure = "EACCES";
    writer.reopen();
    writer.write("one\n");
    await writer.close(1_000);
    expect([target.files, told]).toEqual([["one\n"], ["not reopened EACCES"]]);
  });
});

describe("closed", () => {
  test("a target that never answers holds nobody up", async () => {
    const { target, writer } = made();
    target.gate = new Promise(() => {});
    for (let n = 0; n < 6; n++) writer.write(`line 000${n}\n`);
    await until(() => target.writes === 1);
    await writer.close(5);
    expect([writer.written, writer.dropped, target.closed]).toEqual([0, 6, false]);
    writer.write("late\n");
    expect(writer.dropped).toBe(7);
  });

  test("a target that is full gets its time, one that fails does not", async () => {
    const full = made();
    full.target.script.push(0, 0, 0, 2, 0);
    full.writer.write("one\n");
    await full.writer.close(1_000);
    expect([full.writer.written, full.writer.dropped]).toEqual([1, 0]);
    const failing = made({ failedMs: 60_000 });
    failing.target.script.push("ENOSPC", "ENOSPC");
    failing.writer.write("one\n");
    await until(() => failing.target.writes === 1);
    await failing.writer.close(60_000);
    expect([failing.writer.written, failing.writer.dropped]).toEqual([0, 1]);
  });

  test("with nothing written at all", async () => {
    const { target, writer } = made();
    await writer.close(1_000);
    expect(target.closed).toBe(true);
  });
});

test("whatever a target does: lines are whole, in order, and each is written or counted", async () => {
  const step = fc.oneof(
    fc.nat(12).map((length) => ({ line: "x".repeat(length) })),
    fc.constant({ reopen: true }),
    fc.constant({ rest: true }),
  );
  const answer = fc.oneof(fc.nat(30), fc.constantFrom("ENOSPC", "EIO"));
  const run = fc.asyncProperty(fc.array(step), fc.array(answer), async (steps, answers) => {
    const { target, writer } = made();
    target.script.push(...answers);
    let count = 0;
    for (const one of steps) {
      if ("line" in one) writer.write(`${count++} ${one.line}\n`);
      else if ("reopen" in one) writer.reopen();
      else await Bun.sleep(0);
    }
    await until(() => writer.written + writer.dropped === count);
    await writer.close(1_000);
    const numbers = target.files.flatMap((file) => {
      const lines = file.split("\n");
      // Only where writing failed and another file was opened a line may end in between.
      lines.pop();
      return lines.map((line) => /^(\d+) x*$/.exec(line)?.[1] ?? "torn");
    });
    expect(numbers.length).toBe(writer.written);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.map(Number)).toEqual(numbers.map(Number).sort((a, b) => a - b));
  });
  await fc.assert(run, { numRuns: 50 });
});
