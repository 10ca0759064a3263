import { expect, test } from "bun:test";
import { agreementsOf, apartOf } from "./agreement.ts";
import { agreementSection, agreementText } from "./agreement-text.ts";
import { runOf, scenarioOf } from "./fixture.ts";

const suite = scenarioOf("bulk-1", {
  direct: { gigabitsPerSecond: 30 },
  haproxy: { gigabitsPerSecond: 10 },
  "ringway-sockets": { gigabitsPerSecond: 12 },
});
const tool = scenarioOf("tool-iperf3", {
  direct: { gigabitsPerSecond: 40 },
  haproxy: { gigabitsPerSecond: 20 },
  "ringway-sockets": { gigabitsPerSecond: 20 },
});
const run = runOf(["direct", "haproxy", "ringway-sockets"], [suite, tool]);

test("ratios between proxies are compared, not the values of different generators", () => {
  const [agreement] = agreementsOf(run);
  expect(agreement?.reference).toBe("haproxy");
  expect(agreement?.lines.at(-1)).toEqual({
    proxy: "ringway-sockets",
    suite: 12,
    tool: 20,
    suiteToReference: 1.2,
    toolToReference: 1,
  });
  const apart = agreement === undefined ? null : apartOf(agreement);
  expect(apart?.half).toBeCloseTo(20);
  expect(apart?.most).toBeCloseTo(20);
});

test("without HAProxy the first proxy that is one is the reference", () => {
  const [agreement] = agreementsOf({ ...run, proxies: run.proxies.slice(0).filter(notHaproxy) });
  expect(agreement?.reference).toBe("ringway-sockets");
});

test("page and terminal say the same", () => {
  expect(agreementSection(run)).toContain("| ringway-sockets | 12.0 | 20.0 | 0.60 | 1.20 | 1.00 |");
  expect(agreementText(run)).toMatch(/ringway-sockets +12\.0 +20\.0 +0\.60 +1\.20 +1\.00/);
  expect(agreementText(run)).toContain("all within 20 %.");
});

test("a tool that is missing is named; without any there is no section", () => {
  const missing = [{ name: "tool-iperf3", why: "apt install iperf3" }];
  const without = { ...run, scenarios: [suite] };
  expect(agreementSection({ ...without, missing })).toContain("left out: apt install iperf3");
  expect(agreementSection(without)).toBeNull();
  expect(agreementText(without)).toBeNull();
});

function notHaproxy({ name }: { readonly name: string }): boolean {
  return name !== "haproxy";
}
