import { expect, test } from "bun:test";
import { pinToOneCore } from "./affinity.ts";

/** The cores that a process started now may use. */
async function coresOfChild(): Promise<string> {
  const child = Bun.spawn(["grep", "Cpus_allowed_list", "/proc/self/status"], { stdout: "pipe" });
  return (await child.stdout.text()).trim().split(/\s+/)[1] ?? "";
}

test.skipIf(Bun.which("taskset") === null)("pins what is started, and takes it back", async () => {
  const before = await coresOfChild();
  const unpin = pinToOneCore();
  expect(unpin).not.toBeNull();
  expect(await coresOfChild()).toMatch(/^\d+$/);
  unpin?.();
  expect(await coresOfChild()).toBe(before);
});
