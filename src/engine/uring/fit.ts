import type { UringOptions, UringSend } from "../../config/options.ts";
import type { UringFeatures, UringReport } from "./report.ts";

/** Options that the running kernel supports, and how they differ from those wanted. */
export interface Fitted {
  readonly options: UringOptions;
  /** One line for each change, for the log. */
  readonly notes: readonly string[];
}

/** Replaces what the running kernel lacks by the next best, and reports it. */
export function fit(options: UringOptions, { features }: UringReport): Fitted {
  const notes: string[] = [];
  const lacks = (what: string, since: string, instead: string) =>
    notes.push(`this kernel has no ${what} (since ${since}): ${instead}`);
  const fitted = { ...options, send: sendFor(options.send, features, lacks) };
  if (options.taskrun === "defer" && !features.deferTaskrun) {
    fitted.taskrun = "coop";
    lacks("deferred completions", "6.1", "they are worked on cooperatively");
  }
  if (options.receiveBundles && !features.bundles) {
    fitted.receiveBundles = false;
    lacks("receive bundles", "6.10", "a receive fills one buffer");
  }
  if (options.incremental && !features.incremental) {
    fitted.incremental = false;
    lacks("incremental buffers", "6.12", "whole buffers are used");
  }
  if (options.waitCount > 1 && !features.minTimeout) {
    fitted.waitCount = 1;
    lacks("minimum waits", "6.12", "one completion ends a wait");
  }
  if (options.napi !== "off" && !features.napi) {
    fitted.napi = "off";
    lacks("polling of network devices", "6.9, if built in", "interrupts tell what came");
  }
  if (options.hugePages && features.freeHugePages === 0) {
    notes.push("no huge pages are reserved (vm.nr_hugepages): transparent ones are used");
  }
  return { options: fitted, notes };
}

function sendFor(
  send: UringSend,
  { sendBufferSelect, zeroCopy }: UringFeatures,
  lacks: (what: string, since: string, instead: string) => void,
): UringSend {
  if ((send === "ring" || send === "bundle") && !sendBufferSelect) {
    const next = send === "ring" ? "plain" : "message";
    lacks("sends from buffer rings", "6.10", `they are ${next} ones`);
    return next;
  }
  if ((send === "zerocopy" || send === "zerocopy-message") && !zeroCopy) {
    const next = send === "zerocopy" ? "plain" : "message";
    lacks("zero-copy sends", "6.1", `they are ${next} ones`);
    return next;
  }
  return send;
}
