import { test } from "bun:test";
import { FUZZ_TIMEOUT_MS } from "../model/fuzz.ts";
import { runStories } from "./stories.ts";

/** Some thousands of stories: five on a busy machine of 2026. */
const CPU_MS = 15_000;

test(
  "the relay layer keeps every rule, whatever the network does",
  () => {
    process.stderr.write(`simulation: ${runStories(CPU_MS)}\n`);
  },
  FUZZ_TIMEOUT_MS,
);
