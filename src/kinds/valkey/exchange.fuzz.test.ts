import { test } from "bun:test";
import fc from "fast-check";
import { storyProperty } from "./test-stories.ts";

test("whatever clients ask, and however the network behaves: each gets its own replies, once and in order", () => {
  fc.assert(storyProperty(), { numRuns: Number(process.env.RINGWAY_FUZZ_RUNS ?? 3_000) });
});
