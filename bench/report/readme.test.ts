import { expect, test } from "bun:test";
import { runOf, scenarioOf } from "./fixture.ts";
import { marked, replaceMarked } from "./marked.ts";
import { pictureFrom, renderFigures } from "./readme.ts";

const run = runOf(
  ["direct", "haproxy", "ringway-sockets"],
  [
    scenarioOf("ping-50", {
      direct: { cpuMicros: 4 },
      haproxy: { cpuMicros: 7 },
      "ringway-sockets": { cpuMicros: 6 },
    }),
    scenarioOf("start-up", {
      haproxy: { startupMillis: 27, memoryRestMebibytes: 15 },
      "ringway-sockets": { startupMillis: 47 },
    }),
  ],
);

test("the figures that there are, with whose they are and when", () => {
  const text = renderFigures(run, []);
  expect(text).toContain("| CPU per PING, 50 connections, µs | 7.00 | **6.00** |");
  expect(text).toContain("| memory at rest, MiB | **15.0** | – |");
  expect(text).toContain("One run of 23 November 2026");
  expect(text).toContain("2 × Some CPU, Linux 6.18 x64");
  expect(text).toContain("Bun 1.4.5, haproxy 2.6.12, ringway-sockets 2.6.12.");
  expect(text).not.toContain("direct");
  expect(text).not.toContain("bulk");
});

test("a few of the charts, from where the README is", () => {
  const pictures = ["memory.svg", "bulk.svg", "cpu.svg"].map((file) =>
    pictureFrom("/a", { title: file, path: `/a/bench/charts/${file}` }),
  );
  const text = renderFigures(run, pictures);
  expect(text).toEndWith("![cpu.svg](bench/charts/cpu.svg)\n\n![bulk.svg](bench/charts/bulk.svg)");
});

test("only what is between the markers changes, as often as it is written", () => {
  const text = `before\n${marked("figures", "old")}\nafter ${marked("other", "kept")}`;
  const once = replaceMarked(text, "figures", "new");
  expect(once).toBe(`before\n${marked("figures", "new")}\nafter ${marked("other", "kept")}`);
  expect(replaceMarked(once ?? "", "figures", "new")).toBe(once);
  expect(replaceMarked("no place", "figures", "new")).toBeNull();
});

test("docs/performance.md has the place", async () => {
  const page = await Bun.file(new URL("../../docs/performance.md", import.meta.url)).text();
  expect(replaceMarked(page, "figures", "new")).not.toBeNull();
});
