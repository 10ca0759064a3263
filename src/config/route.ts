import type { RouteOptions } from "./options.ts";
import type { Sources } from "./sourced.ts";
import { optionsIn } from "./table/setting.ts";
import { type ListenerValues, listenerTable } from "./table/table.ts";

/** Puts together what was given; null when there is no function. */
export function routeOf(given: Sources<ListenerValues>): RouteOptions | null {
  const { hook, ...rest } = optionsIn(listenerTable, "route", given);
  return hook === null ? null : { hook, ...rest };
}
