import { formatSize } from "../base/quantity.ts";
import { uringDefaults } from "./defaults.ts";
import type { UringOptions } from "./options.ts";
import type { Problems, Sources } from "./sourced.ts";
import { optionsIn } from "./table/setting.ts";
import { type UringValues, uringTable } from "./table/table.ts";

/** Returns the options of the uring engine, and reports contradictions. */
export function uring(given: Sources<UringValues>, problems: Problems): UringOptions {
  const plain = optionsIn(uringTable, "", given);
  const options: UringOptions = {
    ...plain,
    ...receives(given, problems),
    taskrun: taskrun(given, plain.sqPollIdleMs > 0, problems),
  };
  rejectSizes(options, given, problems);
  rejectIncremental(options, given, problems);
  rejectYield(options, given, problems);
  return options;
}

/** What does not go together with bundles of buffers, and why. */
const NO_BUNDLES = {
  receiveMessages: "which RECVMSG does not support",
  incremental: "which do not show where in a buffer their bytes are",
} as const;

/**
 * Bundles exclude two other settings. A setting that was given overrides the other one's default.
 *
 * The kernel accepts bundles of incremental buffers, but a completion names only one buffer and one
 * size: when it was tried, bytes got mixed up.
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

/** A message begins with a header, for which the rest of a buffer may have no room. */
function rejectIncremental(
  options: UringOptions,
  given: Sources<UringValues>,
  problems: Problems,
): void {
  if (!options.incremental || !options.receiveMessages) return;
  const why = "contradicts receive messages, which need whole buffers: leave one of them out";
  problems.add(given.incremental, why);
}

/**
 * Yielding is useless if the worker sleeps for a number of completions, or a kernel thread polls.
 */
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
  problems.add(
    blamed,
    `contradicts the other buffer size: expected bufferSize below largeBufferSize, not ${pair}`,
  );
}

/** With SQPOLL the kernel's thread processes completions itself, so nothing can be deferred. */
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
