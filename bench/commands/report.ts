import { join } from "node:path";
import { defineCommand } from "citty";
import { writeReport } from "../report/write.ts";
import { readRun } from "./compare.ts";

/** `bun run bench report RUN.json`: the page and the charts of a run. */
export const reportBench = defineCommand({
  meta: { name: "bench report", description: "writes RESULTS.md and its charts from a run" },
  args: {
    run: { type: "positional", description: "the run, from --json", required: true },
    out: { type: "string", description: "the directory to write to [bench]" },
  },
  async run({ args }) {
    const page = await writeReport(
      await readRun(args.run),
      args.out ?? join(import.meta.dir, ".."),
    );
    process.stdout.write(`${page}\n`);
  },
});
