import { expect, test } from "bun:test";
import { Count, engineRow } from "../../counts/figures.ts";
import { sharedNumbers } from "../../relay/ledger/page.ts";
import { Turn } from "./turn.ts";

const counts = () => sharedNumbers(engineRow.size);

/** Passes of the loop with so many events each. */
async function passes(turn: Turn, count: number, events: number): Promise<void> {
  for (let pass = 0; pass < count; pass++) {
    for (let event = 0; event < events; event++) turn.event();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("quiet turns are estimated, and none is busy", async () => {
  const counted = counts();
  const turn = new Turn(counted);
  for (let pass = 1; pass <= 100; pass++) {
    await passes(turn, 1, 1);
    expect(Math.round(counted[Count.turns] as number)).toBe(pass);
    expect(counted[Count.events]).toBe(pass);
    expect(turn.busy).toBe(false);
  }
});

test("busy ones are counted one by one", async () => {
  const counted = counts();
  const turn = new Turn(counted);
  await passes(turn, 100, 20);
  expect([counted[Count.turns], counted[Count.events], turn.busy]).toEqual([100, 2000, true]);
});

test.each([8, 9, 10, 11, 12, 13, 16, 50])(
  "%d events at a time are busy after a few turns",
  async (events) => {
    for (let before = 0; before < 16; before++) {
      const turn = new Turn(counts());
      await passes(turn, before, 1);
      await passes(turn, 4, events);
      expect(turn.busy).toBe(true);
      await passes(turn, 1, 1);
      expect(turn.busy).toBe(false);
    }
  },
);

test("work deferred in a busy turn is done once, at its end", async () => {
  const turn = new Turn(counts());
  await passes(turn, 1, 20);
  let ended = 0;
  turn.event();
  turn.defer({ turnEnded: () => ended++ });
  expect(ended).toBe(0);
  await passes(turn, 2, 20);
  expect(ended).toBe(1);
});
