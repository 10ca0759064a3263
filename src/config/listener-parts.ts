import { ejectionDefaults } from "../upstream/health/check-options.ts";
import type { HealthOptions, MirrorOptions, RouteOptions, ValkeyOptions } from "./options.ts";
import type { Sources } from "./sourced.ts";
import { optionsIn } from "./table/setting.ts";
import { type ListenerValues, listenerTable } from "./table/table.ts";

/** Returns the health options of a listener, except its check. */
export function healthOf(given: Sources<ListenerValues>): Omit<HealthOptions, "check"> {
  const { failures, baseMs } = optionsIn(listenerTable, "health.ejection", given);
  const ejection = { ...ejectionDefaults, failures, baseMs, mostMs: 10 * baseMs };
  return {
    ejection: failures === 0 ? null : ejection,
    ...optionsIn(listenerTable, "health", given),
  };
}

/** Returns the mirror of a listener; null for none. @param sources the addresses to dial from */
export function mirrorOf(
  given: Sources<ListenerValues>,
  sources: readonly string[],
): MirrorOptions | null {
  const { address, ...rest } = optionsIn(listenerTable, "mirror", given);
  if (address === "none") return null;
  return { address, ...rest, ...(sources.length === 0 ? {} : { sourceAddresses: sources }) };
}

/** Returns the route options of a listener; null without a function. */
export function routeOf(given: Sources<ListenerValues>): RouteOptions | null {
  const { hook, ...rest } = optionsIn(listenerTable, "route", given);
  return hook === null ? null : { hook, ...rest };
}

/** Returns how a listener of mode `valkey` serves its clients; null in any other mode. */
export function valkeyOf(given: Sources<ListenerValues>): ValkeyOptions | null {
  return given.mode?.value === "valkey" ? optionsIn(listenerTable, "valkey", given) : null;
}
