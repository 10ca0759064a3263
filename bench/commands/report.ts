import { dirname, join, resolve } from "node:path";
import { defineCommand } from "citty";
import { pictureFrom, writeReadme } from "../report/readme.ts";
import { writeReport } from "../report/write.ts";
import { readRun } from "./compare.ts";

/** `bun run bench report RUN.json`: the page and the charts of a run. */
export const reportBench = defineCommand({
  meta: { name: "bench report", description: "writes RESULTS.md and its charts from a run" },
  args: {
    run: { type: "positional", description: "the run, from --json", required: true },
    out: { type: "string", description: "the directory to write to [bench]" },
    readme: {
      type: "string",
      description: "write the main figures into this page too, such as docs/performance.md",
    },
  },
  async run({ args }) {
    const run = await readRun(args.run);
    const directory = resolve(args.out ?? join(import.meta.dir, ".."));
    const { page, pictures } = await writeReport(run, directory);
    if (args.readme) {
      const root = dirname(resolve(args.readme));
      const seen = pictures.map((picture) => pictureFrom(root, picture));
      await writeReadme(args.readme, run, seen);
    }
    process.stdout.write(`${page}\n`);
  },
});
