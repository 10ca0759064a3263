import { type ConsolaInstance, createConsola, LogLevels, type LogObject } from "consola/core";
import { printableLines } from "../config/error.ts";
import { isStderrTerminal, standardStream, stderrWriter } from "./output.ts";
import { isJournal } from "./systemd/journal.ts";

/**
 * The log: on stderr, coloured for a person at a terminal, plain lines such as
 * `2026-02-03T04:05:06.789Z [info] [ringway] listening on …` for anything else that collects them,
 * without the time for systemd's journal. Nothing in a message is obeyed by a terminal, whoever it is from.
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
    const log = consola.createConsola({ ...options, ...looks });
    const shown = log.options.reporters;
    log.setReporters(
      shown.map((one) => ({
        log: (line, context) =>
          one.log({ ...line, args: line.args.map(printableArgument) }, context),
      })),
    );
    return log;
  }
  const write = stderrWriter();
  const hasTime = isJournal(2, process.env);
  const log = ({ date, type, tag, args }: LogObject) => {
    const time = hasTime ? "" : `${date.toISOString()} `;
    write(`${time}[${type}] [${tag}] ${args.map(printableArgument).join(" ")}\n`);
  };
  return createConsola({ ...options, reporters: [{ log }] });
}

function printableArgument(argument: unknown): string {
  return printableLines(String(argument));
}
