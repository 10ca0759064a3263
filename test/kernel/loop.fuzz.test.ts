import { describe, test } from "bun:test";
import fc from "fast-check";
import { Loop } from "../../src/engine/uring/loop.ts";
import { FUZZ_TIMEOUT_MS, fuzz } from "../model/fuzz.ts";
import { loopProperty } from "./loop-property.ts";

describe("the uring loop on a kernel that fails in every way", () => {
  test(
    "keeps every rule",
    () => {
      fc.assert(loopProperty(Loop), fuzz(300));
    },
    FUZZ_TIMEOUT_MS,
  );
});
