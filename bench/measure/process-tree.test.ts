import { expect, test } from "bun:test";
import {
  descriptorsOfTree,
  memoryOfTree,
  processTree,
  usageBetween,
  usageOfTree,
} from "./process-tree.ts";

const isLinux = process.platform === "linux";
const BURN = "const end = Date.now() + 400; while (Date.now() < end);";

test.skipIf(!isLinux)("counts the CPU of a child's child", async () => {
  const nested = `await Bun.spawn([process.execPath, "-e", ${JSON.stringify(BURN)}]).exited;
    await Bun.sleep(10_000);`;
  const child = Bun.spawn([process.execPath, "-e", nested]);
  try {
    while (processTree(child.pid).length < 2) await Bun.sleep(1);
    const before = usageOfTree(child.pid);
    await Bun.sleep(200);
    const { cpuMicros } = usageBetween(before, usageOfTree(child.pid));
    // It burns all it gets; on a busy machine that may be little, but it is never nothing.
    expect(cpuMicros).toBeGreaterThan(10_000);
    expect(memoryOfTree(child.pid).now).toBeGreaterThan(10 * 1024 * 1024);
    expect(descriptorsOfTree(child.pid)).toBeGreaterThan(3);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
});

test.skipIf(!isLinux)("a process agrees with what it says about itself", () => {
  const [before, own] = [usageOfTree(process.pid), process.cpuUsage()];
  const end = Date.now() + 100;
  while (Date.now() < end);
  const after = usageBetween(before, usageOfTree(process.pid));
  const { user, system } = process.cpuUsage(own);
  expect(Math.abs(after.cpuMicros - (user + system))).toBeLessThan(20_000);
});

test("a process that is gone has used nothing", () => {
  const gone = 2 ** 22 + 1;
  expect(usageBetween(usageOfTree(gone), usageOfTree(gone)).cpuMicros).toBe(0);
  expect(memoryOfTree(gone)).toEqual({ now: 0, peak: 0 });
});
