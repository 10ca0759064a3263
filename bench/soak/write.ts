import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Picture } from "../report/markdown.ts";
import { soakPage } from "./page.ts";
import type { SoakResult } from "./soak.ts";
import type { Vital } from "./verdict.ts";
import { vitals } from "./vitals.ts";

/** Writes `SOAK.md`, or the engine's section of it, and its charts into `charts/` beside it. */
export async function writeSoakReport(result: SoakResult, directory: string): Promise<string> {
  const charts = await writeSoakCharts(result, join(directory, "charts"));
  const pictures = charts.map(({ title, path }) => ({ title, path: `charts/${path}` }));
  const page = Bun.file(join(directory, "SOAK.md"));
  const existing = (await page.exists()) ? await page.text() : null;
  await Bun.write(page, soakPage(existing, result, pictures));
  return join(directory, "SOAK.md");
}

/** Writes a chart per vital. Their paths are relative to the directory and name the engine. */
export async function writeSoakCharts(
  { engine, samples }: SoakResult,
  directory: string,
): Promise<Picture[]> {
  // Loaded when needed only, as a charting library is large.
  const { renderLines } = await import("../report/chart.ts");
  await mkdir(directory, { recursive: true });
  const pictures: Picture[] = [];
  for (const vital of Object.keys(vitals) as Vital[]) {
    const [name, unit, divisor] = vitals[vital];
    const points = samples.map((sample) => [sample.seconds, sample[vital] / divisor] as const);
    const title = `Soak of ${engine}: ${name}`;
    const path = `soak-${engine}-${name.replaceAll(" ", "-")}.svg`;
    const svg = renderLines({ title, unit, series: [{ name: `ringway-${engine}`, points }] });
    await Bun.write(join(directory, path), svg);
    pictures.push({ title, path });
  }
  return pictures;
}
