import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mutation } from "../model/mutant.ts";
import type { LoopClass } from "./life.ts";

const FOLDER = join(import.meta.dir, "..", "..", "src", "engine", "uring");

/** Makes broken engines: each is a bundle of all that it imports, because a module is imported only once. */
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
    const mutated = source.replace(mutation.find, () => mutation.replace);
    const bundle = join(this.root, `${++this.made}`);
    let isApplied = false;
    const mutant: Bun.BunPlugin = {
      name: "mutant",
      setup: ({ onLoad }) => {
        onLoad({ filter: /\.ts$/ }, (loaded) => {
          if (loaded.path !== path) return undefined;
          isApplied = true;
          return { contents: mutated, loader: "ts" };
        });
      },
    };
    const entrypoints = [join(FOLDER, "loop.ts")];
    await Bun.build({ entrypoints, outdir: bundle, target: "bun", plugins: [mutant] });
    if (!isApplied) throw new Error(`"${mutation.what}": the loop does not import ${file}`);
    const module = (await import(join(bundle, "loop.js"))) as { Loop: LoopClass };
    return module.Loop;
  }

  clear(): void {
    rmSync(this.root, { recursive: true });
  }
}
