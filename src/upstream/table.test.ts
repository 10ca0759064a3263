import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type Counting, Told } from "../../test/fixtures/counting-worker.ts";
import { waitFor } from "../../test/fixtures/wait.ts";
import { SLOTS_MAX, UpstreamTable, WEIGHT_UNIT } from "./table.ts";

/** The view of the control plane and that of each worker. */
function views(workers: number): [UpstreamTable, ...UpstreamTable[]] {
  const table = new UpstreamTable(workers);
  table.openAll();
  const others = Array.from(
    { length: workers },
    (_, worker) => new UpstreamTable(workers, worker, table.memory),
  );
  return [table, ...others];
}

describe("what one view writes, all others read", () => {
  test("open, weight, and a part of it", () => {
    const [table, one, other] = views(2) as [UpstreamTable, UpstreamTable, UpstreamTable];
    expect([one.isOpen(7), one.weight(7), one.fullWeight(7)]).toEqual([
      true,
      WEIGHT_UNIT,
      WEIGHT_UNIT,
    ]);
    table.setOpen(7, false);
    table.setWeight(7, 3, 0.25);
    for (const view of [one, other]) {
      expect([view.isOpen(7), view.weight(7), view.fullWeight(7)]).toEqual([
        false,
        (3 * WEIGHT_UNIT) / 4,
        3 * WEIGHT_UNIT,
      ]);
    }
    expect(one.isOpen(6) && one.isOpen(8)).toBe(true);
  });

  test("a part of a weight is never nothing, and a part of nothing is", () => {
    const [table] = views(1);
    table.setWeight(0, 1, 1e-9);
    expect(table.weight(0)).toBe(1);
    table.setWeight(0, 0, 0.5);
    expect(table.weight(0)).toBe(0);
  });

  test("relays, and that a dial was answered, once", () => {
    const [table, one, other] = views(2) as [UpstreamTable, UpstreamTable, UpstreamTable];
    expect(one.enter(0, 0) && other.enter(0, 0)).toBe(true);
    expect([table.running(0), one.running(0), table.running(1)]).toEqual([2, 2, 0]);
    one.leave(0);
    expect(other.running(0)).toBe(1);
    other.dialed(0);
    one.dialed(0);
    expect([table.wasDialed(0), table.wasDialed(0), table.wasDialed(1)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("no more than the most are there, whoever has them", () => {
    const [table, one, other] = views(2) as [UpstreamTable, UpstreamTable, UpstreamTable];
    expect([one.enter(0, 2), other.enter(0, 2), one.enter(0, 2)]).toEqual([true, true, false]);
    expect(table.running(0)).toBe(2);
    other.leave(0);
    expect(one.enter(0, 2)).toBe(true);
  });
});

describe("changes", () => {
  test("are counted for all views when they are ones, and relays are none", () => {
    const [table, one] = views(2) as [UpstreamTable, UpstreamTable];
    /** Whether it was counted. */
    const counts = (change: () => void) => {
      const before = one.changes;
      change();
      expect(table.changes).toBe(one.changes);
      return one.changes !== before;
    };
    expect(counts(() => table.setOpen(3, false))).toBe(true);
    expect(counts(() => table.setOpen(3, false))).toBe(false);
    expect(counts(() => table.setWeight(3, 2))).toBe(true);
    expect(counts(() => table.setWeight(3, 2))).toBe(false);
    expect(counts(() => table.setWeight(3, 2, 0.5))).toBe(true);
    // The same weight now, but it grows to another one.
    expect(counts(() => table.setWeight(3, 1))).toBe(true);
    expect(counts(() => table.reset(3, 1))).toBe(true);
    const relays = () => {
      one.enter(3, 0);
      one.dialed(3);
      one.leave(3);
      table.wasDialed(3);
      table.forget(0);
    };
    expect(counts(relays)).toBe(false);
  });

  test("leave the last worker's counts alone", () => {
    const [table, , last] = views(2) as [UpstreamTable, UpstreamTable, UpstreamTable];
    last.enter(SLOTS_MAX - 1, 0);
    table.setOpen(SLOTS_MAX - 1, false);
    table.forget(1);
    expect(table.running(SLOTS_MAX - 1)).toBe(0);
  });
});

test("a row begun anew knows nothing of its last upstream, and is a row", () => {
  const [table, one] = views(1) as [UpstreamTable, UpstreamTable];
  one.dialed(3);
  table.setOpen(3, false);
  table.reset(3, 5);
  expect([table.isOpen(3), table.weight(3), table.wasDialed(3)]).toEqual([
    true,
    5 * WEIGHT_UNIT,
    false,
  ]);
  expect(() => table.reset(SLOTS_MAX, 1)).toThrow();
});

describe("a worker that is no more", () => {
  test("has its relays taken back, and nobody else's", () => {
    const [table, one, other] = views(2) as [UpstreamTable, UpstreamTable, UpstreamTable];
    for (let more = 0; more < 3; more++) one.enter(0, 0);
    one.enter(SLOTS_MAX - 1, 0);
    other.enter(0, 0);
    table.forget(0);
    expect([table.running(0), table.running(SLOTS_MAX - 1)]).toEqual([1, 0]);
    table.forget(0);
    expect(table.running(0)).toBe(1);
    // Its successor counts in the same place.
    one.enter(0, 0);
    table.forget(1);
    expect(table.running(0)).toBe(1);
    one.leave(0);
    expect(table.running(0)).toBe(0);
  });

  test("is none that there never was", () => {
    const [table] = views(2);
    expect(() => table.forget(2)).toThrow();
    expect(() => new UpstreamTable(2, 2, table.memory)).toThrow();
  });
});

describe("two threads", () => {
  const url = new URL("../../test/fixtures/counting-worker.ts", import.meta.url);

  /** Lets two workers count at the same time, and waits for both. */
  async function together(
    table: UpstreamTable,
    orders: readonly Pick<Counting, "most" | "left" | "rounds">[],
  ): Promise<Int32Array> {
    const told = new SharedArrayBuffer(4 * 4);
    const words = new Int32Array(told);
    const threads = orders.map((order, worker) => {
      const { memory, workers } = table;
      const workerData: Counting = { ...order, memory, workers, worker, slot: 5, told };
      return new Worker(url, { workerData });
    });
    const over = Promise.all(threads.map((thread) => once(thread, "exit")));
    await waitFor(() => Atomics.load(words, Told.There) === threads.length, "both are there");
    Atomics.store(words, Told.Begin, 1);
    Atomics.notify(words, Told.Begin);
    await over;
    return words;
  }

  test("lose no count, and what one had can be taken back", async () => {
    const table = new UpstreamTable(2);
    table.openAll();
    const order = { rounds: 200_000, most: 0 };
    await together(table, [
      { ...order, left: 11 },
      { ...order, left: 31 },
    ]);
    expect(table.running(5)).toBe(42);
    expect(table.wasDialed(5)).toBe(true);
    table.forget(0);
    expect(table.running(5)).toBe(31);
    table.forget(1);
    expect(table.running(5)).toBe(0);
  });

  test("never have more than the most", async () => {
    const table = new UpstreamTable(2);
    table.openAll();
    const order = { rounds: 200_000, most: 1, left: 0 };
    const words = await together(table, [order, order]);
    expect(words[Told.TooMany]).toBe(0);
    expect(table.running(5)).toBe(0);
  });
});
