import type { WantedListener } from "../config/options.ts";
import { believingAnybody } from "./believing-anybody.ts";
import { shortQueues } from "./short-queues.ts";
import { tlsWarnings } from "./tls-warnings.ts";
import { withoutWeight } from "./without-weight.ts";

/** What is right and yet hardly meant, as sentences: told at a start, a reload and by `check`. */
export function warningsOf(listeners: readonly WantedListener[]): readonly string[] {
  return [
    ...withoutWeight(listeners),
    ...believingAnybody(listeners),
    ...shortQueues(listeners),
    ...tlsWarnings(listeners),
  ];
}
