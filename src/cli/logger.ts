import {
  type ConsolaInstance,
  type ConsolaReporter,
  createConsola,
  LogLevels,
  type LogObject,
} from "consola/core";
import { printableLines } from "../base/error.ts";
import { outletOf } from "../observe/outlet.ts";
import { LogLines } from "./log-lines.ts";
import { isStderrTerminal, standardStream } from "./output.ts";
import { isJournal } from "./systemd/journal.ts";

/** The log, and its output. */
export interface ProgramLog {
  readonly log: ConsolaInstance;
  readonly lines: LogLines;
}

/**
 * The log: on stderr, coloured for a person at a terminal, plain lines such as
 * `2026-02-03T04:05:06.789Z [info] [ringway] listening on …` for anything else that collects them,
 * without the time for systemd's journal. Messages contain nothing that a terminal would obey.
 */
export async function createLogger(verbose: boolean): Promise<ProgramLog> {
  const options = {
    level: verbose ? LogLevels.debug : LogLevels.info,
    // A badge would put empty lines around a warning.
    defaults: { tag: "ringway", badge: false },
  };
  const lines = new LogLines(outletOf(2), (count) =>
    log.warn(`${count} of the log could not be written, or not fast enough, and are missing`),
  );
  const log: ConsolaInstance = isStderrTerminal()
    ? await colored(options, lines)
    : createConsola({ ...options, reporters: [plain(lines)] });
  log.setReporters(log.options.reporters.map(printable));
  return { log, lines };
}

async function colored(options: object, { write }: LogLines): Promise<ConsolaInstance> {
  // Colours cost 30 ms and 10 MiB: load them only for a person.
  const consola = await import("consola");
  // Node's stream only tells the terminal's width: writing to it would block.
  const { columns } = standardStream("stderr");
  const stream = { columns, write } as unknown as NodeJS.WriteStream;
  // A person who reads along needs no time.
  const looks = { fancy: true, stdout: stream, stderr: stream, formatOptions: { date: false } };
  return consola.createConsola({ ...options, ...looks });
}

function plain({ write }: LogLines): ConsolaReporter {
  const hasTime = isJournal(2, process.env);
  return {
    log: ({ date, type, tag, args }: LogObject) => {
      const time = hasTime ? "" : `${date.toISOString()} `;
      write(`${time}[${type}] [${tag}] ${args.join(" ")}\n`);
    },
  };
}

/** A reporter whose input is made printable first. */
function printable(reporter: ConsolaReporter): ConsolaReporter {
  return {
    log: (line, context) =>
      reporter.log({ ...line, args: line.args.map(printableArgument) }, context),
  };
}

function printableArgument(argument: unknown): string {
  return printableLines(String(argument));
}
