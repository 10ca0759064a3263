import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

/** One way to break a source file. */
export interface Mutation {
  what: string;
  /** Occurs exactly once in the file. */
  find: string;
  replace: string;
}

/** A folder below src/ of which mutants are made; it may import only itself, src/assert.ts, src/base and src/counts. */
export class MutantFactory {
  private readonly root = mkdtempSync(join(tmpdir(), "ringway-mutants-"));
  private made = 0;

  /** @param folder its absolute path */
  constructor(private readonly folder: string) {}

  /**
   * Applies a mutation and imports the result. Every mutant gets a folder of its own, because a
   * module is imported only once from a path.
   *
   * @param file which of the folder's files is broken
   * @param imports which of them to import, in this order; they know only the broken one
   */
  async make(file: string, mutation: Mutation, imports: readonly string[]): Promise<unknown[]> {
    const name = basename(this.folder);
    const source = await Bun.file(join(this.folder, file)).text();
    const places = source.split(mutation.find).length - 1;
    if (places !== 1) throw new Error(`"${mutation.what}": what to find occurs ${places} times`);
    const copy = join(this.root, `${++this.made}`);
    mkdirSync(copy);
    cpSync(this.folder, join(copy, name), { recursive: true });
    for (const shared of ["assert.ts", "base", "counts"]) {
      cpSync(join(this.folder, "..", shared), join(copy, shared), { recursive: true });
    }
    // By a function, because a replacement text may contain `$`.
    const mutated = source.replace(mutation.find, () => mutation.replace);
    writeFileSync(join(copy, name, file), mutated);
    return Promise.all(imports.map((each) => import(join(copy, name, each))));
  }

  clear(): void {
    rmSync(this.root, { recursive: true });
  }
}
