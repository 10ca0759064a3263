import { type ConsolaInstance, createConsola, LogLevels } from "consola";

/**
 * The log: on stderr, coloured for a person at a terminal, plain lines such as
 * `[info] [ringway] listening on …` for anything else that collects them.
 */
export function createLogger(verbose: boolean): ConsolaInstance {
  // A variable, as consola's types of this condition of its exports do not list all of these.
  const options = {
    level: verbose ? LogLevels.debug : LogLevels.info,
    fancy: process.stderr.isTTY === true,
    stdout: process.stderr,
    stderr: process.stderr,
    // Whoever collects the lines puts the time to them.
    formatOptions: { date: false },
    // Every line is one line: a badge would put empty ones around a warning.
    defaults: { tag: "ringway", badge: false },
  };
  return createConsola(options);
}
