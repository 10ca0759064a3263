import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleBroken } from "../fixtures/mutant-bundle.ts";
import type { Mutation } from "../model/mutant.ts";
import type { LoopClass } from "./life.ts";

const FOLDER = join(import.meta.dir, "..", "..", "src", "engine", "uring");

/** Makes broken engines. */
export class LoopMutants {
  private readonly root = mkdtempSync(join(tmpdir(), "ringway-loops-"));
  private made = 0;

  /** @param file seen from src/engine/uring, in which the mutation is applied */
  async make(file: string, mutation: Mutation): Promise<LoopClass> {
    const path = join(FOLDER, file);
    const source = await Bun.file(path).text();
    const places = source.split(mutation.find).length - 1;
    if (places !== 1) throw new Error(`"${mutation.what}": what to find occurs ${places} times`);
    // By a function, because a replacement text may contain `$`.
    const text = source.replace(mutation.find, () => mutation.replace);
    const folder = join(this.root, `${++this.made}`);
    await bundleBroken(join(FOLDER, "loop.ts"), { path, text }, folder);
    const module = (await import(join(folder, "loop.js"))) as { Loop: LoopClass };
    return module.Loop;
  }

  clear(): void {
    rmSync(this.root, { recursive: true });
  }
}
