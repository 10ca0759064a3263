import { ownBeginningTls } from "./beginning-tls.ts";
import { ownChecking, ownLeaving } from "./checking.ts";
import { ownEntering } from "./entering.ts";
import { count, truth } from "./kind.ts";
import { perUpstream } from "./setting.ts";

/** The largest weight of an upstream. */
export const WEIGHT_MAX = 256;

/** What is said of one upstream, beside its address. */
export const upstreamTable = {
  weight: perUpstream({
    is: count(0, WEIGHT_MAX),
    about: "Its share of new relays, relative to the others' weights; 0 gets none.",
    more: "Not for a service: its records have weights.",
    initial: 1,
    at: "weight",
    examples: { cache1: 2 },
  }),
  backup: perUpstream({
    is: truth,
    about: "Use it only if no other upstream is up or can be reached.",
    initial: false,
    at: "isBackup",
    examples: { cache2: true },
  }),
  maxRelays: perUpstream({
    is: count(0, 10_000_000),
    about: "The most relays that it may have at once; 0 for any number.",
    more: "Counted for all workers together.",
    initial: 0,
    at: "maxRelays",
    examples: { cache1: 500 },
  }),
  ...ownChecking,
  ...ownEntering,
  ...ownBeginningTls,
  ...ownLeaving,
};
