import { expect, test } from "bun:test";
import { resolve } from "node:path";

const output = JSON.stringify(resolve(import.meta.dir, "output.ts"));

/** A program that writes 4 MB by writeOut and exits at once; its stderr says what writeOut said. */
const WRITER = `
  import { writeOut } from ${output};
  process.stderr.write("writing ");
  const answers = [await writeOut("x".repeat(4_000_000)), await writeOut("end")];
  process.stderr.write(JSON.stringify(answers));
  process.exit(7);
`;

test("all is written before the exit, to a reader that starts late", async () => {
  const child = Bun.spawn([process.execPath, "-e", WRITER], { stdout: "pipe", stderr: "pipe" });
  const log = child.stderr.getReader();
  const { value } = await log.read();
  expect(new TextDecoder().decode(value)).toBe("writing ");
  // The pipe is full long before all is written, and nobody has read anything yet.
  expect(child.exitCode).toBeNull();
  expect(await child.stdout.text()).toHaveLength(4_000_003);
  expect(await child.exited).toBe(7);
});

test("a reader that leaves is no error", async () => {
  const left = Bun.spawn([process.execPath, "-e", WRITER], { stdout: "pipe", stderr: "pipe" });
  await left.stdout.cancel();
  expect(await left.stderr.text()).toBe("writing [null,null]");
  expect(await left.exited).toBe(7);
});

test.skipIf(process.platform !== "linux")("a disk that is full is an error", async () => {
  const full = Bun.spawn([process.execPath, "-e", WRITER], {
    stdout: Bun.file("/dev/full"),
    stderr: "pipe",
  });
  expect(await full.stderr.text()).toContain('["ENOSPC",');
});
