import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdtemp, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { YAML } from "bun";
import { runProgram } from "../clients/programs.ts";

const ROOT = resolve(import.meta.dir, "../..");
const packaging = (name: string) => join(ROOT, "packaging", name);

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-containers-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe("the Dockerfile", () => {
  test("copies everything that the build needs", async () => {
    const lines = (await Bun.file(packaging("Dockerfile")).text()).split("\n");
    for (const { sources, target } of copies(lines)) {
      for (const source of sources) {
        // Of a folder its contents are copied, a file into the folder that is named.
        const name = (await stat(join(ROOT, source))).isDirectory() ? "" : basename(source);
        const to = join(folder, target, name);
        await cp(join(ROOT, source), to, { recursive: true });
      }
    }
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const { code, err } = await runProgram([process.execPath, "run", "build"], folder);
    expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
    const built = await runProgram([join(folder, "dist/ringway"), "--version"], folder);
    expect(built.code).toBe(0);
  }, 60_000);

  test("copies nothing that .dockerignore keeps out", async () => {
    const lines = (await Bun.file(packaging("Dockerfile")).text()).split("\n");
    const ignore = (await Bun.file(join(ROOT, ".dockerignore")).text()).trim().split("\n");
    const sources = copies(lines).flatMap((copy) => copy.sources);
    expect(ignore).toEqual(["*", ...sources.map((source) => `!${source}`)]);
  });
});

test("the Kubernetes configuration is right", async () => {
  const text = await Bun.file(packaging("kubernetes.yaml")).text();
  const documents = text.split("\n---\n").map((one) => YAML.parse(one) as Document);
  const of = (kind: string) => documents.find((one) => one.kind === kind);
  const path = join(folder, "ringway.toml");
  await Bun.write(path, of("ConfigMap")?.data?.["ringway.toml"] ?? "");
  const command = [process.execPath, join(ROOT, "src/main.ts"), "check", path];
  const token = of("Secret")?.stringData?.adminToken ?? "";
  const child = Bun.spawn(command, {
    env: { ...process.env, RINGWAY_ADMIN_TOKEN: token },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = await child.stderr.text();
  // The service's name is known in a cluster only; that it is not here is a warning.
  expect({ code: await child.exited, said }).toEqual({
    code: 0,
    said: expect.not.stringContaining("error"),
  });
});

interface Document {
  readonly kind: string;
  readonly data?: Record<string, string>;
  readonly stringData?: Record<string, string>;
}

/** What the lines of a Dockerfile copy from outside. */
function copies(lines: readonly string[]): { sources: string[]; target: string }[] {
  return lines
    .filter((line) => line.startsWith("COPY ") && !line.includes("--from="))
    .map((line) => {
      const words = line.split(" ").slice(1);
      const target = words.at(-1) ?? "";
      return { sources: words.slice(0, -1), target };
    });
}
