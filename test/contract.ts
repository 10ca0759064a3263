import { describe, test } from "bun:test";
import { bytesCases } from "./contract/bytes.ts";
import { choiceCases } from "./contract/choice.ts";
import { descriptorCases } from "./contract/descriptors.ts";
import { dialCases } from "./contract/dials.ts";
import { edgeCases } from "./contract/edge.ts";
import { endCases } from "./contract/ends.ts";
import { hostileCases } from "./contract/hostile.ts";
import { latencyCases } from "./contract/latency.ts";
import { listenCases } from "./contract/listen.ts";
import { memoryCases } from "./contract/memory.ts";
import { mirrorCases } from "./contract/mirror.ts";
import { modeCases } from "./contract/modes.ts";
import { nameCases } from "./contract/names.ts";
import { optionCases } from "./contract/options.ts";
import { paceCases } from "./contract/pace.ts";
import { resetCases } from "./contract/resets.ts";
import { routeCases } from "./contract/route.ts";
import { shortageCases } from "./contract/shortage.ts";
import { stopCases } from "./contract/stop.ts";
import { storyCases } from "./contract/stories.ts";
import { type ContractOptions, Suite } from "./contract/suite.ts";
import { whereaboutCases } from "./contract/whereabouts.ts";

/**
 * What every engine must do, whatever it is made of: the five rules of DESIGN.md §2 as clients and
 * upstreams see them, on real sockets. One file per engine calls this; an engine that passes may
 * stand in for any other.
 *
 * After every case the engine is stopped and audited: no relay, segment or descriptor is left, the
 * reasons add up, and every byte received was sent or counted as lost.
 *
 * Cases that wait for most of their time are played beside each other.
 */
export function runEngineContract(options: ContractOptions): void {
  const suite = new Suite(options);
  describe("listening", () => listenCases(suite));
  describe("bytes", () => bytesCases(suite));
  describe.concurrent("ends", () => endCases(suite));
  describe.concurrent("resets", () => resetCases(suite));
  describe("dials", () => dialCases(suite));
  describe("names", () => nameCases(suite));
  describe.concurrent("choice", () => choiceCases(suite));
  describe("options", () => optionCases(suite));
  describe.concurrent("edge", () => edgeCases(suite));
  describe.concurrent("pace", () => paceCases(suite));
  describe("route", () => routeCases(suite));
  describe("stories", () => storyCases(suite));
  describe("whereabouts", () => whereaboutCases(suite));
  describe.concurrent("mirrors", () => mirrorCases(suite));
  describe("modes", () => modeCases(suite));
  describe("memory", () => memoryCases(suite));
  describe.concurrent("shortage", () => shortageCases(suite));
  describe("latency", () => latencyCases(suite));
  describe("descriptors", () => descriptorCases(suite));
  describe.concurrent("stop", () => stopCases(suite));
  describe("hostile", () => hostileCases(suite));
  // As a test, because the runner calls the functions above only after this one has returned.
  test("every skip names cases that exist and says why", () => suite.checkSkips());
}
