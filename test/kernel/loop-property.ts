import fc from "fast-check";
import type { Address } from "../../src/base/address.ts";
import type { MirrorOptions } from "../../src/config/options.ts";
import type { Ending } from "./end.ts";
import { someFaults } from "./faults.ts";
import { Life, type LoopClass, type Story } from "./life.ts";
import { Port } from "./world.ts";

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
  [{ kind: "unix", path: "/nobody" }],
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
  { address: literal(Port.Silent), bufferSize: 20_000, percent: 100 },
];

const choice = fc.constantFrom;

const anyStory: fc.Arbitrary<Story> = fc.record({
  seed: fc.noShrink(fc.nat()),
  faults: someFaults,
  clients: choice(1, 2, 3, 8, 20),
  mode: choice("bidirectional", "bidirectional", "bidirectional", "oneway", "sink"),
  endings: choice(...endings),
  upstreams: choice(...upstreams),
  slowPercent: choice(0, 20, 100),
  resetPercent: choice(0, 10, 50),
  totalMax: choice(1_000, 30_000, 300_000),
  stormMs: choice(20, 100, 600),
  stopsEarly: choice(false, false, true),
  drainMs: choice(0, 1, 50, 3_000),
  segmentCount: choice(8, 16, 64),
  bufferSize: choice(256, 1024),
  bufferCount: choice(1, 4, 64),
  entries: choice(64, 4, 16),
  completions: choice(256, 4, 16),
  incremental: choice(false, false, false, true),
  receive: choice("multishot", "multishot", "single"),
  receiveAs: choice("plain", "plain", "bundles", "messages"),
  send: choice("plain", "plain", "message", "zerocopy", "zerocopy-message", "ring", "bundle"),
  fixedFiles: choice(false, false, true),
  waitCount: choice(0, 0, 8),
  yield: choice("always", "never"),
  descriptors: choice(100_000, 100_000, 30, 7),
  connectTimeoutMs: choice(5_000, 30, 3),
  holdMs: choice(0, 0, 50, 2_000),
  maxRelays: choice(0, 0, 1, 3),
  queueMs: choice(0, 50, 2_000),
  upRate: choice(0, 0, 0, 256 * 1024),
  downRate: choice(0, 0, 0, 256 * 1024),
  routes: choice(false, false, false, true),
  mirror: choice(null, null, null, null, null, ...mirrors),
});

/**
 * Everything that a run is drawn from; the seed alone is not shrunk. Buffers that are filled bit by
 * bit are for plain receives: what is left of one has no room for a message's header, and a bundle
 * does not say where in its first one it begins.
 */
const story = anyStory.map(
  (one): Story => ({
    ...one,
    receiveAs: one.incremental ? "plain" : one.receiveAs,
    mirror: one.mode === "sink" ? null : one.mirror,
  }),
);

/** Whatever the kernel and the ends do, every rule holds, and nothing is left at the end. */
export function loopProperty(LoopUnderTest: LoopClass): fc.IPropertyWithHooks<[Story]> {
  return fc.property(story, (one) => new Life(LoopUnderTest, one).run());
}
