import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mutation } from "../model/mutant.ts";
import type { LoopClass } from "./life.ts";

const SOURCE = join(import.meta.dir, "..", "..", "src");

/** Rooms above the engines, which these do not import. */
const ABOVE = ["admin", "cli", "control", "library", "observe"].map((room) => join(SOURCE, room));

/** Makes broken engines: each is a copy of all that it imports, because a module is imported only once. */
export class LoopMutants {
  private readonly root = mkdtempSync(join(tmpdir(), "ringway-loops-"));
  private made = 0;

  /** @param file seen from src/engine/uring, in which the mutation is applied */
  async make(file: string, mutation: Mutation): Promise<LoopClass> {
    const folder = join("engine", "uring");
    const source = await Bun.file(join(SOURCE, folder, file)).text();
    const places = source.split(mutation.find).length - 1;
    if (places !== 1) throw new Error(`"${mutation.what}": what to find occurs ${places} times`);
    const copy = join(this.root, `${++this.made}`);
    cpSync(SOURCE, copy, { recursive: true, filter: isNeeded });
    // By a function, because a replacement text may contain `$`.
    const mutated = source.replace(mutation.find, () => mutation.replace);
    writeFileSync(join(copy, folder, file), mutated);
    const module = (await import(join(copy, folder, "loop.ts"))) as { Loop: LoopClass };
    return module.Loop;
  }

  clear(): void {
    rmSync(this.root, { recursive: true });
  }
}

function isNeeded(path: string): boolean {
  return !ABOVE.includes(path) && !path.endsWith(".test.ts");
}
