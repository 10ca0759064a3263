import { expect, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machine } from "../report/fixture.ts";
import { soakPage } from "./page.ts";
import type { SoakResult } from "./soak.ts";
import type { Sample } from "./verdict.ts";
import { writeSoakReport } from "./write.ts";

const MIB = 1024 * 1024;
const sample: Sample = {
  seconds: 600,
  rssBytes: 60 * MIB,
  heapBytes: 10 * MIB,
  descriptors: 100,
  leased: 0,
  relays: 0,
};
const result: SoakResult = {
  startedAt: "2026-11-23T00:00:00.000Z",
  engine: "sockets",
  seconds: 600,
  machine,
  operations: { ping: 1_234_567, churn: 8_901 },
  samples: [{ ...sample, seconds: 1 }, sample],
  verdicts: [{ vital: "rssBytes", early: 60 * MIB, late: 61 * MIB, grows: false }],
  after: sample,
  failures: [],
};

test("says what was found, for how long, and on what", () => {
  const page = soakPage(null, result, [{ title: "memory", path: "charts/soak-sockets.svg" }]);
  expect(page).toContain("**Nothing grows, nothing failed.**");
  expect(page).toContain("| resident memory, MiB | 60.0 | 61.0 | no |");
  expect(page).toContain("| ping | 1,234,567 |");
  expect(page).toContain("for 10 min 00 s");
  expect(page).toContain("2 × Some CPU, 4 GiB");
  expect(page).toContain("![memory](charts/soak-sockets.svg)");
});

test("what grows and what failed is not hidden", () => {
  const verdicts = result.verdicts.map((verdict) => ({ ...verdict, grows: true }));
  const page = soakPage(null, { ...result, verdicts, failures: ["get: a wrong answer"] }, []);
  expect(page).toContain("**Something still grows, 1 failures.**");
  expect(page).toContain("| **yes** |");
  expect(page).toContain("- FAILED: get: a wrong answer");
});

test("both engines stay in the page, each as it was soaked last", () => {
  const first = soakPage(null, result, []);
  const both = soakPage(first, { ...result, engine: "uring" }, []);
  const again = soakPage(both, { ...result, operations: { ping: 7 } }, []);
  expect(again.match(/^## .*$/gm)).toEqual(["## sockets", "## uring"]);
  expect(again.match(/^# /gm)).toHaveLength(1);
  expect(again).toContain("| ping | 7 |");
  expect(again.match(/1,234,567/g)).toHaveLength(1);
});

test("the page and its charts are written, their names with the engine", async () => {
  const directory = await mkdtemp(join(tmpdir(), "ringway-soak-test-"));
  try {
    const page = await writeSoakReport(result, directory);
    const text = await Bun.file(page).text();
    const charts = await readdir(join(directory, "charts"));
    expect(charts).toContain("soak-sockets-resident-memory.svg");
    for (const chart of charts) expect(text).toContain(`(charts/${chart})`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
