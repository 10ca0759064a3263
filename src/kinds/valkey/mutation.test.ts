import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { bundleBroken } from "../../../test/fixtures/mutant-bundle.ts";
import { type ValkeyMutation, valkeyMutations } from "../../../test/model/valkey-mutations.ts";
import type { storyProperty } from "./test-stories.ts";

// Shows that the stories bite: mode `valkey` is broken in one place after the other, and each time one must fail.

const SOURCE = join(import.meta.dir, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "ringway-valkey-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The same stories for every mutant, so that one which survives does so every time. */
const stories = { seed: 1338, numRuns: 6_000, endOnFailure: true } as const;

let made = 0;

/** Whether a story notices. */
async function fails({ file, find, replace, what }: ValkeyMutation): Promise<boolean> {
  const path = join(SOURCE, file);
  const source = await Bun.file(path).text();
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`"${what}": what to find occurs ${places} times`);
  const into = join(folder, `${++made}`);
  const text = source.replace(find, () => replace);
  await bundleBroken(join(import.meta.dir, "test-stories.ts"), { path, text }, into);
  const bundle = (await import(join(into, "test-stories.js"))) as {
    storyProperty: typeof storyProperty;
  };
  return fc.check(bundle.storyProperty(), stories).failed;
}

for (const mutation of valkeyMutations) {
  test(`a story notices: ${mutation.what}`, async () => {
    expect(await fails(mutation)).toBe(true);
  });
}

test("without a mutation nothing fails", async () => {
  const find = "export class Session {";
  const none = { file: "kinds/valkey/session.ts", what: "nothing", find, replace: find };
  expect(await fails(none)).toBe(false);
});
