import type { MirrorOptions } from "./options.ts";
import type { Sources } from "./sourced.ts";
import { optionsIn } from "./table/setting.ts";
import { type ListenerValues, listenerTable } from "./table/table.ts";

/** Puts together what was given; null when nobody gets a copy. */
export function mirrorOf(
  given: Sources<ListenerValues>,
  sources: readonly string[],
): MirrorOptions | null {
  const { address, ...rest } = optionsIn(listenerTable, "mirror", given);
  if (address === "none") return null;
  return { address, ...rest, ...(sources.length === 0 ? {} : { sourceAddresses: sources }) };
}
