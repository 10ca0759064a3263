import { afterAll, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../../test/fixtures/wait.ts";
import { PathWatcher } from "./watch-path.ts";

const folder = mkdtempSync(join(tmpdir(), "ringway-watch-"));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
/** A folder of its own for a test, with two releases that each have a file. */
function releases(): string {
  const place = join(folder, String(++count));
  for (const release of ["one", "two"]) {
    mkdirSync(join(place, release), { recursive: true });
    writeFileSync(join(place, release, "r.toml"), release);
  }
  return place;
}

/** Puts a link in the place of another one, at once. */
function swap(target: string, link: string): void {
  symlinkSync(target, `${link}.new`);
  renameSync(`${link}.new`, link);
}

/** Runs it, and waits until the watcher of the path has noticed. */
async function noticed(path: string, ...steps: readonly (() => void)[]): Promise<void> {
  let changes = 0;
  const watcher = new PathWatcher([path], () => changes++);
  try {
    for (const step of steps) {
      const before = changes;
      step();
      await waitFor(() => changes > before, "it is noticed");
    }
  } finally {
    watcher.close();
  }
}

test("the file is written, and replaced", async () => {
  const place = releases();
  const path = join(place, "one/r.toml");
  await noticed(
    path,
    () => writeFileSync(path, "new"),
    () => renameSync(join(place, "two/r.toml"), path),
    () => writeFileSync(path, "newer"),
  );
});

test("a folder on the way is a link that is swapped, again and again", async () => {
  const place = releases();
  const current = join(place, "current");
  symlinkSync("one", current);
  await noticed(
    join(current, "r.toml"),
    () => swap("two", current),
    () => writeFileSync(join(place, "two/r.toml"), "written"),
    () => swap(join(place, "one"), current),
    () => writeFileSync(join(place, "one/r.toml"), "written"),
  );
});

test("a link to a link, as Kubernetes has them", async () => {
  const place = releases();
  symlinkSync("one", join(place, "..data"));
  symlinkSync("..data/r.toml", join(place, "r.toml"));
  await noticed(join(place, "r.toml"), () => swap("two", join(place, "..data")));
});

test("a folder on the way is moved away, and another one comes", async () => {
  const place = releases();
  const path = join(place, "one/r.toml");
  await noticed(
    path,
    () => renameSync(join(place, "one"), join(place, "old")),
    () => renameSync(join(place, "two"), join(place, "one")),
    () => writeFileSync(path, "written"),
  );
});

test("what is beside the way is not noticed", async () => {
  const place = releases();
  let changes = 0;
  const watcher = new PathWatcher([join(place, "one/r.toml")], () => changes++);
  writeFileSync(join(place, "one/other.toml"), "");
  writeFileSync(join(place, "two/r.toml"), "other");
  // Told behind the others.
  utimesSync(join(place, "one/r.toml"), 1, 1);
  await waitFor(() => changes > 0, "the last one is noticed");
  expect(changes).toBe(1);
  watcher.close();
});

test("links that go round in circles", () => {
  const place = releases();
  symlinkSync("b", join(place, "a"));
  symlinkSync("a", join(place, "b"));
  new PathWatcher([join(place, "a/r.toml")], () => {}).close();
});
