import { defineCommand } from "citty";
import type { RunResult } from "../measure/result.ts";
import { compareRuns, renderComparison } from "../report/compare.ts";
import { renderRepeats, repeatsOf } from "../report/repeat.ts";
import { UsageError } from "./choose.ts";

/** `bun run bench compare OLD.json NEW.json`: whether they agree, what changed. */
export const compareBench = defineCommand({
  meta: { name: "bench compare", description: "says what got better or worse between two runs" },
  args: {
    old: { type: "positional", description: "the earlier run, from --json", required: true },
    new: { type: "positional", description: "the later run", required: true },
  },
  async run({ args }) {
    const [before, after] = [await readRun(args.old), await readRun(args.new)];
    process.stdout.write(`${renderRepeats(repeatsOf(before, after))}\n`);
    process.stdout.write(renderComparison(compareRuns(before, after)));
  },
});

/**
 * Reads what a run wrote with `--json`.
 *
 * @throws UsageError when the file is not that
 */
export async function readRun(path: string): Promise<RunResult> {
  let run: Partial<RunResult>;
  try {
    run = await Bun.file(path).json();
  } catch (error) {
    throw new UsageError(`cannot read "${path}": ${(error as Error).message}`);
  }
  if (run.format !== 1) throw new UsageError(`"${path}" is not a run of this benchmark suite`);
  return run as RunResult;
}
