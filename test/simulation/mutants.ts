import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleBroken } from "../fixtures/mutant-bundle.ts";
import type { RelayMutation } from "./mutations/list.ts";

const HOME = join(import.meta.dir, "..", "..");
const SCRIPT = join(import.meta.dir, "bite.ts");

/** Stories that a mutant is given; the same ones for each, so that one which survives does so every time. */
const STORIES = 1_500;
const SEED = 1338;
/** Whoever has not come to an end by then is in a circle. */
const HANG_MS = 300_000;

/** What stories made of a mutant. */
export interface Verdict {
  /** The number of the story that has noticed it; null when none has. */
  readonly story: number | null;
  /** The rule that it has broken, for whoever wants to know. */
  readonly rule: string;
}

/** Applies a mutation to what its file says. Throws when it is not the one place that it was made for. */
export async function mutated({ file, find, replace, what }: RelayMutation): Promise<string> {
  const source = await Bun.file(join(HOME, "src", file)).text();
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`"${what}" in ${file}: what to find occurs ${places} times`);
  // By a function, because a replacement text may contain `$`.
  return source.replace(find, () => replace);
}

/** Runs stories with a broken relay layer, each mutant in a process of its own: one may never end. */
export class RelayMutants {
  private readonly root = mkdtempSync(join(tmpdir(), "ringway-relays-"));
  private made = 0;

  /** Gives a mutant the story that has noticed it before, and all others if that does not any more. */
  async judge(mutation: RelayMutation, stories = STORIES): Promise<Verdict> {
    const broken = { path: join(HOME, "src", mutation.file), text: await mutated(mutation) };
    const folder = join(this.root, `${++this.made}`);
    await bundleBroken(SCRIPT, broken, folder);
    return await this.run(folder, stories, mutation);
  }

  clear(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  private async run(
    folder: string,
    stories: number,
    { file, story, what }: RelayMutation,
  ): Promise<Verdict> {
    const script = join(folder, "bite.js");
    const child = Bun.spawn([process.execPath, script, `${stories}`, `${SEED}`, `${story}`], {
      stdout: "pipe",
      stderr: "pipe",
      timeout: HANG_MS,
    });
    const [said, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    const code = await child.exited;
    const [, number = "", rule = ""] = /^(\d+) (.*)/.exec(said) ?? [];
    if (code === 0) return { story: null, rule: "" };
    // What cannot even be loaded is no mutant.
    if (number === "") throw new Error(`"${what}" in ${file}: ${error || "it never ends"}`);
    return { story: Number(number), rule };
  }
}
