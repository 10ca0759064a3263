import { expect, test } from "bun:test";
import type { Figures } from "../measure/figures.ts";
import type { RunResult } from "../measure/result.ts";
import { compareRuns, renderComparison } from "./compare.ts";
import { machine } from "./fixture.ts";
import { renderRepeats, repeatsOf } from "./repeat.ts";

/** A run of one scenario with these CPU figures: a round per value. */
function run(cpu: Readonly<Record<string, readonly number[]>>): RunResult {
  const names = Object.keys(cpu);
  const rounds = names.flatMap((proxy) =>
    (cpu[proxy] ?? []).map((cpuMicros, round) => {
      const figures: Figures = { cpuMicros };
      return { proxy, round: round + 1, figures, failure: null };
    }),
  );
  return {
    format: 1,
    startedAt: "2026-11-23T00:00:00.000Z",
    seconds: 1,
    form: "full",
    rounds: 3,
    durationMs: 1_000,
    machine,
    proxies: names.map((name) => ({ name, isOurs: name.startsWith("ringway"), version: "" })),
    missing: [],
    scenarios: [{ name: "ping-50", title: "", note: null, shown: ["cpuMicros"], rounds }],
  };
}

const verdict = (before: RunResult, after: RunResult) => compareRuns(before, after)[0]?.verdict;
const before = run({ haproxy: [6.9, 7, 7.1], "ringway-sockets": [7.9, 8, 8.1] });

test("less CPU than the noise explains is better, more is worse", () => {
  const haproxy = [6.9, 7, 7.1];
  expect(verdict(before, run({ haproxy, "ringway-sockets": [6.9, 7, 7.1] }))).toBe("better");
  expect(verdict(before, run({ haproxy, "ringway-sockets": [9, 9.1, 9.2] }))).toBe("worse");
  expect(verdict(before, run({ haproxy, "ringway-sockets": [7.8, 7.9, 8] }))).toBe("same");
});

test("a slower machine is no worse proxy", () => {
  const after = run({ haproxy: [13.8, 14, 14.2], "ringway-sockets": [15.8, 16, 16.2] });
  expect(verdict(before, after)).toBe("same");
});

test("noisy rounds prove nothing", () => {
  const after = run({ haproxy: [6.9, 7, 7.1], "ringway-sockets": [5, 7, 12] });
  expect(verdict(before, after)).toBe("same");
});

test("the text says what became of it", () => {
  const after = run({ haproxy: [6.9, 7, 7.1], "ringway-sockets": [3.9, 4, 4.1] });
  expect(renderComparison(compareRuns(before, after))).toBe(
    `better:
  ping-50, ringway-sockets, CPU per op, µs: 8.00 → 4.00, 2.00× better beside the peers (noise 4 %)
0 of 1 figures are the same within the noise of their rounds
half of them, beside the peers, are within 100.0 % of before
`,
  );
});

test("two runs agree when their ratios to the best peer do, whatever the machine did", () => {
  const slower = run({ haproxy: [13.8, 14, 14.2], "ringway-sockets": [15.8, 16.8, 17] });
  const [repeat] = repeatsOf(before, slower);
  expect(repeat?.percentApart).toBeCloseTo(5);
  expect(renderRepeats(repeatsOf(before, slower))).toBe(
    `main figures, to the best peer, and how far the two runs are apart about it:
  ping-50, ringway-sockets, CPU per op, µs    5 %  1.14× worse → 1.20× worse (haproxy)
half of the main figures are within 5.0 % of each other; 1 of 1 are within 10 % (* is not)
`,
  );
});

test("runs that do not agree, or are about the same peer no more, are seen at a glance", () => {
  const faster = run({ nginx: [6, 6, 6], haproxy: [6.9, 7, 7.1], "ringway-sockets": [4, 4, 4] });
  const text = renderRepeats(repeatsOf(before, faster));
  expect(text).toContain("71 %  1.14× worse → 1.50× better (haproxy → nginx)  *\n");
  expect(text).toContain("0 of 1 are within 10 %");
});

test("runs without a main figure in common say so", () => {
  expect(renderRepeats(repeatsOf(before, { ...before, scenarios: [] }))).toContain("in common");
});
