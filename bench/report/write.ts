import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { RunResult } from "../measure/result.ts";
import { renderMarkdown } from "./markdown.ts";

/** Writes a run's page and its charts, `RESULTS.md` and `charts/`, into this directory. */
export async function writeReport(run: RunResult, directory: string): Promise<string> {
  // Loaded when needed only, as a charting library is large and most runs draw nothing.
  const { chartsOf } = await import("./run-charts.ts");
  const charts = chartsOf(run);
  await mkdir(join(directory, "charts"), { recursive: true });
  for (const { file, svg } of charts) await Bun.write(join(directory, "charts", file), svg);
  const pictures = charts.map(({ file, title }) => ({ title, path: `charts/${file}` }));
  const page = join(directory, "RESULTS.md");
  await Bun.write(page, renderMarkdown(run, pictures));
  return page;
}
