import { expect, test } from "bun:test";
import { CommandCount, commandFigures, ValkeyCount, valkeyFigures } from "../../counts/figures.ts";
import { LATENCY_BUCKETS } from "../../counts/latency.ts";
import { wholeShare } from "../share.ts";
import { CommandLog, type NotedCommand } from "./command-log.ts";
import { Ledger } from "./ledger.ts";
import { Meter } from "./meter.ts";
import { COMMAND_NUMBERS, type Numbers, sharedNumbers } from "./page.ts";
import { Pages } from "./pages.ts";
import { addValkey, noValkeyStats, SLOW_KEPT } from "./valkey-stats.ts";

const memory = { segmentSize: 1_024, segmentCount: 8 };

function noted(parts: Partial<NotedCommand> = {}): NotedCommand {
  const sizes = { requestBytes: 1, replyBytes: 2, upstreamMs: 11 };
  return { at: 1, client: "c", command: "GET", ...sizes, ...parts };
}

test("a listener's commands are read by another thread, and what dies with a worker is over", () => {
  const ledger = new Ledger("uring", new Meter(1_024, 4_096), wholeShare, memory);
  const account = ledger.account("cache");
  const counts = sharedNumbers(valkeyFigures.size);
  const [slow, biggest] = [new CommandLog(2), new CommandLog(2)];
  const [slowPage, biggestPage] = [slow.page, biggest.page];
  account.addPage({
    kind: "valkey",
    listener: "cache",
    counts,
    slow: slowPage,
    biggest: biggestPage,
  });
  const copy = new Pages("uring");
  ledger.pages.follow(
    (page) => copy.add(structuredClone(page)),
    () => {},
  );
  const row = sharedNumbers(COMMAND_NUMBERS);
  account.addPage({ kind: "command", listener: "cache", command: "GET", counts: row });
  counts[ValkeyCount.clients] = 3;
  counts[ValkeyCount.repliesOwed] = 4;
  counts[ValkeyCount.lostConnections] = 5;
  row[CommandCount.errors] = 1;
  row[commandFigures.size] = 6;
  row[commandFigures.size + 2] = 1;
  (row as Numbers)[commandFigures.size + LATENCY_BUCKETS] = 7;
  slow.note(noted());
  biggest.noteBigger(noted({ replyBytes: 9 }));
  biggest.noteBigger(noted({ replyBytes: 8 }));
  const [listener] = copy.stats().listeners;
  expect(listener?.valkey).toMatchObject({
    clients: 3,
    lostConnections: 5,
    commands: [{ command: "GET", calls: 7, errors: 1, waitTimes: { 0: 7 } }],
    slow: [noted()],
    biggest: [noted({ replyBytes: 9 }), noted({ replyBytes: 8 })],
  });
  expect(listener?.valkey?.commands[0]?.upstreamTimes).toEqual([6, 0, 1, ...zeros(10)]);
  copy.close();
  expect(ledger.pages.stats().listeners[0]?.valkey).toMatchObject({
    clients: 0,
    repliesOwed: 0,
    lostConnections: 5,
    commands: [{ calls: 7 }],
  });
});

function zeros(count: number): number[] {
  return new Array<number>(count).fill(0);
}

test("several workers are one: commands are added up, of what stood out the latest and the biggest stay", () => {
  const command = { ...commandFigures.none(), calls: 2, upstreamTimes: [2], waitTimes: [1, 1] };
  const slow = Array.from({ length: SLOW_KEPT }, (_, at) => noted({ at: SLOW_KEPT - at }));
  const one = {
    ...noValkeyStats(),
    clients: 1,
    commands: [{ ...command, command: "GET", errors: 1 }],
    slow,
    biggest: [noted({ replyBytes: 7 })],
  };
  const other = {
    ...noValkeyStats(),
    clients: 2,
    commands: [
      { ...command, command: "SET" },
      { ...command, command: "GET", upstreamTimes: [0, 2] },
    ],
    slow: [noted({ at: 1_000 })],
    biggest: [noted({ replyBytes: 9 })],
  };
  const total = noValkeyStats();
  for (const part of [one, other]) addValkey(total, part);
  expect(total).toMatchObject({
    clients: 3,
    commands: [
      { command: "GET", calls: 4, errors: 1, upstreamTimes: [2, 2], waitTimes: [2, 2] },
      { command: "SET", calls: 2 },
    ],
    biggest: [{ replyBytes: 9 }, { replyBytes: 7 }],
  });
  expect(total.slow.length).toBe(SLOW_KEPT);
  expect(total.slow.slice(0, 2).map(({ at }) => at)).toEqual([1_000, SLOW_KEPT]);
  // What went in is as it was.
  expect(one.commands[0]?.upstreamTimes).toEqual([2]);
});
