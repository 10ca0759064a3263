import { describe, test } from "bun:test";
import { bytesCases } from "./bytes.ts";
import { choiceCases } from "./choice.ts";
import { descriptorCases } from "./descriptors.ts";
import { dialCases } from "./dials.ts";
import { edgeCases } from "./edge.ts";
import { endCases } from "./ends.ts";
import { helloCases } from "./hello.ts";
import { hostileCases } from "./hostile.ts";
import { latencyCases } from "./latency.ts";
import { listenCases } from "./listen.ts";
import { memoryCases } from "./memory.ts";
import { mirrorCases } from "./mirror.ts";
import { modeCases } from "./modes.ts";
import { nameCases } from "./names.ts";
import { optionCases } from "./options.ts";
import { paceCases } from "./pace.ts";
import { resetCases } from "./resets.ts";
import { routeCases } from "./route.ts";
import { shortageCases } from "./shortage.ts";
import { stopCases } from "./stop.ts";
import { storyCases } from "./stories.ts";
import { type ContractOptions, Suite } from "./suite.ts";
import { whereaboutCases } from "./whereabouts.ts";

/**
 * What every engine must do, whatever it is made of: the five rules of DESIGN.md §2 as clients and
 * upstreams see them, on real sockets. One file per engine calls this; an engine that passes may
 * stand in for any other.
 *
 * What the relay layer decides whatever carries it is played in test/simulation/policy instead: a case is here when
 * a kernel, a thread or a carrier may answer it differently.
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
  describe.concurrent("hello", () => helloCases(suite));
  describe("route", () => routeCases(suite));
  describe("stories", () => storyCases(suite));
  describe("whereabouts", () => whereaboutCases(suite));
  describe("mirrors", () => mirrorCases(suite));
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
