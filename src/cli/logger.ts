import { type ConsolaInstance, createConsola, LogLevels, type LogObject } from "consola/core";
import { isStderrTerminal, standardStream, stderrWriter } from "./output.ts";
import { isJournal } from "./systemd/journal.ts";

/**
 * The log: on stderr, coloured for a person at a terminal, plain lines such as
 * `2026-02-03T04:05:06.789Z [info] [ringway] listening on …` for anything else that collects them,
 * without the time for systemd's journal.
 */
export async function createLogger(verbose: boolean): Promise<ConsolaInstance> {
  const options = {
    level: verbose ? LogLevels.debug : LogLevels.info,
    // Every line is one line: a badge would put empty ones around a warning.
    defaults: { tag: "ringway", badge: false },
  };
  if (isStderrTerminal()) {
    // Only a person is worth loading the colours for: 30 ms and 10 MiB.
    const consola = await import("consola");
    const stderr = standardStream("stderr");
    // Whoever reads along knows what time it is.
    const looks = { fancy: true, stdout: stderr, stderr, formatOptions: { date: false } };
    return consola.createConsola({ ...options, ...looks });
  }
  const write = stderrWriter();
  const hasTime = isJournal(2, process.env);
  const log = ({ date, type, tag, args }: LogObject) => {
    const time = hasTime ? "" : `${date.toISOString()} `;
    write(`${time}[${type}] [${tag}] ${args.join(" ")}\n`);
  };
  return createConsola({ ...options, reporters: [{ log }] });
}
