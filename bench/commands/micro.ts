import { defineCommand } from "citty";
import { micros } from "../micro/all.ts";
import { FULL_COUNT } from "../micro/micro.ts";
import { choose } from "./choose.ts";

/** `bun run bench micro`: what the hot parts cost by themselves. */
export const microBench = defineCommand({
  meta: { name: "bench micro", description: "measures the hot parts by themselves, with mitata" },
  args: {
    only: { type: "string", description: 'some of them by name, such as "ring*"' },
  },
  async run({ args }) {
    // Loaded here, as only this command needs it.
    const { bench, do_not_optimize: keep, run } = await import("mitata");
    const count = FULL_COUNT.toLocaleString("en-US");
    process.stdout.write(
      `Each iteration is ${count} operations: µs per iteration / 10 = ns each.\n`,
    );
    for (const { name, run: operate } of choose("micro-benchmark", args.only, micros)) {
      bench(name, () => keep(operate(FULL_COUNT)));
    }
    await run();
  },
});
