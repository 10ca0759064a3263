import { expect, test } from "bun:test";
import { History } from "./history.ts";
import { relaySummary } from "./test-figures.ts";

test("keeps the last ones in order", () => {
  const history = new History(3);
  expect(history.list()).toEqual([]);
  for (let id = 1; id <= 8; id++) {
    history.add(relaySummary({ id }));
    const expected = [id - 2, id - 1, id].filter((kept) => kept > 0);
    expect(history.list().map((relay) => relay.id)).toEqual(expected);
  }
});
