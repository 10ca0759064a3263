import type { RunResult } from "../measure/result.ts";
import { type Agreement, agreementsOf, apartOf } from "./agreement.ts";
import { formatValue } from "./format.ts";
import { markdownTable } from "./markdown-table.ts";

const HEADING = "Do the tools agree?";

/** The agreement with the tools, as a section of the page; null if none took part. */
export function agreementSection(run: RunResult): string | null {
  const parts = agreementsOf(run).map((agreement) => {
    const table = markdownTable(headOf(agreement), rowsOf(agreement));
    return [`### ${agreement.title}`, table, ...verdictOf(agreement)].join("\n\n");
  });
  const missing = missingTools(run).map((line) => `- ${line}`);
  if (parts.length + missing.length === 0) return null;
  return [`## ${HEADING}`, ...parts, ...(missing.length > 0 ? [missing.join("\n")] : [])].join(
    "\n\n",
  );
}

/** The same for a terminal; null if no tool took part. Missing ones are named elsewhere. */
export function agreementText(run: RunResult): string | null {
  const parts = agreementsOf(run).map((agreement) => {
    const lines = alignText([headOf(agreement), ...rowsOf(agreement)]);
    return [agreement.title, ...lines, ...verdictOf(agreement).map((line) => `  ${line}`)];
  });
  if (parts.length === 0) return null;
  return [HEADING, ...parts.map((lines) => lines.join("\n"))].join("\n\n");
}

function headOf({ unit, reference }: Agreement): string[] {
  const beside = `to ${reference}`;
  return [
    "",
    `suite, ${unit}`,
    `tool, ${unit}`,
    "suite / tool",
    `suite ${beside}`,
    `tool ${beside}`,
  ];
}

function rowsOf({ lines }: Agreement): string[][] {
  return lines.map(({ proxy, suite, tool, suiteToReference, toolToReference }) => [
    proxy,
    formatValue(suite),
    formatValue(tool),
    (suite / tool).toFixed(2),
    suiteToReference.toFixed(2),
    toolToReference.toFixed(2),
  ]);
}

function verdictOf(agreement: Agreement): string[] {
  const apart = apartOf(agreement);
  if (apart === null) return [];
  const percent = (value: number) => `${value.toFixed(0)} %`;
  const half = `Half of the ratios to ${agreement.reference} are within ${percent(apart.half)}`;
  return [`${half} of the tool's, all within ${percent(apart.most)}.`];
}

function missingTools({ missing }: RunResult): string[] {
  return missing
    .filter(({ name }) => name.startsWith("tool-"))
    .map(({ name, why }) => `${name} is left out: ${why}`);
}

function alignText(rows: readonly (readonly string[])[]): string[] {
  const widthOf = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map((row) => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widthOf(column)) : cell.padStart(widthOf(column)),
    );
    return `  ${cells.join("  ")}`.trimEnd();
  });
}
