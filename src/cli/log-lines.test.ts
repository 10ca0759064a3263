import { expect, test } from "bun:test";
import { resolve } from "node:path";
import type { Outlet } from "../observe/outlet.ts";
import { LogLines } from "./log-lines.ts";

/** Takes so many bytes, or fails. */
class Reader implements Outlet {
  readonly isBusy = false;
  text = "";
  room = Number.POSITIVE_INFINITY;
  failure: string | null = null;

  write(bytes: Uint8Array): number {
    const { failure } = this;
    if (failure !== null) throw Object.assign(new Error(failure), { code: failure });
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    this.text += Buffer.from(bytes.subarray(0, taken)).toString();
    return taken;
  }
}

function made() {
  const reader = new Reader();
  const lines: LogLines = new LogLines(reader, (count) => lines.write(`missing: ${count}\n`));
  return { reader, lines };
}

test("a line is written at once", () => {
  const { reader, lines } = made();
  lines.write("one\n");
  expect(reader.text).toBe("one\n");
});

test("what a slow reader does not take waits, in order and whole", async () => {
  const { reader, lines } = made();
  reader.room = 6;
  for (const word of ["one", "two", "three"]) lines.write(`${word}\n`);
  expect(reader.text).toBe("one\ntw");
  reader.room = Number.POSITIVE_INFINITY;
  await lines.flush(10_000);
  expect(reader.text).toBe("one\ntwo\nthree\n");
  expect(lines.dropped).toBe(0);
});

test("what finds no room is dropped and counted, and whoever reads again is told", async () => {
  const { reader, lines } = made();
  reader.room = 0;
  const line = `${"x".repeat(1_023)}\n`;
  for (let count = 0; count < 1_030; count++) lines.write(line);
  expect(lines.dropped).toBe(6);
  reader.room = Number.POSITIVE_INFINITY;
  await lines.flush(10_000);
  expect(reader.text).toBe(`${line.repeat(1_024)}missing: 6 lines\n`);
});

test("lines that cannot be written are counted, and whoever reads again is told", async () => {
  const { reader, lines } = made();
  reader.failure = "ENOSPC";
  lines.write("one\n");
  lines.write("two\n");
  expect(lines.dropped).toBe(1);
  reader.failure = null;
  while (reader.text === "") await Bun.sleep(5);
  expect(reader.text).toBe("two\nmissing: 1 line\n");
});

/** A program that writes 300 lines of 1 kB; its stdout says when it goes on. */
const LOGGER = `
  import { LogLines } from ${JSON.stringify(resolve(import.meta.dir, "log-lines.ts"))};
  import { outletOf } from ${JSON.stringify(resolve(import.meta.dir, "../observe/outlet.ts"))};
  const lines = new LogLines(outletOf(2), () => {});
  for (let line = 0; line < 300; line++) lines.write("x".repeat(999) + "\\n");
  await Bun.write(Bun.stdout, "goes on");
  await Bun.sleep(100);
  lines.write("end\\n");
  await Bun.stdin.text();
  await lines.flush(1_000);
`;

test("a real pipe: nobody waits for its reader, and nothing is lost", async () => {
  const command = [process.execPath, "-e", LOGGER];
  const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  const { value } = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe("goes on");
  const log = child.stderr.text();
  child.stdin.end();
  expect(await log).toBe(`${`${"x".repeat(999)}\n`.repeat(300)}end\n`);
  expect(await child.exited).toBe(0);
});

test("a real pipe whose reader leaves", async () => {
  const command = [process.execPath, "-e", LOGGER];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  await child.stderr.cancel();
  expect(await child.stdout.text()).toBe("goes on");
  expect(await child.exited).toBe(0);
});
