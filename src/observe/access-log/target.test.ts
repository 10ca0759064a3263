import { afterAll, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileTarget } from "./target.ts";

const folder = mkdtempSync(join(tmpdir(), "ringway-target-"));
const access = { mode: 0o640, user: null, group: null };
const isLinux = process.platform === "linux";

afterAll(() => rmSync(folder, { recursive: true }));

function path(name: string): string {
  return join(folder, name);
}

async function text(name: string): Promise<string> {
  return await Bun.file(path(name)).text();
}

async function codeOf(act: Promise<unknown>): Promise<string> {
  return await act.then(
    () => "none",
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  );
}

test("a file is appended to, and nobody else may read it", async () => {
  await Bun.write(path("a"), "before\n");
  const target = await FileTarget.open(path("a"), access);
  expect(await target.write(Buffer.from("one\n"))).toBe(4);
  await target.close();
  expect(await text("a")).toBe("before\none\n");
  const fresh = await FileTarget.open(path("b"), access);
  await fresh.close();
  expect(statSync(path("b")).mode & 0o137).toBe(0);
});

test("after a rename the old one is written to until it is opened anew", async () => {
  const target = await FileTarget.open(path("c"), access);
  await target.write(Buffer.from("one\n"));
  renameSync(path("c"), path("c.1"));
  await target.write(Buffer.from("two\n"));
  expect(existsSync(path("c"))).toBe(false);
  await target.reopen();
  await target.write(Buffer.from("three\n"));
  await target.close();
  expect([await text("c.1"), await text("c")]).toEqual(["one\ntwo\n", "three\n"]);
});

test("one that was removed is made again, when somebody looks", async () => {
  const target = await FileTarget.open(path("d"), access);
  rmSync(path("d"));
  Reflect.set(target, "lookedAt", Number.NEGATIVE_INFINITY);
  await target.write(Buffer.from("one\n"));
  expect(await text("d")).toBe("one\n");
  await target.close();
});

test("one whose folder was removed fails until the folder is there again", async () => {
  mkdirSync(path("folder"));
  const target = await FileTarget.open(path("folder/e"), access);
  rmSync(path("folder"), { recursive: true });
  Reflect.set(target, "lookedAt", Number.NEGATIVE_INFINITY);
  expect(await codeOf(target.write(Buffer.from("one\n")))).toBe("ENOENT");
  expect(await codeOf(target.write(Buffer.from("one\n")))).toBe("ENOENT");
  mkdirSync(path("folder"));
  expect(await target.write(Buffer.from("one\n"))).toBe(4);
  expect(await text("folder/e")).toBe("one\n");
  await target.close();
});

test("what cannot be opened", async () => {
  expect(await codeOf(FileTarget.open(path("none/a"), access))).toBe("ENOENT");
  expect(await codeOf(FileTarget.open(folder, access))).toBe("EISDIR");
});

test.if(isLinux)("a disk without room", async () => {
  const target = await FileTarget.open("/dev/full", access);
  expect(await codeOf(target.write(Buffer.from("one\n")))).toBe("ENOSPC");
  await target.close();
});

test.if(isLinux)("a named pipe holds nobody up", async () => {
  Bun.spawnSync(["mkfifo", path("pipe")]);
  // Nobody reads it.
  expect(await codeOf(FileTarget.open(path("pipe"), access))).toBe("ENXIO");
  const end = openSync(path("pipe"), constants.O_RDONLY | constants.O_NONBLOCK);
  const target = await FileTarget.open(path("pipe"), access);
  const bytes = Buffer.alloc(1024 * 1024, "x");
  let written = 0;
  for (;;) {
    const taken = await target.write(bytes);
    if (taken === 0) break;
    written += taken;
  }
  expect(written).toBeLessThan(bytes.length);
  readSync(end, Buffer.alloc(65_536));
  expect(await target.write(bytes)).toBeGreaterThan(0);
  closeSync(end);
  expect(await codeOf(target.write(bytes))).toBe("EPIPE");
  await target.close();
});
