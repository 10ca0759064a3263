import { type UringOptions, type UringSend, uringDefaults } from "./options.ts";
import { formatSize } from "./quantity.ts";
import {
  count,
  durationOrOff,
  isPowerOfTwo,
  onOff,
  powerSize,
  refuse,
  shortDuration,
  type ValuesOf,
  wholeNumber,
  word,
} from "./rule.ts";
import type { Problems, Sources } from "./sourced.ts";

/** The words of each choice. */
export const uringWords = {
  receive: ["multishot", "single"],
  send: ["plain", "message", "zerocopy", "zerocopy-message", "ring", "bundle"],
  taskrun: ["defer", "coop"],
  yield: ["auto", "always", "never"],
  napi: ["off", "busy", "prefer"],
} as const satisfies {
  receive: readonly UringOptions["receive"][];
  send: readonly UringSend[];
  taskrun: readonly UringOptions["taskrun"][];
  yield: readonly UringOptions["yield"][];
  napi: readonly UringOptions["napi"][];
};

const KIB = 1024;
const MIB = 1024 * KIB;
/** The longest that the kernel's polling thread may go on without work. */
const SQPOLL_MS_MAX = 60_000;

/**
 * The rules of the group `uring` by its keys in a file; a flag is such a key in kebab-case after
 * `--uring-`.
 */
export const uringRules = {
  receive: word(uringWords.receive),
  receiveBundles: onOff,
  receiveMessages: onOff,
  incremental: onOff,
  send: word<UringSend>(uringWords.send),
  taskrun: word(uringWords.taskrun),
  sqpoll: durationOrOff(0, SQPOLL_MS_MAX, "1ms…1m"),
  fixedFiles: onOff,
  hugePages: onOff,
  entries,
  waitCount,
  waitTimeout: shortDuration,
  yield: word(uringWords.yield),
  napi: word(uringWords.napi),
  napiTimeout: shortDuration,
  bufferSize: powerSize(256, 64 * KIB),
  bufferCount: count(1, 1024),
  largeBufferSize: powerSize(16 * KIB, 4 * MIB),
};

/** What the rules make of the group's values. */
export type UringValues = ValuesOf<typeof uringRules>;

export type UringKey = keyof UringValues;

/** The keys of the group, in the order of the help. */
export const uringKeys = Object.keys(uringRules) as readonly UringKey[];

/** Puts what was given and the defaults together, and tells what cannot be together. */
export function uring(given: Sources<UringValues>, problems: Problems): UringOptions {
  const initial = uringDefaults;
  const sqPollIdleMs = given.sqpoll?.value ?? initial.sqPollIdleMs;
  const options: UringOptions = {
    receive: given.receive?.value ?? initial.receive,
    ...receives(given, problems),
    send: given.send?.value ?? initial.send,
    taskrun: taskrun(given, sqPollIdleMs > 0, problems),
    sqPollIdleMs,
    fixedFiles: given.fixedFiles?.value ?? initial.fixedFiles,
    hugePages: given.hugePages?.value ?? initial.hugePages,
    entries: given.entries?.value ?? initial.entries,
    waitCount: given.waitCount?.value ?? initial.waitCount,
    waitTimeoutMicros: given.waitTimeout?.value ?? initial.waitTimeoutMicros,
    yield: given.yield?.value ?? initial.yield,
    napi: given.napi?.value ?? initial.napi,
    napiTimeoutMicros: given.napiTimeout?.value ?? initial.napiTimeoutMicros,
    bufferSize: given.bufferSize?.value ?? initial.bufferSize,
    bufferCount: given.bufferCount?.value ?? initial.bufferCount,
    largeBufferSize: given.largeBufferSize?.value ?? initial.largeBufferSize,
  };
  rejectSizes(options, given, problems);
  rejectIncremental(options, given, problems);
  rejectYield(options, given, problems);
  return options;
}

/** What a bundle of buffers cannot be together with, and why. */
const NO_BUNDLES = {
  receiveMessages: "which a RECVMSG has not",
  incremental: "of which it cannot be told where in its buffers the bytes are",
} as const;

/**
 * Bundles, or what they exclude: what is asked for puts the other one's default out of the way.
 *
 * The kernel takes bundles of incremental buffers, but a completion names one buffer and one size
 * only: bytes were mixed up when it was tried.
 */
function receives(
  given: Sources<UringValues>,
  problems: Problems,
): Pick<UringOptions, "receiveBundles" | "receiveMessages" | "incremental"> {
  const read = (key: "receiveBundles" | keyof typeof NO_BUNDLES) =>
    given[key]?.value ?? uringDefaults[key];
  const options = {
    receiveBundles: read("receiveBundles"),
    receiveMessages: read("receiveMessages"),
    incremental: read("incremental"),
  };
  for (const key of ["receiveMessages", "incremental"] as const) {
    if (!options.receiveBundles || !options[key]) continue;
    if (given.receiveBundles === undefined) options.receiveBundles = false;
    else if (given[key] === undefined) options[key] = false;
    else {
      const why = `contradicts receive bundles, ${NO_BUNDLES[key]}: leave one of them out`;
      problems.add(given[key], why);
    }
  }
  return options;
}

/** A message has a header at the beginning of its buffer, for which a rest may have no room. */
function rejectIncremental(
  options: UringOptions,
  given: Sources<UringValues>,
  problems: Problems,
): void {
  if (!options.incremental || !options.receiveMessages) return;
  const why = "contradicts receive messages, which need whole buffers: leave one of them out";
  problems.add(given.incremental, why);
}

/** Who waits for a number of completions sleeps until they are there; a polling thread never waits. */
function rejectYield(
  { yield: yields, sqPollIdleMs, waitCount }: UringOptions,
  { yield: given }: Sources<UringValues>,
  problems: Problems,
): void {
  if (yields !== "always") return;
  const why = (what: string) => `contradicts ${what}: leave one of them out`;
  if (sqPollIdleMs > 0) problems.add(given, why("sqpoll, whose thread submits by itself"));
  else if (waitCount > 0) problems.add(given, why("a number of completions to wait for"));
}

function rejectSizes(
  { bufferSize, largeBufferSize }: UringOptions,
  given: Sources<UringValues>,
  problems: Problems,
): void {
  if (bufferSize < largeBufferSize) return;
  const pair = `${formatSize(bufferSize)} and ${formatSize(largeBufferSize)}`;
  const { bufferSize: blamed = given.largeBufferSize } = given;
  problems.add(blamed, `contradicts: large buffers are larger than the others, not ${pair}`);
}

/** The kernel's thread works on completions itself, so that there is nothing to defer. */
function taskrun(
  { taskrun: given }: Sources<UringValues>,
  polls: boolean,
  problems: Problems,
): UringOptions["taskrun"] {
  if (!polls) return given?.value ?? uringDefaults.taskrun;
  if (given?.value === "defer") {
    const why = "contradicts sqpoll, with which nothing can be deferred: leave one of them out";
    problems.add(given, why);
  }
  return "coop";
}

function entries(value: unknown): number {
  const number = wholeNumber(value);
  if (isPowerOfTwo(number) && number >= 16 && number <= 32_768) return number;
  return refuse(value, "a power of two of 16…32,768");
}

/** A number of completions; 0 for `adaptive`. */
function waitCount(value: unknown): number {
  if (value === "adaptive") return 0;
  const number = wholeNumber(value);
  if (number >= 1 && number <= 4_096) return number;
  return refuse(value, "a whole number of 1…4,096, or adaptive");
}
