import { expect, test } from "bun:test";
import { parseGnuTime } from "./gnu-time.ts";
import { isBusy, parseIperf3 } from "./iperf3.ts";
import { parseRedisBenchmark } from "./redis-benchmark.ts";

test("redis-benchmark: the figures are found by their names", () => {
  const csv = `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms",\
"p99_latency_ms","max_latency_ms"
"PING_MBULK","45913.68","0.558","0.264","0.551","0.647","0.783","3.831"
`;
  expect(parseRedisBenchmark(csv)).toEqual({
    requestsPerSecond: 45_913.68,
    latencyP50Micros: 551,
    latencyP99Micros: 783,
  });
});

test("redis-benchmark: a version that says less is named as the reason", () => {
  expect(() => parseRedisBenchmark('"PING_MBULK","45913.68"\n')).toThrow("6.2 or later");
});

test("iperf3: what was received counts, not what was sent", () => {
  const end = {
    sum_sent: { bytes: 600, bits_per_second: 6e9 },
    sum_received: { bytes: 500, bits_per_second: 5e9 },
  };
  expect(parseIperf3(JSON.stringify({ end }))).toEqual({
    receivedBytes: 500,
    gigabitsPerSecond: 5,
  });
});

test("iperf3: a complaint is passed on, and a busy server is told from others", () => {
  const busy = '{"error":"error - the server is busy running a test. try again later"}';
  expect(isBusy(busy)).toBe(true);
  expect(() => parseIperf3(busy)).toThrow("the server is busy");
  expect(isBusy('{"error":"unable to connect to server: Connection refused"}')).toBe(false);
  expect(() => parseIperf3("iperf3: bad option")).toThrow("bad option");
  expect(() => parseIperf3('{"end":{"sum_received":{"bytes":0}}}')).toThrow("received nothing");
});

test("GNU time: user and system add up", () => {
  const text = `\tCommand being timed: "ringway"
\tUser time (seconds): 0.21
\tSystem time (seconds): 1.04
\tPercent of CPU this job got: 80%
`;
  expect(parseGnuTime(text)).toBeCloseTo(1_250);
  expect(() => parseGnuTime("Command terminated by signal 9")).toThrow("no CPU time");
});
