import { runChild } from "../measure/child.ts";

/** How long it may take for what should take a few seconds at most. */
const TIMEOUT_MS = 20_000;

/** What redis-benchmark said about one run. */
export interface RedisBenchmarkResult {
  readonly requestsPerSecond: number;
  /** As redis-benchmark rounds them, to the microsecond. */
  readonly latencyP50Micros: number;
  readonly latencyP99Micros: number;
}

/** Null when redis-benchmark is installed; otherwise how to get it. */
export function missingRedisBenchmark(): string | null {
  return Bun.which("redis-benchmark") === null ? "apt install redis-tools" : null;
}

/** What redis-benchmark sends. */
export interface RedisBenchmarkLoad {
  readonly test: "ping_mbulk" | "set";
  readonly connections: number;
  readonly requests: number;
  /** Requests in flight on each connection. */
  readonly pipeline?: number;
}

/**
 * Lets redis-benchmark send requests to 127.0.0.1.
 *
 * @throws Error when it failed, or said something that is not understood
 */
export async function redisBenchmark(
  port: number,
  { test, connections, requests, pipeline = 1 }: RedisBenchmarkLoad,
): Promise<RedisBenchmarkResult> {
  const place = ["-h", "127.0.0.1", "-p", String(port), "-c", String(connections)];
  const load = ["-t", test, "-n", String(requests), "-P", String(pipeline), "--csv"];
  const { code, out, err } = await runChild(["redis-benchmark", ...place, ...load], TIMEOUT_MS);
  if (code !== 0) throw new Error(`redis-benchmark failed (${code}): ${(err || out).trim()}`);
  return parseRedisBenchmark(out);
}

/**
 * Reads what `redis-benchmark --csv` says of one test: a line of names and a line of values.
 *
 * @throws Error when it is not that, as before version 6.2
 */
export function parseRedisBenchmark(csv: string): RedisBenchmarkResult {
  const [names = [], values = []] = csv.trim().split("\n").slice(-2).map(cellsOf);
  const value = (name: string) => {
    const number = Number(values[names.indexOf(name)] ?? Number.NaN);
    if (Number.isFinite(number) && number > 0) return number;
    throw new Error(`redis-benchmark gave no ${name}; it must be 6.2 or later`);
  };
  return {
    requestsPerSecond: value("rps"),
    latencyP50Micros: value("p50_latency_ms") * 1e3,
    latencyP99Micros: value("p99_latency_ms") * 1e3,
  };
}

function cellsOf(line: string): string[] {
  return line.split(",").map((cell) => cell.trim().replace(/^"|"$/g, ""));
}
