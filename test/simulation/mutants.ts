import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RelayMutation } from "./mutations/list.ts";

const HOME = join(import.meta.dir, "..", "..");
const COPIED = ["src", "test/simulation", "test/uring", "test/model", "test/fixtures"];

/** Stories that a mutant is given; the same ones for each, so that one which survives does so every time. */
const STORIES = 1_500;
const SEED = 1338;
/** Whoever has not come to an end by then is in a circle. */
const HANG_MS = 120_000;

/** What stories made of a mutant. */
export interface Verdict {
  readonly isNoticed: boolean;
  /** The rule that it has broken, for whoever wants to know. */
  readonly why: string;
}

/** Applies a mutation to what its file says. Throws when it is not the one place that it was made for. */
export async function mutated({ file, find, replace, what }: RelayMutation): Promise<string> {
  const source = await Bun.file(join(HOME, "src", file)).text();
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`"${what}" in ${file}: what to find occurs ${places} times`);
  // By a function, because a replacement text may contain `$`.
  return source.replace(find, () => replace);
}

/** Runs stories with a broken relay layer, each in a process of its own: one may never end. */
export class RelayMutants {
  private readonly root = mkdtempSync(join(tmpdir(), "ringway-relays-"));
  private made = 0;

  async judge(mutation: RelayMutation, stories = STORIES): Promise<Verdict> {
    const source = await mutated(mutation);
    const copy = join(this.root, `${++this.made}`);
    for (const folder of COPIED) {
      cpSync(join(HOME, folder), join(copy, folder), { recursive: true });
    }
    symlinkSync(join(HOME, "node_modules"), join(copy, "node_modules"));
    writeFileSync(join(copy, "src", mutation.file), source);
    const script = join(copy, "test", "simulation", "bite.ts");
    const child = Bun.spawn([process.execPath, script, `${stories}`, `${SEED}`], {
      stdout: "pipe",
      stderr: "pipe",
      timeout: HANG_MS,
    });
    const [why, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    const code = await child.exited;
    rmSync(copy, { recursive: true });
    return { isNoticed: code !== 0, why: child.signalCode === null ? why || error : "never ends" };
  }

  clear(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
