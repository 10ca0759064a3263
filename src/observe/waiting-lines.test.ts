import { expect, test } from "bun:test";
import { WaitingLines } from "./waiting-lines.ts";

test("that clients wait is a line when it begins and one when it ends: how many, and how long", () => {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const waiting = new WaitingLines({ warn: log as never, info: log as never });
  const look = (main: number, now: number, db = 0) => {
    const figures = [
      { listener: "main", waiting: main },
      { listener: "db", waiting: db },
    ];
    waiting.look(figures, now);
  };
  look(0, 0);
  expect(lines).toEqual([]);
  look(1, 500);
  look(1_200, 1_000, 2);
  // Somebody soon does again.
  look(0, 1_500, 2);
  look(3, 3_500, 2);
  look(0, 4_000, 2);
  expect(lines).toEqual([
    "main: 1 client waits for room or for an upstream to come back",
    "db: 2 clients wait for room or for an upstream to come back",
  ]);
  look(0, 5_500, 2);
  look(0, 6_000, 2);
  expect(lines.slice(2)).toEqual([
    "main: no client waits any more, after 3.5s, at most 1,200 at once",
  ]);
  look(1, 6_500);
  expect(lines.at(-1)).toStartWith("main: 1 client waits");
});
