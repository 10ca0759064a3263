import type { ConsolaInstance } from "consola/core";
import type { EngineName } from "../config/options.ts";
import type { EngineInUse } from "../control/engines.ts";
import { programName } from "./program.ts";

/**
 * Logs which engines carry listeners, and why. Of a single one that is as it should be only those read
 * it who want details.
 *
 * @param known engines that were announced before
 */
export function announceEngines(
  log: Pick<ConsolaInstance, "info" | "debug">,
  inUse: readonly Pick<EngineInUse, "choice">[],
  known: ReadonlySet<EngineName> = new Set(),
): void {
  for (const { choice } of inUse) {
    const { name, why, fellBack, notes } = choice;
    if (known.has(name)) continue;
    const hint = fellBack ? `; \`${programName()} doctor\` says what to do` : "";
    const isNews = fellBack || inUse.length > 1;
    log[isNews ? "info" : "debug"](`engine ${name} (${why})${hint}`);
    for (const note of notes) log.info(`engine ${name}: ${note}`);
  }
}
