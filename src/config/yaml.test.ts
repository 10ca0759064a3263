import { expect, test } from "bun:test";
import { parseYaml } from "./yaml.ts";

test("thousands of listeners may merge what one has, and have names of their own", async () => {
  const keys = Array.from({ length: 8 }, (_, at) => `k${at}: ${at}`).join(", ");
  const listeners = Array.from({ length: 1_250 }, (_, at) => `  - &l${at} { <<: *base, n: ${at} }`);
  const text = `base: &base { ${keys} }\nlisteners:\n${listeners.join("\n")}\n`;
  const { listeners: read } = (await parseYaml(text)) as { listeners: object[] };
  expect(read).toHaveLength(1_250);
  expect(read[7]).toEqual({ k0: 0, k1: 1, k2: 2, k3: 3, k4: 4, k5: 5, k6: 6, k7: 7, n: 7 });
});
