import type { EngineName } from "../../config/options.ts";

/**
 * Whether this runs from its source. In the executable all modules are one file, in the place of
 * src/main.ts, and the workers' programs keep the places that they have below src/ (package.json's
 * build names them as entries of their own).
 */
const isSource = /[\\/]thread[\\/]programs\.\w+$/.test(import.meta.path);

/** The program of a worker's thread that runs this engine. */
export function workerProgram(engine: EngineName): URL {
  return new URL(`${isSource ? ".." : "./engine"}/${engine}/worker.ts`, import.meta.url);
}
