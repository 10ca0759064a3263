import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { runProgram } from "../clients/programs.ts";

const RELEASE = resolve(import.meta.dir, "../../packaging/release.ts");
const OWN = `${process.platform}-${process.arch}`;

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-release-"));
});

afterAll(() => rm(folder, { recursive: true }));

test("a release has executables that run, and checksums that agree", async () => {
  const out = join(folder, "one", "release");
  await mkdir(out, { recursive: true });
  await Bun.write(join(out, "ringway-0.0.1-of-before"), "");
  expect(await release(["--out", out, OWN, OWN])).toMatchObject({ code: 0, err: "" });
  const name = `ringway-${packageJson.version}-${OWN}`;
  expect((await readdir(out)).toSorted()).toEqual(["SHA256SUMS", name]);
  expect(await readdir(join(folder, "one"))).toEqual(["release"]);
  const sums = await runProgram(["sha256sum", "--check", "--strict", "SHA256SUMS"], out);
  expect(sums).toMatchObject({ code: 0, out: `${name}: OK\n` });
  const said = await runProgram([join(out, name), "--version"], folder);
  expect(said).toEqual({ code: 0, out: `${packageJson.version}\n`, err: "" });
}, 60_000);

test("a folder that has anything else is left as it is", async () => {
  const out = join(folder, "mine");
  await Bun.write(join(out, "thesis.txt"), "mine");
  expect(await release(["--out", out, OWN])).toEqual({
    code: 1,
    out: "",
    err: `release: ${out} has something else than a release in it; nothing was released\n`,
  });
  expect(await readdir(out)).toEqual(["thesis.txt"]);
});

test("a target that cannot be had is one sentence, and leaves nothing", async () => {
  const parent = join(folder, "two");
  const earlier = join(parent, "release", "ringway-0.0.1-linux-x64");
  await Bun.write(earlier, "an earlier release");
  // Bun downloads its executable for another system: here it can neither do so nor has it yet.
  const nowhere = "http://127.0.0.1:1";
  const { code, err } = await release(["--out", join(parent, "release"), OWN, "windows-x64"], {
    ...process.env,
    BUN_INSTALL_CACHE_DIR: join(folder, "cache"),
    HTTPS_PROXY: nowhere,
    https_proxy: nowhere,
  });
  expect(code).toBe(1);
  expect(err).toMatch(
    /^release: cannot build for windows-x64, so nothing was released: .*bun-windows-x64.*\n$/,
  );
  expect(await readdir(parent)).toEqual(["release"]);
  expect(await Bun.file(earlier).text()).toBe("an earlier release");
}, 60_000);

test("a target that nobody knows is refused before anything is built", async () => {
  const { code, out, err } = await release(["--out", join(folder, "three"), OWN, "plan9-x64"]);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toMatch(
    /^release: unknown target "plan9-x64"; known are linux-x64, .*windows-x64\n$/,
  );
  expect(await readdir(folder)).not.toContain("three");
});

async function release(words: readonly string[], env = process.env) {
  const child = Bun.spawn([process.execPath, RELEASE, ...words], {
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [code, out, err] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { code, out, err };
}
