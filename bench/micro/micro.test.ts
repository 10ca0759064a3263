import { expect, test } from "bun:test";
import { micros } from "./all.ts";
import { SMOKE_COUNT } from "./micro.ts";

test.each(micros.map((micro) => [micro.name, micro] as const))(
  "%s does what it says",
  (_, micro) => {
    expect(micro.run(SMOKE_COUNT)).toBe(micro.expected);
    // Nothing is left over that would make a second run another one.
    expect(micro.run(SMOKE_COUNT)).toBe(micro.expected);
  },
);
