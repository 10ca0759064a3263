import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { flowMutations } from "../../test/model/flow-mutations.ts";
import { type FlowClass, flowProperty } from "../../test/model/flow-property.ts";
import { flowMisuses, outcome, relayMisuses } from "../../test/model/misuse.ts";
import { MutantFactory, type Mutation } from "../../test/model/mutant.ts";
import { relayMutations } from "../../test/model/relay-mutations.ts";
import { type RelayClass, relayProperty } from "../../test/model/relay-property.ts";

// Shows that the model tests bite: each rule is broken in turn, and every time they must fail.

const factory = new MutantFactory(import.meta.dir);
afterAll(() => factory.clear());

/** The same lives for every mutant, so that one which survives does so every time. */
const lives = { seed: 1338, numRuns: 5000, endOnFailure: true } as const;

interface Classes {
  Flow: FlowClass;
  Relay: RelayClass;
}

async function classesOf(file: string, mutation: Mutation): Promise<Classes> {
  const modules = await factory.make(file, mutation, ["flow.ts", "relay.ts"]);
  return Object.assign({}, ...modules) as Classes;
}

/** Whether the model tests of what is in that file, or stands on it, notice. */
function modelFails(file: string, { Flow, Relay }: Classes): boolean {
  if (file === "flow.ts" && fc.check(flowProperty(Flow), lives).failed) return true;
  return fc.check(relayProperty(Flow, Relay), lives).failed;
}

/** Whether the tests of the assertions notice. */
function misuseFails({ Flow, Relay }: Classes): boolean {
  const flow = () => new Flow(4, 8);
  if (flowMisuses(Flow).some((misuse) => outcome(misuse, flow) !== misuse.says)) return true;
  const relay = () => new Relay(flow(), flow());
  return relayMisuses.some((misuse) => outcome(misuse, relay) !== misuse.says);
}

for (const [file, mutations] of [
  ["flow.ts", flowMutations],
  ["relay.ts", relayMutations],
] as const) {
  describe(`the model notices, in ${file}:`, () => {
    for (const mutation of mutations) {
      test(mutation.what, async () => {
        expect(modelFails(file, await classesOf(file, mutation))).toBe(true);
      });
    }
  });

  describe(`a test notices, in ${file}, that it does not assert:`, async () => {
    const source = await Bun.file(`${import.meta.dir}/${file}`).text();
    for (const [line, words] of source.matchAll(/^ *assert\(.*, "(.*)"\);\n/gm)) {
      const mutation = { what: String(words), find: line, replace: "" };
      test(mutation.what, async () => {
        const classes = await classesOf(file, mutation);
        expect(misuseFails(classes) || modelFails(file, classes)).toBe(true);
      });
    }
  });
}

test("without a mutation nothing fails", async () => {
  const none = { what: "nothing", find: "export class Flow {", replace: "export class Flow {" };
  const classes = await classesOf("flow.ts", none);
  expect([modelFails("flow.ts", classes), misuseFails(classes)]).toEqual([false, false]);
});
