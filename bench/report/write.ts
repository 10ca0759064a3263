import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { RunResult } from "../measure/result.ts";
import { type Picture, renderMarkdown } from "./markdown.ts";

/** The written files: the page and its charts, with paths relative to the given directory. */
export interface Written {
  readonly page: string;
  readonly pictures: readonly Picture[];
}

/** Writes a run's page and its charts, `RESULTS.md` and `charts/`, into this directory. */
export async function writeReport(run: RunResult, directory: string): Promise<Written> {
  // Loaded when needed only, as a charting library is large and most runs draw nothing.
  const { chartsOf } = await import("./run-charts.ts");
  const charts = chartsOf(run);
  await mkdir(join(directory, "charts"), { recursive: true });
  for (const { file, svg } of charts) await Bun.write(join(directory, "charts", file), svg);
  const pictures = charts.map(({ file, title }) => ({ title, path: `charts/${file}` }));
  const page = join(directory, "RESULTS.md");
  await Bun.write(page, renderMarkdown(run, pictures));
  return { page, pictures: pictures.map((one) => ({ ...one, path: join(directory, one.path) })) };
}
