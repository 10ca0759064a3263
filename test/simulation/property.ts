import fc from "fast-check";
import type { Address } from "../../src/base/address.ts";
import type { MirrorOptions } from "../../src/config/options.ts";
import type { Ending } from "../kernel/end.ts";
import { someFaults } from "../kernel/faults.ts";
import { Port } from "../kernel/world.ts";
import { Life, type Story } from "./life.ts";

const literal = (port: Port): Address => ({ kind: "tcp", host: "10.9.9.9", port });
const name = (host: string): Address => ({ kind: "tcp", host, port: Port.Answers });

const upstreams: readonly (readonly Address[])[] = [
  [literal(Port.Answers)],
  [literal(Port.Answers), literal(Port.Answers2)],
  [literal(Port.Refuses), literal(Port.Answers)],
  [literal(Port.Silent), literal(Port.Answers), literal(Port.Unreachable)],
  [name("one.test")],
  [name("many.test"), literal(Port.Answers)],
  [name("slow.test")],
  [name("far.test"), literal(Port.Answers)],
  [name("none.test"), name("one.test")],
];

const endings: readonly (readonly Ending[])[] = [
  ["fin"],
  ["fin", "answer"],
  ["fin", "answer", "leave", "reset", "stay"],
  ["stay"],
];

const mirrors: readonly MirrorOptions[] = [
  { address: literal(Port.Answers), bufferSize: 4096, percent: 100 },
  { address: literal(Port.Answers), bufferSize: 1_000_000, percent: 50 },
  { address: name("many.test"), bufferSize: 20_000, percent: 100 },
  { address: literal(Port.Refuses), bufferSize: 20_000, percent: 100 },
];

const choice = fc.constantFrom;

/** Everything that a run is drawn from; the seed alone is not shrunk. */
const anyStory: fc.Arbitrary<Story> = fc
  .record({
    seed: fc.noShrink(fc.nat()),
    faults: someFaults,
    clients: choice(1, 2, 3, 8),
    mode: choice("bidirectional", "bidirectional", "bidirectional", "oneway", "sink"),
    endings: choice(...endings),
    upstreams: choice(...upstreams),
    slowPercent: choice(0, 20, 100),
    resetPercent: choice(0, 10, 50),
    totalMax: choice(100, 3_000, 30_000),
    stormMs: choice(20, 100, 300),
    stopsEarly: choice(false, false, true),
    drainMs: choice(0, 1, 50, 3_000),
    limitsReceives: fc.boolean(),
    memory: choice(5 * 4096, 16 * 4096, 256 * 4096),
    descriptors: choice(100_000, 100_000, 30, 7),
    connectTimeoutMs: choice(5_000, 30, 3),
    halfCloseTimeoutMs: choice(600_000, 600_000, 40),
    idleTimeoutMs: choice(0, 0, 0, 40),
    lifetimeMs: choice(0, 0, 0, 100),
    holdMs: choice(0, 0, 50, 2_000),
    maxRelays: choice(0, 0, 1, 3),
    queueMs: choice(0, 50, 2_000),
    tries: choice(3, 1, 8),
    upRate: choice(0, 0, 0, 256 * 1024),
    downRate: choice(0, 0, 0, 256 * 1024),
    header: choice(false, false, true),
    request: choice(false, false, true),
    peek: choice(0, 0, 1, 200),
    routes: choice(false, false, false, true),
    mirror: choice(null, null, null, ...mirrors),
    operator: choice(false, true),
  })
  .map((story): Story => ({ ...story, mirror: story.mode === "sink" ? null : story.mirror }));

/** Whatever the network and the ends do, every rule holds, and nothing is left at the end. */
export const holdsEveryRule = fc.property(anyStory, (story) => {
  const life = new Life(story);
  try {
    life.run();
  } catch (error) {
    const shown = life.told.slice(-40).join("\n");
    throw new Error(`${(error as Error).message}\n${shown}`, { cause: error });
  }
});
