import { formatCount } from "../../src/base/quantity.ts";
import type { Statistics } from "../../src/observe/statistics.ts";
import type { LoadResult } from "./load.ts";

const heads = ["load", "requests", "errors", "requests/s", "p50 ms", "p99 ms", "MB/s"] as const;

/** The results as a small table. */
export function table(results: readonly LoadResult[]): string {
  return aligned([heads, ...results.map(row)]);
}

/** Rows of equally many cells in columns: the first one to the left, figures to the right. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const width = (column: number) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0));
  const widths = (rows[0] ?? []).map((_, column) => width(column));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const size = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(size) : cell.padStart(size);
      })
      .join("  ");
  return rows.map(line).join("\n");
}

/** The proxy's final report, in two lines. */
export function proxyLines({ relays, up, down, memory }: Statistics): string {
  const reasons = Object.entries(relays.reasons).map(
    ([word, count]) => `${word} ${formatCount(count)}`,
  );
  const { segmentsLeased, segmentsLeasedMax, segmentCount } = memory;
  const ended = `${formatCount(relays.ended)} relays ended (${reasons.join(", ")})`;
  const most = `${formatCount(segmentsLeasedMax)} of ${formatCount(segmentCount)} segments`;
  return [
    `the proxy: ${ended}, ${formatCount(up.lostBytes + down.lostBytes)} bytes lost`,
    `its pool: at most ${most} in use, ${formatCount(segmentsLeased)} at the end`,
  ].join("\n");
}

/** Requests that were answered, per second. */
export function requestsPerSecond({ requests, elapsedMs }: LoadResult): number {
  return elapsedMs > 0 ? (requests * 1_000) / elapsedMs : 0;
}

/** Sent and received, in millions of bytes per second. */
export function megabytesPerSecond({ bytes, elapsedMs }: LoadResult): number {
  return elapsedMs > 0 ? bytes / elapsedMs / 1_000 : 0;
}

function row(result: LoadResult): string[] {
  const { name, requests, errors, latencies } = result;
  return [
    name,
    formatCount(requests),
    formatCount(errors),
    formatCount(requestsPerSecond(result)),
    latencies.percentile(50).toFixed(3),
    latencies.percentile(99).toFixed(3),
    megabytesPerSecond(result).toFixed(1),
  ];
}
