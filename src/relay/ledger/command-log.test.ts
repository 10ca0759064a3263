import { expect, test } from "bun:test";
import { CommandLog, type NotedCommand, notedCommands } from "./command-log.ts";

function command(parts: Partial<NotedCommand> = {}): NotedCommand {
  return {
    at: 1_700_000_000_000,
    client: "10.0.0.1:50000",
    command: "GET",
    requestBytes: 20,
    replyBytes: 5,
    upstreamMs: 12.5,
    ...parts,
  };
}

test("what is noted is read by others, the latest first", () => {
  const log = new CommandLog(3);
  const page = structuredClone(log.page);
  expect(notedCommands(page)).toEqual([]);
  const all = ["GET", "LRANGE", "CONFIG GET", "other"].map((name, at) =>
    command({ command: name, at, client: `[2001:db8::${at}]:1` }),
  );
  for (const one of all) log.note(one);
  expect(notedCommands(page)).toEqual(all.slice(1).reverse());
});

test("of replies those that are bigger than the smallest take its place", () => {
  const log = new CommandLog(2);
  expect(log.noteBigger(command({ replyBytes: 10 }))).toBe(0);
  expect(log.noteBigger(command({ replyBytes: 30 }))).toBe(10);
  expect(log.noteBigger(command({ replyBytes: 20 }))).toBe(20);
  expect(notedCommands(log.page).map(({ replyBytes }) => replyBytes)).toEqual([20, 30]);
});

test("names that are too long are cut off, and harm no other entry", () => {
  const log = new CommandLog(2);
  log.note(command({ client: "c".repeat(500), command: "d".repeat(500) }));
  log.note(command());
  const [second, first] = notedCommands(log.page);
  expect(second).toEqual(command());
  expect(first).toMatchObject({ client: "c".repeat(64), command: "d".repeat(48) });
});

test("an entry that is being written is left out", () => {
  const log = new CommandLog(2);
  log.note(command());
  log.note(command({ command: "SET" }));
  log.page.numbers[0] = 0;
  expect(notedCommands(log.page)).toEqual([command({ command: "SET" })]);
});
