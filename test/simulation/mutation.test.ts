import { afterAll, expect, test } from "bun:test";
import { availableParallelism } from "node:os";
import { seeded } from "../fixtures/random.ts";
import { fuzz } from "../model/fuzz.ts";
import { mutated, RelayMutants } from "./mutants.ts";
import { type RelayMutation, relayLayerMutations } from "./mutations/list.ts";

// Shows that stories bite: each way to break the relay layer is noticed by one of them. All of them take minutes:
//
//     RINGWAY_MUTATIONS=all bun test test/simulation/mutation.test.ts
//
// That also tells which story has noticed each, where another one did before.

const all = process.env.RINGWAY_MUTATIONS === "all";
/** So many are tried each time: the same ones, unless the environment has another seed, see {@link fuzz}. */
const SAMPLE = 24;
const SEED = 1;
const TIMEOUT_MS = all ? 24 * 3_600_000 : 300_000;

const mutants = new RelayMutants();
afterAll(() => mutants.clear());

test("there are at least 80 ways to break the relay layer, each of them in one place", async () => {
  expect(relayLayerMutations.length).toBeGreaterThanOrEqual(80);
  const sources = await Promise.all(relayLayerMutations.map(mutated));
  expect(sources).toHaveLength(relayLayerMutations.length);
});

test("each has a name of its own", () => {
  const names = relayLayerMutations.map(({ file, what }) => `${file}: ${what}`);
  expect(new Set(names).size).toBe(names.length);
});

test(
  all ? "a story notices each of them" : "a story notices each of a few of them",
  async () => {
    const left = all ? [...relayLayerMutations] : sample(relayLayerMutations, SAMPLE);
    const survivors: string[] = [];
    const work = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const { story, rule } = await mutants.judge(next);
        const name = `${next.file}: ${next.what}`;
        if (story === null) survivors.push(name);
        else if (story !== next.story) {
          process.stderr.write(`${name}: story ${story} now, not ${next.story}: ${rule}\n`);
        }
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
    const none = { file: "relay/lane.ts", what: "nothing", find, replace: find, story: 0 };
    expect((await mutants.judge(none, 100)).story).toBeNull();
  },
  TIMEOUT_MS,
);

function sample(of: readonly RelayMutation[], count: number): RelayMutation[] {
  const random = seeded(fuzz(0).seed ?? SEED);
  const left = [...of];
  return Array.from(
    { length: count },
    () => left.splice(Math.floor(random() * left.length), 1)[0] as RelayMutation,
  );
}
