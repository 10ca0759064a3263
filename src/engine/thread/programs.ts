import type { EngineName } from "../../config/options.ts";

/** The program of an engine's thread. */
export interface Program {
  readonly url: URL;
  /** It never returns to its event loop, so that messages must wake it by an eventfd. */
  readonly isBlocking: boolean;
}

/**
 * Whether this runs from source. In the executable all modules are one file, in the place of
 * src/main.ts, while the workers' programs keep their places below src/ (the build in package.json
 * names them as entries).
 */
const isSource = /[\\/]thread[\\/]programs\.\w+$/.test(import.meta.path);
const root = isSource ? ".." : "./engine";

/** The programs by engine. */
export const programs: Readonly<Record<EngineName, Program>> = {
  sockets: { url: new URL(`${root}/sockets/worker.ts`, import.meta.url), isBlocking: false },
  uring: { url: new URL(`${root}/uring/worker.ts`, import.meta.url), isBlocking: true },
};
