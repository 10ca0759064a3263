import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../../../test/fixtures/wait.ts";
import { ChangedFiles } from "./changed-files.ts";

let folder = "";
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-changed-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Waits until a file was not written a moment ago. */
async function settled(files: ChangedFiles, path: string): Promise<void> {
  await waitFor(async () => !(await files.hasChanged(path)), "it has settled");
}

test("a file is new at first, and again when it was written, replaced or is gone", async () => {
  const files = new ChangedFiles();
  const path = at("a.pem");
  await writeFile(path, "one");
  expect(await files.hasChanged(path)).toBe(true);
  await settled(files, path);
  await writeFile(path, "two");
  // Its size and its time of change are as before.
  await utimes(path, 1, 1);
  expect(await files.hasChanged(path)).toBe(true);
  await settled(files, path);
  await writeFile(at("b.pem"), "six");
  await rename(at("b.pem"), path);
  expect(await files.hasChanged(path)).toBe(true);
  await settled(files, path);
  await rm(path);
  expect(await files.hasChanged(path)).toBe(true);
  expect(await files.hasChanged(path)).toBe(false);
});

test("what was forgotten is new", async () => {
  const files = new ChangedFiles();
  expect(await files.hasChanged(at("none"))).toBe(true);
  expect(await files.hasChanged(at("none"))).toBe(false);
  files.forget();
  expect(await files.hasChanged(at("none"))).toBe(true);
});
