import { test } from "bun:test";
import fc from "fast-check";
import { FUZZ_TIMEOUT_MS, fuzz } from "../model/fuzz.ts";
import { holdsEveryRule } from "./property.ts";

test(
  "the relay layer keeps every rule, whatever the network does",
  () => {
    fc.assert(holdsEveryRule, { ...fuzz(2_000), endOnFailure: false });
  },
  FUZZ_TIMEOUT_MS,
);
