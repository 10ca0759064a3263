import fc from "fast-check";
import type { Address } from "../../src/base/address.ts";
import type { MirrorOptions } from "../../src/config/options.ts";
import type { Ending } from "../kernel/end.ts";
import { someFaults } from "../kernel/faults.ts";
import { Port } from "../kernel/world.ts";
import { HELLO_MS } from "./asking.ts";
import { Life } from "./life.ts";
import { describe, type EdgeStory, type Story } from "./story.ts";

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

const someEdge: fc.Arbitrary<EdgeStory> = fc.record({
  proxyProtocol: choice("off", "optional", "required"),
  believesFew: fc.boolean(),
  preambleTimeoutMs: choice(10, 60, 5_000),
  sendProxyProtocol: choice("off", "v1", "v2"),
  hosts: choice(1, 2, 5),
  denies: choice(false, false, true),
  maxRelays: choice(0, 0, 0, 1, 3),
  totalRelays: choice(0, 0, 0, 2),
  maxRelaysPerClient: choice(0, 0, 0, 1, 2),
  maxRelaysPerNetwork: choice(0, 0, 0, 1, 3),
  clientRate: choice(0, 0, 0, 1, 50),
  networkRate: choice(0, 0, 0, 1, 50),
  whenFull: choice("refuse", "wait"),
  fullTimeoutMs: choice(20, 2_000),
  refusal: choice<EdgeStory["refusal"][]>("reset", "close", { tarpitMs: 100 }),
});

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
    totalMax: choice(100, 30_000, 60_000),
    fullPercent: choice(20, 80),
    stormMs: choice(20, 20, 100, 100, 300, 300, 300, 15_000),
    stopsEarly: choice(false, false, false, true),
    drainMs: choice(0, 1, 50, 3_000),
    limitsReceives: fc.boolean(),
    memory: choice(2 * 4096, 5 * 4096, 256 * 4096),
    descriptors: choice(100_000, 100_000, 30, 7),
    upstreamInside: choice(false, false, false, true),
    connectTimeoutMs: choice(5_000, 5_000, 30, 3),
    halfCloseTimeoutMs: choice(600_000, 600_000, 40),
    idleTimeoutMs: choice(0, 0, 0, 40),
    clientIdleTimeoutMs: choice(0, 0, 0, 0, 40),
    upstreamIdleTimeoutMs: choice(0, 0, 0, 0, 40),
    lifetimeMs: choice(0, 0, 0, 100),
    holdMs: choice(0, 0, 50, 2_000),
    maxRelays: choice(0, 0, 1, 3),
    queueMs: choice(0, 0, 50, 2_000),
    queueMax: choice(1_000, 1),
    tries: choice(3, 1, 8),
    retries: choice(0, 0, 2),
    budgetMs: choice(0, 0, 0, 100),
    upRate: choice(0, 0, 0, 20_000, 256 * 1024),
    downRate: choice(0, 0, 0, 20_000, 256 * 1024),
    routes: choice("none", "none", "none", "relay", "refuse"),
    request: choice(false, false, true),
    peek: choice(0, 0, 1, 200),
    mirror: choice(null, null, null, ...mirrors),
    edge: fc.option(someEdge, { freq: 2 }),
    operator: choice(false, true),
    // Last, so that all else that is drawn from a seed stays what it was.
    names: choice(false, false, true),
  })
  .map((story): Story => {
    const isSink = story.mode === "sink";
    const names = story.names && !isSink;
    // What asks for encryption comes before TLS, and a hello is read first here.
    return {
      ...story,
      helloMs: HELLO_MS,
      drips: false,
      mirror: isSink ? null : story.mirror,
      names,
      request: story.request && !names,
    };
  });

/** Whatever the network and the ends do, every rule holds, and nothing is left at the end. */
export const holdsEveryRule = fc.property(anyStory, (story) => {
  const life = new Life(story);
  try {
    life.run();
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`${message}\n${describe(story)}\n${life.told.join("\n")}`, { cause: error });
  }
});
