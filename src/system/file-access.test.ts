import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { madeForOwner, setSocketAccess } from "./file-access.ts";

const folder = mkdtempSync(join(tmpdir(), "ringway-access-"));
afterAll(() => rmSync(folder, { recursive: true }));

const everybody = { mode: 0o666, user: null, group: null };
const modeOf = (path: string) => statSync(path).mode & 0o777;

test("a socket is its owner's alone until it is said whose it is", () => {
  const path = join(folder, "socket");
  const before = process.umask(0o022);
  const server = madeForOwner(() => Bun.listen({ unix: path, socket: { data() {} } }));
  expect({ mode: modeOf(path), umask: process.umask(before) }).toEqual({
    mode: 0o600,
    umask: 0o022,
  });
  setSocketAccess(path, everybody);
  expect(modeOf(path)).toBe(0o666);
  // Of one that nobody may look into, either.
  chmodSync(path, 0);
  setSocketAccess(path, { ...everybody, mode: 0o060 });
  expect(modeOf(path)).toBe(0o060);
  server.stop(true);
});

// Whoever may write to the folder could have root give him any file.
test.if(process.platform === "linux")("nothing that has taken its place gets any of it", () => {
  const file = join(folder, "file");
  writeFileSync(file, "", { mode: 0o600 });
  const link = join(folder, "link");
  symlinkSync(file, link);
  const other = join(folder, "other");
  const server = madeForOwner(() => Bun.listen({ unix: other, socket: { data() {} } }));
  const toSocket = join(folder, "to-socket");
  symlinkSync(other, toSocket);
  for (const path of [file, link, toSocket]) {
    expect(() => setSocketAccess(path, everybody)).toThrow("EADDRINUSE");
  }
  expect([file, other].map(modeOf)).toEqual([0o600, 0o600]);
  expect(() => setSocketAccess(join(folder, "gone"), everybody)).toThrow("ENOENT");
  server.stop(true);
});
