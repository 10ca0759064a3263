import { test } from "bun:test";
import { FUZZ_TIMEOUT_MS } from "../model/fuzz.ts";
import { runStories } from "./stories.ts";

/** They take 25 s on a quiet machine of 2026. */
const STORIES = 20_000;
/** On a slow one there are fewer of them. */
const CPU_MS = 45_000;

test(
  "the relay layer keeps every rule, whatever the network does",
  () => {
    process.stderr.write(`simulation: ${runStories(STORIES, CPU_MS)}\n`);
  },
  // Whatever else the machine does meanwhile: it is bounded by the processor's time.
  5 * FUZZ_TIMEOUT_MS,
);
