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

/** The cases by what they are about, and whether those of a group are played beside each other. */
const groups = {
  listening: { cases: listenCases, isConcurrent: false },
  bytes: { cases: bytesCases, isConcurrent: false },
  ends: { cases: endCases, isConcurrent: true },
  resets: { cases: resetCases, isConcurrent: true },
  dials: { cases: dialCases, isConcurrent: false },
  names: { cases: nameCases, isConcurrent: false },
  choice: { cases: choiceCases, isConcurrent: true },
  options: { cases: optionCases, isConcurrent: false },
  edge: { cases: edgeCases, isConcurrent: true },
  pace: { cases: paceCases, isConcurrent: true },
  hello: { cases: helloCases, isConcurrent: true },
  route: { cases: routeCases, isConcurrent: false },
  stories: { cases: storyCases, isConcurrent: false },
  whereabouts: { cases: whereaboutCases, isConcurrent: false },
  mirrors: { cases: mirrorCases, isConcurrent: false },
  modes: { cases: modeCases, isConcurrent: false },
  memory: { cases: memoryCases, isConcurrent: true },
  shortage: { cases: shortageCases, isConcurrent: true },
  latency: { cases: latencyCases, isConcurrent: false },
  descriptors: { cases: descriptorCases, isConcurrent: false },
  stop: { cases: stopCases, isConcurrent: true },
  hostile: { cases: hostileCases, isConcurrent: false },
};

/** What cases are about. */
export type Group = keyof typeof groups;

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
 *
 * @param isAbout the groups of cases that are played; all, if it is missing
 */
export function runEngineContract(options: ContractOptions, isAbout?: readonly Group[]): void {
  const suite = new Suite(options);
  for (const [name, { cases, isConcurrent }] of Object.entries(groups)) {
    if (isAbout !== undefined && !isAbout.includes(name as Group)) continue;
    const play = isConcurrent ? describe.concurrent : describe;
    play(name, () => cases(suite));
  }
  // As a test, because the runner calls the functions above only after this one has returned.
  test("every skip names cases that exist and says why", () => suite.checkSkips());
}
