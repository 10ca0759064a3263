import { expect, test } from "bun:test";
import { listener } from "../../../test/fixtures/options.ts";
import type { WantedListener } from "../../config/options.ts";
import { CertificateWatch } from "./watch.ts";

test("without certificates it sets no timer, watches nothing and looks at nothing", async () => {
  const told: string[] = [];
  const listeners = [{ ...listener({}), engine: "auto" } as WantedListener];
  const watch = new CertificateWatch(
    {
      listeners: () => listeners,
      take: async () => true,
      expiry: { look: () => void told.push("expiry") },
    },
    { on: ({ event }) => void told.push(event), wantsStarts: false },
    {
      now: () => 0,
      after(delayMs) {
        told.push(`timer of ${delayMs} ms`);
        return () => {};
      },
    },
  );
  watch.follow(listeners);
  expect(told).toEqual([]);
  expect(await watch.renew()).toEqual({ renewed: [], problems: [] });
  expect(told).toEqual(["expiry"]);
  watch.stop();
});
