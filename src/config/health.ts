import { type EjectionOptions, ejectionDefaults } from "../upstream/health/check-options.ts";
import type { HealthOptions } from "./options.ts";
import type { Sources } from "./sourced.ts";
import { optionsIn } from "./table/setting.ts";
import { type ListenerValues, listenerTable } from "./table/table.ts";

/** Puts together what was given of upstreams' health, beside how they are checked. */
export function healthOf(given: Sources<ListenerValues>): Omit<HealthOptions, "check"> {
  return { ejection: ejectionOf(given), ...optionsIn(listenerTable, "health", given) };
}

function ejectionOf(given: Sources<ListenerValues>): EjectionOptions | null {
  const { failures, baseMs } = optionsIn(listenerTable, "health.ejection", given);
  return failures === 0 ? null : { ...ejectionDefaults, failures, baseMs, mostMs: 10 * baseMs };
}
