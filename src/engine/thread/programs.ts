import type { EngineName } from "../../config/options.ts";

/** How a thread runs an engine. */
export interface Program {
  readonly url: URL;
  /** It never returns to its event loop, so that messages have to wake it by an eventfd. */
  readonly isBlocking: boolean;
}

/**
 * Whether this runs from its source. In the executable all modules are one file, in the place of
 * src/main.ts, and the workers' programs keep the places that they have below src/ (package.json's
 * build names them as entries of their own).
 */
const isSource = /[\\/]thread[\\/]programs\.\w+$/.test(import.meta.path);
const root = isSource ? ".." : "./engine";

/** The program of a worker's thread, for each engine. */
export const programs: Readonly<Record<EngineName, Program>> = {
  sockets: { url: new URL(`${root}/sockets/worker.ts`, import.meta.url), isBlocking: false },
  uring: { url: new URL(`${root}/uring/worker.ts`, import.meta.url), isBlocking: true },
};
