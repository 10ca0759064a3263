import { afterAll, expect, test } from "bun:test";
import { availableParallelism } from "node:os";
import { seeded } from "../fixtures/random.ts";
import { fuzz } from "../model/fuzz.ts";
import { mutated, RelayMutants } from "./mutants.ts";
import { type RelayMutation, relayLayerMutations } from "./mutations/list.ts";

// Shows that stories bite: each way to break the relay layer is noticed by one of them. All of them take minutes:
//
//     RINGWAY_MUTATIONS=all bun test test/simulation/mutation.test.ts
//     RINGWAY_MUTATIONS=open bun test test/simulation/mutation.test.ts    those that no story is known to notice

const { RINGWAY_MUTATIONS } = process.env;
const all = RINGWAY_MUTATIONS !== undefined;
const noticed = relayLayerMutations.filter((one) => one.isOpen === undefined);
const open = relayLayerMutations.filter((one) => one.isOpen === true);
/** So many are tried each time, others each time. */
const SAMPLE = 4;
const TIMEOUT_MS = all ? 24 * 3_600_000 : 300_000;

const mutants = new RelayMutants();
afterAll(() => mutants.clear());

test("stories notice at least 80 ways to break the relay layer, each of them in one place", async () => {
  expect(noticed.length).toBeGreaterThanOrEqual(80);
  const sources = await Promise.all(relayLayerMutations.map(mutated));
  expect(sources).toHaveLength(relayLayerMutations.length);
});

test("each has a name of its own", () => {
  const names = relayLayerMutations.map(({ file, what }) => `${file}: ${what}`);
  expect(new Set(names).size).toBe(names.length);
});

const seed = fuzz(0).seed ?? Date.now() & 0x7fff_ffff;

test(
  all ? "a story notices each of them" : `a story notices each of a few of them (seed ${seed})`,
  async () => {
    const left = all ? [...noticed] : sample(noticed, SAMPLE);
    if (RINGWAY_MUTATIONS === "open") left.splice(0, Infinity, ...open);
    const survivors: string[] = [];
    const work = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const { isNoticed } = await mutants.judge(next);
        if (!isNoticed) survivors.push(`${next.file}: ${next.what}`);
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, work));
    expect(survivors).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  "without a mutation nothing fails",
  async () => {
    const find = "export class Lane";
    const none = { file: "relay/lane.ts", what: "nothing", find, replace: find };
    expect((await mutants.judge(none, 100)).isNoticed).toBe(false);
  },
  TIMEOUT_MS,
);

function sample(of: readonly RelayMutation[], count: number): RelayMutation[] {
  const random = seeded(seed);
  const left = [...of];
  return Array.from(
    { length: count },
    () => left.splice(Math.floor(random() * left.length), 1)[0] as RelayMutation,
  );
}
