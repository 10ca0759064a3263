import type { WantedListener } from "../config/options.ts";
import { believingAnybody } from "./believing-anybody.ts";
import { shortQueues } from "./short-queues.ts";
import { tlsWarnings } from "./tls-warnings.ts";
import { unknownCommands } from "./unknown-commands.ts";
import { withoutWeight } from "./without-weight.ts";

/**
 * Warnings about valid settings that are probably a mistake: at a start, a reload and by `check`.
 */
export function warningsOf(listeners: readonly WantedListener[]): readonly string[] {
  return [
    ...withoutWeight(listeners),
    ...believingAnybody(listeners),
    ...shortQueues(listeners),
    ...tlsWarnings(listeners),
    ...unknownCommands(listeners),
  ];
}
