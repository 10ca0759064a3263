import {
  count,
  fail,
  type GivenValue,
  labelled,
  oneOf,
  onOff,
  powerSize,
  refuse,
  scalar,
  wholeNumber,
} from "./given.ts";
import { type UringOptions, type UringSend, uringDefaults } from "./options.ts";
import { formatSize, parseDuration, parseMicros } from "./quantity.ts";

/** The keys of the group `uring` in a file; a flag is such a key in kebab-case after `--uring-`. */
export const uringKeys = [
  "receive",
  "receiveBundles",
  "receiveMessages",
  "incremental",
  "send",
  "taskrun",
  "sqpoll",
  "fixedFiles",
  "hugePages",
  "entries",
  "waitCount",
  "waitTimeout",
  "napi",
  "napiTimeout",
  "bufferSize",
  "bufferCount",
  "largeBufferSize",
] as const;

export type UringKey = (typeof uringKeys)[number];

/** What was given of the group. */
export type GivenUring = { readonly [key in UringKey]?: GivenValue };

/** The words of each choice. */
export const uringWords = {
  receive: ["multishot", "single"],
  send: ["plain", "message", "zerocopy", "zerocopy-message", "ring", "bundle"],
  taskrun: ["defer", "coop"],
  napi: ["off", "busy", "prefer"],
} as const satisfies {
  receive: readonly UringOptions["receive"][];
  send: readonly UringSend[];
  taskrun: readonly UringOptions["taskrun"][];
  napi: readonly UringOptions["napi"][];
};

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MICROS = 1_000_000;
/** The longest that the kernel's polling thread may go on without work. */
const SQPOLL_MS_MAX = 60_000;

/**
 * The rules for what only the uring engine knows.
 *
 * @throws ConfigError for the first value that breaks one, and for what cannot be together
 */
export function uring(given: GivenUring): UringOptions {
  const initial = uringDefaults;
  const sqPollIdleMs = sqPoll(given.sqpoll);
  const options: UringOptions = {
    receive: oneOf(given.receive, uringWords.receive, initial.receive),
    ...receives(given),
    send: oneOf<UringSend>(given.send, uringWords.send, initial.send),
    taskrun: taskrun(given.taskrun, sqPollIdleMs > 0),
    sqPollIdleMs,
    fixedFiles: onOff(given.fixedFiles, initial.fixedFiles),
    hugePages: onOff(given.hugePages, initial.hugePages),
    entries: entries(given.entries),
    waitCount: waitCount(given.waitCount),
    waitTimeoutMicros: micros(given.waitTimeout, initial.waitTimeoutMicros),
    napi: oneOf(given.napi, uringWords.napi, initial.napi),
    napiTimeoutMicros: micros(given.napiTimeout, initial.napiTimeoutMicros),
    bufferSize: powerSize(given.bufferSize, 256, 64 * KIB, initial.bufferSize),
    bufferCount: count(given.bufferCount, 1, 1024, initial.bufferCount),
    largeBufferSize: powerSize(given.largeBufferSize, 16 * KIB, 4 * MIB, initial.largeBufferSize),
  };
  rejectSizes(options, given);
  rejectIncremental(options, given.incremental);
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
  given: GivenUring,
): Pick<UringOptions, "receiveBundles" | "receiveMessages" | "incremental"> {
  const read = (key: "receiveBundles" | keyof typeof NO_BUNDLES) =>
    onOff(given[key], uringDefaults[key]);
  const options = {
    receiveBundles: read("receiveBundles"),
    receiveMessages: read("receiveMessages"),
    incremental: read("incremental"),
  };
  for (const key of ["receiveMessages", "incremental"] as const) {
    if (!options.receiveBundles || !options[key]) continue;
    if (given.receiveBundles === undefined) options.receiveBundles = false;
    else if (given[key] === undefined) options[key] = false;
    else fail(given[key], `contradicts receive bundles, ${NO_BUNDLES[key]}: leave one of them out`);
  }
  return options;
}

/** A message has a header at the beginning of its buffer, for which a rest may have no room. */
function rejectIncremental(options: UringOptions, given: GivenValue | undefined): void {
  if (!options.incremental || !options.receiveMessages) return;
  fail(given, "contradicts receive messages, which need whole buffers: leave one of them out");
}

function rejectSizes({ bufferSize, largeBufferSize }: UringOptions, given: GivenUring): void {
  if (bufferSize < largeBufferSize) return;
  const pair = `${formatSize(bufferSize)} and ${formatSize(largeBufferSize)}`;
  const { bufferSize: blamed = given.largeBufferSize } = given;
  fail(blamed, `contradicts: large buffers are larger than the others, not ${pair}`);
}

/** The kernel's thread works on completions itself, so that there is nothing to defer. */
function taskrun(given: GivenValue | undefined, polls: boolean): UringOptions["taskrun"] {
  if (!polls) return oneOf(given, uringWords.taskrun, uringDefaults.taskrun);
  if (oneOf(given, uringWords.taskrun, "coop") === "defer") {
    fail(given, "contradicts sqpoll, with which nothing can be deferred: leave one of them out");
  }
  return "coop";
}

function sqPoll(given: GivenValue | undefined): number {
  if (given === undefined) return uringDefaults.sqPollIdleMs;
  if (given.value === "off" || given.value === false) return 0;
  const value = scalar(given);
  const idleMs = labelled(given, () => parseDuration(value));
  return idleMs <= SQPOLL_MS_MAX ? idleMs : refuse(given, "a duration of 1ms…1m, or off");
}

function entries(given: GivenValue | undefined): number {
  if (given === undefined) return uringDefaults.entries;
  const number = wholeNumber(given);
  const isPower = Number.isInteger(Math.log2(number));
  if (isPower && number >= 16 && number <= 32_768) return number;
  return refuse(given, "a power of two of 16…32,768");
}

function waitCount(given: GivenValue | undefined): number {
  if (given === undefined) return uringDefaults.waitCount;
  if (given.value === "adaptive") return 0;
  const number = wholeNumber(given);
  if (number >= 1 && number <= 4_096) return number;
  return refuse(given, "a whole number of 1…4,096, or adaptive");
}

function micros(given: GivenValue | undefined, initial: number): number {
  if (given === undefined) return initial;
  const value = scalar(given);
  const time = labelled(given, () => parseMicros(value));
  return time >= 1 && time <= SECOND_MICROS ? time : refuse(given, "a duration of 1us…1s");
}
