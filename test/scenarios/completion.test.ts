import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../clients/programs.ts";
import { runCli } from "../fixtures/cli-process.ts";

// What `ringway completion` prints, in the shells themselves.

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-completion-"));
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, out } = await runCli("completion", shell);
    expect(code).toBe(0);
    await Bun.write(join(folder, shell), out);
  }
  await Bun.write(join(folder, "ringway.toml"), "");
});

afterAll(() => rm(folder, { recursive: true }));

const lines: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["ringway --bala", ["--balance"]],
  ["ringway --balance l", ["least-relays"]],
  ["ringway -m s", ["sink"]],
  ["ringway --check-tls o", ["off", "on"]],
  ["ringway --uring-send zero", ["zerocopy", "zerocopy-message"]],
  ["ringway upst", ["upstreams"]],
  ["ringway upstreams --wei", ["--weight"]],
  ["ringway help mir", ["mirror"]],
  ["ringway completion z", ["zsh"]],
  ["ringway -c ringw", ["ringway.toml"]],
  ["ringway check ringw", ["ringway.toml"]],
  ["ringway --listen ", []],
];

test.each([...lines])("bash: %s", async (line, offered) => {
  const words = line.split(" ").map((word) => `'${word}'`);
  const script = `source ./bash; COMP_WORDS=(${words.join(" ")}); COMP_CWORD=${words.length - 1}
_ringway; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { code, out, err } = await runProgram(["bash", "-c", script], folder);
  const found = out.split("\n").filter((one) => one !== "");
  expect({ code, err, found: found.sort() }).toEqual({ code: 0, err: "", found: [...offered] });
});

const fish = Bun.which("fish");
const forFish = lines.filter(([, offered]) => offered.length > 0);

test.if(fish !== null).each(forFish)("fish: %s", async (line, offered) => {
  const script = `source ./fish; complete -C '${line}'`;
  const { code, out } = await runProgram([fish ?? "", "--no-config", "-c", script], folder);
  const found = out.split("\n").flatMap((one) => one.split("\t")[0] || []);
  expect({ code, found: found.sort() }).toEqual({ code: 0, found: [...offered] });
});

const zsh = Bun.which("zsh");

test.if(zsh !== null)("zsh reads it", async () => {
  const { code, err } = await runProgram([zsh ?? "", "-f", "-n", "zsh"], folder);
  expect({ code, err }).toEqual({ code: 0, err: "" });
});

test("a shell that nobody knows is refused", async () => {
  expect(await runCli("completion", "tcsh")).toEqual({
    code: 2,
    out: "",
    err: 'ringway: completion needs a shell: bash, zsh, fish, got "tcsh"\n',
  });
});
